"""The health endpoints of a replica."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from app.dns.health import Readiness, routes
from app.health_server import answering

pytestmark = pytest.mark.enable_socket

READY = Readiness(is_ready=True, words="revision 7")
EMPTY = Readiness(is_ready=False, words="it has not been loaded yet")


@asynccontextmanager
async def endpoint(readiness: Readiness = READY) -> AsyncGenerator[httpx.AsyncClient, None]:
    metrics = CollectorRegistry()
    Counter("seen", "Things seen.", registry=metrics).inc(3)
    paths = routes(lambda: readiness, metrics)
    async with (
        answering("127.0.0.1", 0, paths) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


@pytest.mark.parametrize("path", ["/readyz", "/healthz?verbose"])
async def test_a_loaded_replica_is_ready_and_reports_its_revision(path: str) -> None:
    async with endpoint() as client:
        answer = await client.get(path)
    assert answer.status_code == httpx.codes.OK
    assert answer.json() == {
        "status": "ok",
        "checks": [{"name": "state", "ok": True, "message": "revision 7"}],
    }


async def test_an_empty_replica_is_live_and_not_ready() -> None:
    async with endpoint(EMPTY) as client:
        assert (await client.get("/livez")).is_success
        answer = await client.get("/readyz")
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.json()["message"] == "not ready: state: it has not been loaded yet"
    assert answer.json()["kind"] == "Status"


async def test_metrics_are_in_prometheus_text_format() -> None:
    async with endpoint() as client:
        answer = await client.get("/metrics")
    assert "seen_total 3.0" in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_head_is_answered_without_a_body() -> None:
    async with endpoint() as client:
        answer = await client.head("/livez")
    assert (answer.status_code, answer.content) == (httpx.codes.OK, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/services", 404), ("POST", "/readyz", 405), ("DELETE", "/nothing", 405)],
)
async def test_anything_else_is_refused(method: str, path: str, status: int) -> None:
    async with endpoint() as client:
        assert (await client.request(method, path)).status_code == status
