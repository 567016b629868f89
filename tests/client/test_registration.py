"""What runs is registered while it runs, renews its lease, and is removed when it ends."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.client.fake_clock import FakeClock
from tests.client.relay import Relay
from tests.registries import an_api
from tests.waiting import until
from waypost.client.errors import (
    Conflict,
    Forbidden,
    Misbehaved,
    NotFound,
    Unreachable,
    WaypostError,
)
from waypost.client.http.registry_client import RegistryClient
from waypost.client.registration import (
    REMOVAL_PAUSE_S_MAX,
    REMOVAL_S_MAX,
    REMOVALS_MAX,
    PodRegistrar,
    Registered,
    keep_registered,
)

SERVICE: Mapping[str, Any] = {
    "kind": "Service",
    "metadata": {"name": "ent"},
    "spec": {"selector": {"app": "ent"}, "ports": [{"port": 80}]},
}


PATH = "/pods/default/ent-1"
MERGE = {"Content-Type": "application/merge-patch+json"}


def pod(address: str = "10.0.0.5") -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ent-1", "labels": {"app": "ent"}},
        "spec": {"leaseDurationSeconds": 15},
        "status": {"podIPs": [{"ip": address}]},
    }


def registrar_over(
    transport: httpx.AsyncBaseTransport, *urls: str, address: str = "10.0.0.5"
) -> PodRegistrar:
    client = RegistryClient(urls or ["http://localhost"], transport=transport)
    return PodRegistrar(client, pod(address))


@pytest.fixture
async def api(database_url: str) -> AsyncGenerator[httpx.AsyncClient]:
    async with an_api(database_url) as client:
        await client.post("/services", json=SERVICE)
        yield client


async def endpoints(api: httpx.AsyncClient) -> list[str]:
    listed = await api.get("/endpointslices", params={"namespace": "default"})
    return [
        address
        for slice_ in listed.json()["items"]
        for endpoint in slice_.get("endpoints") or ()
        for address in endpoint["addresses"]
    ]


async def test_a_pod_is_registered_renewed_and_removed(api: httpx.AsyncClient) -> None:
    registrar = registrar_over(Relay(api))
    assert not await registrar.renew(), "it is not registered yet"
    await registrar.register()
    assert await endpoints(api) == ["10.0.0.5"]
    assert await registrar.renew()
    await registrar.register()
    await registrar.remove()
    assert await endpoints(api) == []
    await registrar.remove()


async def test_a_pod_of_the_same_name_is_taken_over(api: httpx.AsyncClient) -> None:
    await registrar_over(Relay(api)).register()
    await registrar_over(Relay(api), address="10.0.0.6").register()
    assert await endpoints(api) == ["10.0.0.6"]


async def test_the_one_that_ends_leaves_the_pod_to_the_one_that_has_begun(
    api: httpx.AsyncClient,
) -> None:
    ending, begun = registrar_over(Relay(api)), registrar_over(Relay(api))
    await ending.register()
    await begun.register()
    await ending.remove()
    assert await endpoints(api) == ["10.0.0.5"]
    await begun.remove()
    assert await endpoints(api) == []


async def test_a_pod_that_was_changed_or_is_another_now_is_told_apart(
    api: httpx.AsyncClient,
) -> None:
    registrar = registrar_over(Relay(api))
    await registrar.register()
    await api.patch(PATH, json={"metadata": {"labels": {"a": "b"}}}, headers=MERGE)
    await registrar.remove()
    assert await endpoints(api) == []

    await registrar.register()
    await api.delete(PATH, params={"gracePeriodSeconds": 0})
    await api.put(PATH, json=pod())
    await registrar.remove()
    assert await endpoints(api) == ["10.0.0.5"], "what others created is theirs"


async def test_what_answers_otherwise_has_not_registered_anything() -> None:
    registrar = registrar_over(httpx.MockTransport(lambda _: httpx.Response(200, json={})))
    with pytest.raises(Misbehaved, match="Pod"):
        await registrar.register()


async def test_a_pod_that_never_stays_the_same_is_given_up() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if request.method == "DELETE":
            status = {"kind": "Status", "reason": "Conflict", "message": "it has changed"}
            return httpx.Response(409, json=status)
        if request.method == "PUT":
            registered.update(json.loads(request.content))
        return httpx.Response(200, json=registered)

    registered = dict[str, Any]()
    registrar = registrar_over(httpx.MockTransport(answer))
    await registrar.register()
    with pytest.raises(Conflict):
        await registrar.remove()
    assert asked.count("DELETE") == REMOVALS_MAX


async def test_the_next_api_is_asked_when_one_does_not_answer() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(503 if request.url.host == "down" else 200, json=pod())

    registrar = registrar_over(httpx.MockTransport(answer), "http://down", "http://up")
    with pytest.raises(Unreachable):
        await registrar.register()
    await registrar.register()
    assert asked == ["down", "up"]


@pytest.mark.parametrize("metadata", [None, {}, {"name": ""}, {"name": 7}, {"namespace": "a"}])
def test_a_pod_needs_a_name(metadata: object) -> None:
    client = RegistryClient(["http://localhost"])
    with pytest.raises(ValueError, match=r"metadata\.name"):
        PodRegistrar(client, {"kind": "Pod", "metadata": metadata})


@dataclass
class Book:
    """A registry of one name, which may be away."""

    name: str = "default/ent-1"
    done: list[str] = field(default_factory=list[str])
    has_it: bool = False
    away: WaypostError | None = None
    returns_after: int = 10_000
    """The calls after which it is not away any more."""

    def _note(self, what: str) -> None:
        if self.away is not None:
            self.returns_after -= 1
            if self.returns_after >= 0:
                raise self.away
        self.done.append(what)

    async def register(self) -> None:
        self._note("register")
        self.has_it = True

    async def renew(self) -> bool:
        self._note("renew")
        return self.has_it

    async def remove(self) -> None:
        self._note("remove")
        self.has_it = False


def kept(book: Book, *, is_registered: bool = False) -> AbstractAsyncContextManager[Registered]:
    """Keep a book's name registered, with heartbeats at no interval."""
    return keep_registered(book, failures=WaypostError, heartbeat_s=0, is_registered=is_registered)


