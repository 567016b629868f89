"""What a replica says of itself, to whoever asks in whatever way."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from app.client.health_server import answering
from app.dns.health import Standing, routes

pytestmark = pytest.mark.enable_socket

READY = Standing(is_ready=True, words="revision 7")
EMPTY = Standing(is_ready=False, words="it has not been loaded yet")


@asynccontextmanager
async def endpoint(standing: Standing = READY) -> AsyncGenerator[httpx.AsyncClient, None]:
    metrics = CollectorRegistry()
    Counter("seen", "Things seen.", registry=metrics).inc(3)
    paths = routes(lambda: standing, metrics)
    async with (
        answering("127.0.0.1", 0, paths) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


@pytest.mark.parametrize("path", ["/readyz", "/healthz?verbose"])
async def test_a_loaded_replica_is_ready_and_says_of_what(path: str) -> None:
    async with endpoint() as client:
        answer = await client.get(path)
    assert answer.status_code == httpx.codes.OK
    assert answer.json() == {
        "status": "ok",
        "checks": [{"name": "state", "ok": True, "message": "revision 7"}],
    }


async def test_an_empty_replica_lives_and_is_not_ready() -> None:
    async with endpoint(EMPTY) as client:
        assert (await client.get("/livez")).is_success
        answer = await client.get("/readyz")
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.json()["message"] == "not ready: state: it has not been loaded yet"
    assert answer.json()["kind"] == "Status"


async def test_what_is_counted_is_shown_as_prometheus_reads_it() -> None:
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
