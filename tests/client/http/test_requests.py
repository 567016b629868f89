"""Requests of programs are repeated where that does no harm, at another process if there is one."""

import json

import httpx
import pytest

from tests.client.fake_clock import FakeClock
from tests.client.watching.scripts import refusal
from waypost.client.errors import (
    Conflict,
    Misbehaved,
    ServiceUnavailable,
    TooManyRequests,
    Unreachable,
)
from waypost.client.http.answers import require_answered
from waypost.client.http.registry_client import RegistryClient
from waypost.client.http.requests import Requests

Answer = httpx.Response | Exception
BUSY = {"Retry-After": "2"}


class World:
    """Requests to processes that answer in turn, the last answer for ever."""

    def __init__(self, *answers: Answer, hosts: tuple[str, ...] = ("one",)) -> None:
        self._answers = list(answers)
        self.clock = FakeClock()
        self.asked: list[httpx.Request] = []
        client = RegistryClient(
            [f"http://{host}" for host in hosts],
            transport=httpx.MockTransport(self._answer),
            check=lambda answer: require_answered(answer, warn=pytest.fail),
        )
        self.requests = Requests(client, clock=self.clock)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def ok(document: object = None) -> httpx.Response:
    return httpx.Response(200, json=document or {"kind": "Service"})


REFUSED, LOST = httpx.ConnectError("refused"), httpx.ReadError("reset")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_idempotent_request_is_repeated_after_a_lost_answer(method: str) -> None:
    world = World(LOST, httpx.Response(502, text="bad gateway"), ok())
    assert await world.requests.ask(method, "/services/default/ent") == {"kind": "Service"}
    assert len(world.asked) == 3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_another_request_is_repeated_only_if_nothing_was_done(method: str) -> None:
    world = World(REFUSED, refusal(429, "TooManyRequests", **BUSY), ok())
    await world.requests.ask(method, "/services", {"kind": "Service"})
    assert [json.loads(request.content) for request in world.asked] == [{"kind": "Service"}] * 3

    for failure, error in (
        (LOST, Unreachable),
        (httpx.Response(502, text="bad gateway"), Misbehaved),
        (refusal(503, "ServiceUnavailable"), ServiceUnavailable),
    ):
        world = World(failure, ok())
        with pytest.raises(error):
            await world.requests.ask(method, "/services", {})
        assert len(world.asked) == 1


async def test_the_caller_may_know_better_what_is_repeatable() -> None:
    world = World(LOST, ok())
    await world.requests.ask("POST", "/heartbeats", {}, is_repeatable=True)
    world = World(LOST, ok())
    with pytest.raises(Unreachable):
        await world.requests.ask("PUT", "/services/default/ent", {}, is_repeatable=False)


async def test_a_refusal_is_final() -> None:
    world = World(refusal(409, "Conflict"), ok())
    with pytest.raises(Conflict, match="no: Conflict"):
        await world.requests.ask("PUT", "/services/default/ent", {})


async def test_a_registry_that_stays_busy_is_not_asked_for_ever() -> None:
    world = World(refusal(429, "TooManyRequests", **BUSY))
    with pytest.raises(TooManyRequests):
        await world.requests.ask("GET", "/services")
    assert 1 < len(world.asked) <= world.requests.retries.attempts_max


@pytest.mark.parametrize("failure", [REFUSED, refusal(503, "ServiceUnavailable", **BUSY)], ids=str)
async def test_the_next_process_is_asked_after_a_failure(failure: Answer) -> None:
    world = World(failure, ok(), hosts=("one", "two"))
    await world.requests.ask("GET", "/services")
    assert [request.url.host for request in world.asked] == ["one", "two"]


async def test_what_says_nothing_is_left_out_of_a_query() -> None:
    world = World(ok())
    query = {"a": "", "b": None, "c": False, "d": True, "e": 0, "f": "x y"}
    await world.requests.ask("GET", "/services", query=query)
    assert world.asked[0].url.raw_path == b"/services?d=true&e=0&f=x+y"


async def test_a_text_is_read_as_it_is() -> None:
    world = World(httpx.Response(200, text="ipset création\n"))
    assert await world.requests.read_text("/nodes/n1/ipvs.txt") == "ipset création\n"
    world = World(httpx.Response(200, content=b"\xff"))
    with pytest.raises(Misbehaved, match="UTF-8"):
        await world.requests.read_text("/nodes/n1/ipvs.txt")