class YieldingClock(FakeClock):
    """A clock whose sleeps let others run."""

    async def sleep(self, duration_s: float) -> None:
        await super().sleep(duration_s)
        await asyncio.sleep(0)


def kept_by_clock(book: Book, clock: FakeClock) -> AbstractAsyncContextManager[Registered]:
    return keep_registered(book, failures=WaypostError, heartbeat_s=5, clock=clock)


async def test_it_is_registered_once_and_renewed_until_the_block_ends() -> None:
    book = Book()
    async with kept(book) as registered:
        await until(lambda: len(book.done) > 3)
        assert (registered.name, registered.problem) == ("default/ent-1", "")
    assert book.done[0] == "register"
    assert set(book.done[1:-1]) == {"renew"}
    assert book.done[-1] == "remove"


async def test_what_is_registered_already_is_only_renewed() -> None:
    book = Book(has_it=True)
    async with kept(book, is_registered=True):
        await until(lambda: len(book.done) > 3)
    assert "register" not in book.done


async def test_what_others_deleted_is_registered_again() -> None:
    book = Book()
    async with kept(book):
        await until(lambda: book.has_it)
        book.has_it = False
        await until(lambda: book.has_it)
    assert book.done.count("register") == 2


async def test_a_failure_is_logged_once_and_retried(caplog: pytest.LogCaptureFixture) -> None:
    book = Book(away=Unreachable("refused", url="http://a"))
    async with kept(book) as registered:
        await until(lambda: bool(registered.problem))
        for _ in range(5):
            await asyncio.sleep(0)
        assert registered.problem == "http://a: refused"
        book.away = None
        await until(lambda: book.has_it)
        await until(lambda: not registered.problem)
    (line,) = caplog.messages
    assert line == "could not register default/ent-1: http://a: refused; retrying"


async def test_a_block_ends_though_the_registry_is_away(caplog: pytest.LogCaptureFixture) -> None:
    book, clock = Book(), YieldingClock()
    async with kept_by_clock(book, clock):
        await until(lambda: book.has_it)
        book.away = Unreachable("refused")
        began_s = clock.time_s
    assert clock.time_s - began_s <= REMOVAL_S_MAX + REMOVAL_PAUSE_S_MAX + 5
    assert "stays registered until its lease expires: refused" in caplog.text


async def test_a_removal_is_repeated_while_the_registry_starts_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book = Book()
    async with kept_by_clock(book, YieldingClock()):
        await until(lambda: book.has_it)
        book.away, book.returns_after = Unreachable("refused"), 4
    assert not book.has_it
    assert "stays registered" not in caplog.text


