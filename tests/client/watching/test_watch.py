"""A watch goes on by itself over lost, refused and expired streams, and ends when it must."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.client.fake_clock import FakeClock
from tests.client.watching.scripts import Streams, bookmark, lines, refusal, service
from tests.waiting import until
from waypost.client import (
    Bookmark,
    Change,
    Expired,
    Forbidden,
    Misused,
    Retries,
    ServiceUnavailable,
    Unreachable,
    Watch,
    Waypost,
)
from waypost.client.watching.events import Event

Document = dict[str, Any]
A_AND_B = lines(
    Event("ADDED", service("a", 3)),
    Event("ADDED", service("b", 5)),
    bookmark(7, ends_initial=True),
)
LOST = httpx.ReadError("connection reset")
REFUSED = httpx.ConnectError("connection refused")


class World:
    """A client of scripted streams, on a clock of its own."""

    def __init__(self, *answers: bytes | httpx.Response | Exception) -> None:
        self.transport, self.clock = Streams(*answers), FakeClock()
        self.waypost = Waypost(
            "http://one,http://two",
            token="",
            transport=self.transport,
            clock=self.clock,
            retries=Retries(total_s_max=20),
        )

    def watch(self, *, since: str = "", patience_s: float = 1e6) -> Watch[Change[Document]]:
        return self.waypost.watch("Service", since=since, patience_s=patience_s)


async def some(watch: AsyncIterator[Change[Document]], count: int) -> list[tuple[str, str]]:
    found = [await anext(watch) for _ in range(count)]
    return [(change.type.value, change.object["metadata"]["name"]) for change in found]


async def test_objects_come_first_and_then_changes() -> None:
    world = World(A_AND_B + lines(Event("DELETED", service("a", 8))))
    async with world.waypost, world.watch() as watch:
        assert watch.problem == "it has not been reached yet"
        assert await some(watch, 3) == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]
        assert watch.problem == ""
    assert world.transport.asked == [{"path": "/watch", "kinds": "Service"}]


async def test_a_stream_that_ends_is_resumed_after_the_last_complete_revision() -> None:
    begun = A_AND_B + lines(Event("MODIFIED", service("a", 8)))
    rest = lines(Event("MODIFIED", service("a", 8)), Event("DELETED", service("b", 9)))
    world = World(begun, rest)
    async with world.waypost, world.watch() as watch:
        assert len(await some(watch, 3)) == 3
        assert await some(watch, 1) == [("DELETED", "b")]
    assert world.transport.asked[1]["resourceVersion"] == "7"
    assert 0 < world.clock.slept_s[-1] <= 0.5


@pytest.mark.parametrize(
    "failure",
    [
        LOST,
        REFUSED,
        refusal(429, "TooManyRequests"),
        refusal(503, "ServiceUnavailable"),
        refusal(504, "Timeout"),
        refusal(500, "InternalError"),
        httpx.Response(502, text="bad gateway"),
        lines(Event("ERROR", {"kind": "Status", "reason": "Forbidden", "message": "no more"})),
        b"nonsense\n",
    ],
    ids=str,
)
async def test_what_may_pass_is_waited_for(
    failure: bytes | httpx.Response | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(A_AND_B, failure, lines(Event("DELETED", service("b", 9))))
    async with world.waypost, world.watch() as watch:
        assert len(await some(watch, 2)) == 2
        assert await some(watch, 1) == [("DELETED", "b")]
        assert watch.revision == "7"
    assert [query.get("resourceVersion") for query in world.transport.asked] == [None, "7", "7"]
    assert caplog.messages, "why it is interrupted is logged"


async def test_pauses_grow_and_are_as_long_as_the_registry_asks() -> None:
    busy = [refusal(429, "TooManyRequests", **{"Retry-After": "3"}) for _ in range(5)]
    world = World(A_AND_B, *busy, lines(Event("DELETED", service("b", 9))))
    async with world.waypost, world.watch() as watch:
        await some(watch, 3)
    assert all(pause_s >= 3 for pause_s in world.clock.slept_s[-5:])
    assert max(world.clock.slept_s[-5:]) > 3 + 4


async def test_an_expired_revision_is_listed_again_and_the_differences_are_given() -> None:
    again = lines(Event("ADDED", service("b", 90)), bookmark(99, ends_initial=True))
    world = World(A_AND_B, refusal(410, "Expired"), again)
    async with world.waypost, world.watch() as watch:
        await some(watch, 2)
        assert await some(watch, 2) == [("MODIFIED", "b"), ("DELETED", "a")]
    assert [query.get("resourceVersion") for query in world.transport.asked] == [None, "7", None]


async def test_a_watch_from_a_revision_says_that_it_has_expired() -> None:
    world = World(refusal(410, "Expired"))
    async with world.waypost, world.watch(since="5") as watch:
        for _ in range(2):
            with pytest.raises(Expired):
                await anext(watch)
    assert len(world.transport.asked) == 1
    assert world.transport.asked[0]["resourceVersion"] == "5"


async def test_a_refusal_that_will_not_pass_ends_the_watch() -> None:
    world = World(refusal(403, "Forbidden"))
    async with world.waypost, world.watch() as watch:
        with pytest.raises(Forbidden):
            await anext(watch)
    assert len(world.transport.asked) == 1


async def test_a_registry_that_was_never_reached_is_not_waited_for_long() -> None:
    world = World(*[REFUSED] * 1_000)
    async with world.waypost, world.watch() as watch:
        with pytest.raises(Unreachable, match="connection refused"):
            await anext(watch)
    assert sum(world.clock.slept_s) <= 20


@pytest.mark.parametrize("failure", [REFUSED, b"", refusal(503, "ServiceUnavailable")], ids=str)
async def test_a_watch_without_a_registry_for_too_long_raises_the_last_error(
    failure: bytes | httpx.Response | Exception,
) -> None:
    world = World(A_AND_B, *[failure] * 1_000)
    async with world.waypost, world.watch(patience_s=600) as watch:
        await some(watch, 2)
        began_s = world.clock.time_s
        with pytest.raises((Unreachable, ServiceUnavailable)):
            await anext(watch)
    assert 500 <= world.clock.time_s - began_s <= 600


async def test_bookmarks_mark_complete_states_and_are_given_on_request_only() -> None:
    octets = A_AND_B + lines(Event("DELETED", service("a", 8)), bookmark(8))
    world = World(octets)
    async with world.waypost, world.waypost.watch_with_bookmarks("Service") as watch:
        found = [await anext(watch) for _ in range(5)]
    assert [each.revision for each in found if isinstance(each, Bookmark)] == ["7", "8"]
    assert world.transport.asked[0]["progress"] == "true"


async def test_the_revision_is_that_of_the_changes_taken() -> None:
    octets = A_AND_B + lines(Event("DELETED", service("a", 8)), bookmark(8))
    world = World(octets)
    async with world.waypost, world.watch() as watch:
        await some(watch, 2)
        assert watch.revision == "", "the bookmark of the list has not been passed"
        await some(watch, 1)
        assert watch.revision == "7", "though the whole stream was read"


async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    world = World()
    async with world.waypost, world.watch() as watch:
        await ask(world, watch)
        world.transport.answers.append(A_AND_B)
        assert await some(watch, 2) == [("ADDED", "a"), ("ADDED", "b")]


async def test_closing_it_ends_a_wait_in_another_task(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    async with world.waypost:
        watch = world.watch()
        waiting = asyncio.create_task(anext(watch, None))
        await until(lambda: bool(world.transport.asked))
        await watch.aclose()
        assert await waiting is None
        with pytest.raises(StopAsyncIteration):
            await anext(watch)
    assert caplog.messages == []


async def test_two_tasks_may_not_take_changes_at_once() -> None:
    world = World()
    async with world.waypost, world.watch() as watch:
        waiting = asyncio.create_task(anext(watch, None))
        await until(lambda: bool(world.transport.asked))
        with pytest.raises(Misused, match="one task"):
            await anext(watch)
        assert not waiting.done()


async def test_after_an_error_it_may_be_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    no = httpx.Response(403, json={"kind": "Status", "reason": "Forbidden", "message": "no"})
    world = World(A_AND_B, no, *[REFUSED] * 40, lines(Event("DELETED", service("b", 9))))
    found = list[tuple[str, str]]()
    errors = list[type[Exception]]()
    async with world.waypost, world.watch(patience_s=60) as watch:
        while len(found) < 3:
            try:
                found += await some(watch, 1)
            except (Forbidden, Unreachable) as error:
                errors.append(type(error))
    assert found == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "b")]
    assert errors[0] is Forbidden
    assert {*errors[1:]} == {Unreachable}
    assert not any("retrying" in message for message in caplog.messages)


async def test_what_ends_it_is_not_said_to_be_retried(caplog: pytest.LogCaptureFixture) -> None:
    world = World(*[REFUSED] * 1_000)
    async with world.waypost, world.watch(patience_s=0) as watch:
        with pytest.raises(Unreachable):
            await anext(watch)
    assert caplog.messages == []


async def test_pauses_are_as_long_as_it_is_told() -> None:
    world = World(A_AND_B, *[REFUSED] * 30, lines(Event("DELETED", service("b", 9))))
    async with world.waypost:
        watch = world.waypost.watch("Service", pause_s_max=2)
        await some(watch, 3)
    assert max(world.clock.slept_s) <= 2


async def test_a_watch_of_a_closed_client_says_so() -> None:
    world = World()
    async with world.waypost:
        watch = world.watch()
        await ask(world, watch)
    with pytest.raises(Misused, match="closed"):
        await anext(watch)


async def test_a_closed_watch_is_over() -> None:
    world = World(A_AND_B)
    async with world.waypost:
        watch = world.watch()
        await some(watch, 1)
        await watch.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(watch)


async def test_the_next_process_is_asked_when_one_is_away() -> None:
    world = World(REFUSED, A_AND_B)
    async with world.waypost, world.watch() as watch:
        await some(watch, 1)
    assert world.transport.hosts == ["one", "two"]


async def test_kinds_namespaces_and_selectors_are_asked_for() -> None:
    world = World()
    async with world.waypost as waypost:
        several = waypost.watch("Service", "Pod", namespace="dev", label_selector="app=ent")
        of_fields = waypost.watch("Pod", field_selector="spec.nodeName=n1", since="5")
        assert await ask(world, several) == {
            "path": "/watch",
            "kinds": "Service,Pod",
            "namespace": "dev",
            "labelSelector": "app=ent",
        }
        assert await ask(world, of_fields) == {
            "path": "/pods",
            "watch": "true",
            "fieldSelector": "spec.nodeName=n1",
            "resourceVersion": "5",
        }


def test_fields_are_selected_among_objects_of_one_kind() -> None:
    with pytest.raises(ValueError, match="one kind"):
        World().waypost.watch("Service", "Pod", field_selector="metadata.name=ent")


async def ask(world: World, watch: Watch[Change[Document]]) -> dict[str, str]:
    """Wait for a change until the registry is asked, and no longer; returns what is asked."""
    before = len(world.transport.asked)
    waiting = asyncio.create_task(anext(watch))
    await until(lambda: len(world.transport.asked) > before)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    return world.transport.asked[-1]
