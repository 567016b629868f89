"""What the agent says of itself, to whoever asks in whatever way."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest

from app.agent import health
from app.agent.health import answering, health_route, metrics_route, problems_of
from app.agent.tally import Tally
from app.domain.names import Revision

pytestmark = pytest.mark.enable_socket


def settled() -> Tally:
    tally = Tally()
    tally.applied(3)
    tally.settled(Revision(42), 1, now_s=5)
    return tally


@asynccontextmanager
async def endpoint(tally: Tally, *others: str) -> AsyncGenerator[httpx.AsyncClient]:
    routes = {
        "/healthz": health_route(lambda: problems_of(tally, others)),
        "/metrics": metrics_route(tally),
    }
    async with (
        answering("127.0.0.1", 0, routes) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


async def test_an_agent_that_does_its_work_is_healthy() -> None:
    async with endpoint(settled()) as client:
        answer = await client.get("/healthz?verbose")
        assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_before_the_first_application_it_is_not() -> None:
    async with endpoint(Tally()) as client:
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.text) == (503, "the rules have not been applied yet\n")


async def test_a_kernel_that_refuses_makes_it_unhealthy() -> None:
    tally = settled()
    tally.sink_problem = "ipset restore: no"
    async with endpoint(tally) as client:
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.text) == (503, "ipset restore: no\n")


async def test_a_registry_that_is_away_is_told_and_no_more() -> None:
    tally = settled()
    tally.registry_problem = "http://r0: refused"
    async with endpoint(tally, "no heartbeat", "") as client:
        answer = await client.get("/healthz")
        assert answer.status_code == 200
        assert answer.text == "http://r0: refused\nno heartbeat\n"


async def test_what_was_counted_is_told_to_prometheus() -> None:
    async with endpoint(settled()) as client:
        lines = (await client.get("/metrics")).text.splitlines()
    assert "waypost_agent_applications_total 1.0" in lines
    assert "waypost_agent_steps_total 3.0" in lines
    assert "waypost_agent_revision 42.0" in lines
    assert "waypost_agent_draining_servers 1.0" in lines
    assert "waypost_agent_registry_reachable 1.0" in lines


async def test_other_questions_are_answered_as_http_has_it() -> None:
    async with endpoint(settled()) as client:
        assert (await client.get("/nothing")).status_code == 404
        assert (await client.post("/healthz")).status_code == 405
        head = await client.head("/healthz")
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "said", [b"", b"\r\n\r\n", b"\x16\x03\x01", b"GET /healthz", b"x" * 99_999]
)
async def test_whoever_speaks_something_else_disturbs_nobody(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "REQUEST_S_MAX", 0.1)
    async with endpoint(settled()) as client:
        port = client.base_url.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        assert (await reader.read()).startswith((b"", b"HTTP/1.1 4"))
        writer.close()
        assert (await client.get("/healthz")).status_code == 200


async def test_a_taken_port_is_an_error() -> None:
    async with answering("127.0.0.1", 0, {}) as port:
        with pytest.raises(OSError, match="in use"):
            async with answering("127.0.0.1", port, {}):
                pass