async def test_a_removal_that_is_refused_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    book, clock = Book(), YieldingClock()
    async with kept_by_clock(book, clock):
        await until(lambda: book.has_it)
        book.away = Forbidden({"message": "no right to it"})
    assert "stays registered until its lease expires: no right to it" in caplog.text
    assert clock.slept_s == [5] * len(clock.slept_s), "no pauses but those of heartbeats"


async def test_what_fails_in_another_way_is_not_hidden() -> None:
    book = Book()
    book.away = NotFound({})

    async def present() -> None:
        async with keep_registered(book, failures=Unreachable, heartbeat_s=0):
            await asyncio.sleep(0)

    with pytest.raises(NotFound):
        await present()


async def test_an_error_of_the_block_removes_it_too() -> None:
    book = Book()

    async def fail() -> None:
        async with kept(book):
            await until(lambda: book.has_it)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert book.done[-1] == "remove"


READY = {"status": "True", "reason": "Probed", "message": ""}
NOT_READY = {"status": "False", "reason": "Probed", "message": "refused"}


async def conditions(api: httpx.AsyncClient) -> list[dict[str, bool]]:
    listed = await api.get("/endpointslices", params={"namespace": "default"})
    return [
        endpoint["conditions"]
        for slice_ in listed.json()["items"]
        for endpoint in slice_.get("endpoints") or ()
    ]


async def readiness(api: httpx.AsyncClient) -> list[bool]:
    return [each["ready"] for each in await conditions(api)]


async def test_what_is_reported_before_the_registration_is_registered(
    api: httpx.AsyncClient,
) -> None:
    registrar = registrar_over(Relay(api))
    await registrar.report(NOT_READY)
    assert (await api.get(PATH)).status_code == 404
    assert not registrar.was_registered
    await registrar.register()
    assert registrar.was_registered
    assert await readiness(api) == [False]
    await registrar.report(READY)
    assert await readiness(api) == [True]
    await registrar.remove()


async def test_a_pod_that_is_registered_again_is_as_ready_as_it_was(api: httpx.AsyncClient) -> None:
    registrar = registrar_over(Relay(api))
    await registrar.register()
    await registrar.report(NOT_READY)
    await api.delete(PATH, params={"gracePeriodSeconds": 0})
    await registrar.report(READY)
    await registrar.report(NOT_READY)
    assert not await registrar.renew()
    await registrar.register()
    assert await readiness(api) == [False]
    await registrar.remove()


async def test_a_report_that_fails_is_sent_with_the_next_heartbeat(api: httpx.AsyncClient) -> None:
    relay = Relay(api)
    is_away = False

    async def answer(request: httpx.Request) -> httpx.Response:
        if is_away:
            raise httpx.ConnectError("refused")
        return await relay.handle_async_request(request)

    registrar = registrar_over(httpx.MockTransport(answer))
    await registrar.register()
    is_away = True
    with pytest.raises(Unreachable):
        await registrar.report(NOT_READY)
    is_away = False
    assert await readiness(api) == [True]
    assert await registrar.renew()
    assert await readiness(api) == [False]
    await registrar.remove()


async def test_one_that_was_taken_over_reports_nothing(api: httpx.AsyncClient) -> None:
    first, second = registrar_over(Relay(api)), registrar_over(Relay(api))
    await first.register()
    await second.register()
    await first.report(NOT_READY)
    await first.terminate(30)
    assert await conditions(api) == [{"ready": True, "serving": True, "terminating": False}]
    await second.remove()


async def test_a_terminating_pod_serves_and_is_not_registered_again(api: httpx.AsyncClient) -> None:
    registrar = registrar_over(Relay(api))
    await registrar.register()
    await registrar.terminate(30)
    assert await conditions(api) == [{"ready": False, "serving": True, "terminating": True}]
    await registrar.report(NOT_READY)
    assert await conditions(api) == [{"ready": False, "serving": False, "terminating": True}]
    await api.delete(PATH, params={"gracePeriodSeconds": 0})
    assert await registrar.renew(), "it needs no registration any more"
    await registrar.remove()


async def test_what_fails_is_tried_again_before_the_next_heartbeat_is_due() -> None:
    book, clock = Book(away=Unreachable("refused"), returns_after=6), YieldingClock()
    async with kept_by_clock(book, clock):
        await until(lambda: book.has_it)
    failed = clock.slept_s[:6]
    assert failed[0] <= 0.2
    assert max(failed) <= 5
    assert all(later > earlier / 2 for earlier, later in pairwise(failed))
    assert set(clock.slept_s[6:]) <= {5}
