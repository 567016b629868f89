"""A replica that follows an API shows complete revisions only, after any failure in between."""

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.follower import REPLICA_BOUNDS, Intake, WatchFollower
from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.objects.endpoint_slice import TRIGGER_TIME_ANNOTATION
from app.domain.snapshot import Snapshot
from app.registry.reads.view import View
from tests.client.hostile_servers import OK, Script, bomb, endless_gzip, gzipped, hostile, whole
from tests.waiting import until
from waypost.client.errors import WaypostError
from waypost.client.http.answer import Bounds
from waypost.client.http.registry_client import RegistryClient

URL = "http://waypost"


def service(name: str, revision: int, port: int = 80) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "resourceVersion": str(revision)},
        "spec": {"clusterIP": "10.96.0.20", "ports": [{"port": port}]},
    }


def line(type_: str, wire: dict[str, object]) -> bytes:
    return json.dumps({"type": type_, "object": wire}, ensure_ascii=False).encode()


def bookmark(revision: int, *, ends_initial: bool = False) -> bytes:
    metadata: dict[str, object] = {"resourceVersion": str(revision)}
    if ends_initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return line("BOOKMARK", {"kind": "Bookmark", "apiVersion": "v1", "metadata": metadata})


def names(snapshot: Snapshot) -> list[str]:
    return sorted(key.name for key in snapshot.services)


async def taken(*lines: bytes) -> tuple[View, Intake]:
    view = View()
    intake = Intake(view)
    intake.begin()
    for each in lines:
        await intake.take(each)
    return view, intake


async def test_the_view_shows_the_state_after_the_last_initial_object() -> None:
    view, intake = await taken(line("ADDED", service("a", 3)), line("ADDED", service("b", 5)))
    assert not view.is_synced

    await intake.take(bookmark(7, ends_initial=True))

    assert view.is_synced
    assert (names(view.snapshot), view.snapshot.revision) == (["a", "b"], 7)
    assert intake.begin() == "7"


async def test_the_trigger_time_of_a_slice_is_kept_for_changes_only() -> None:
    def slice_(revision: int, second: int) -> dict[str, object]:
        trigger = {TRIGGER_TIME_ANNOTATION: f"2026-01-01T00:00:0{second}Z", "other": "x"}
        metadata = {
            "name": "a-1",
            "namespace": "default",
            "resourceVersion": str(revision),
            "annotations": trigger,
        }
        kind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
        return {**kind, "metadata": metadata, "addressType": "IPv4", "endpoints": []}

    view, intake = await taken(line("ADDED", slice_(1, 1)), bookmark(1, ends_initial=True))
    (shown,) = view.snapshot.slices.values()
    assert shown.metadata.annotations == {}

    await intake.take(line("MODIFIED", slice_(2, 2)))
    await intake.take(bookmark(2))
    (shown,) = view.snapshot.slices.values()
    assert shown.metadata.annotations == {TRIGGER_TIME_ANNOTATION: "2026-01-01T00:00:02Z"}


async def test_a_reload_reuses_equal_objects() -> None:
    view, intake = await taken(
        line("ADDED", service("a", 3)),
        line("ADDED", service("b", 5)),
        bookmark(7, ends_initial=True),
    )
    shown = dict(view.snapshot.services)
    intake.resume.start_over()
    assert intake.begin() == ""
    assert not await intake.take(line("ADDED", service("a", 3)))
    assert not await intake.take(line("ADDED", service("b", 5, port=81)))
    assert await intake.take(bookmark(9, ends_initial=True))

    same, other = (view.snapshot.services[key] for key in sorted(shown))
    assert same is shown[same.metadata.key]
    assert other.ports[0].port == 81


async def test_a_revision_shows_only_when_it_is_complete() -> None:
    view, intake = await taken(bookmark(1, ends_initial=True))
    await intake.take(line("ADDED", service("a", 2)))
    await intake.take(line("ADDED", service("b", 2)))
    assert names(view.snapshot) == []

    await intake.take(bookmark(2))

    assert names(view.snapshot) == ["a", "b"]


async def test_a_stream_that_breaks_within_a_revision_is_resumed_before_it() -> None:
    view, intake = await taken(bookmark(1, ends_initial=True), line("ADDED", service("a", 2)))

    assert intake.begin() == "1"
    for each in (line("ADDED", service("a", 2)), line("ADDED", service("b", 2)), bookmark(2)):
        await intake.take(each)

    assert names(view.snapshot) == ["a", "b"]


async def test_changes_have_the_object_before_the_change() -> None:
    view, intake = await taken(line("ADDED", service("a", 1)), bookmark(1, ends_initial=True))
    seen: list[Change] = []
    view.subscribe(lambda advance: seen.extend(advance.changes))

    await intake.take(line("MODIFIED", service("a", 2, port=81)))
    await intake.take(line("DELETED", service("a", 3, port=81)))
    await intake.take(line("DELETED", service("never-seen", 3)))
    await intake.take(bookmark(3))

    assert [change.type for change in seen] == ["MODIFIED", "DELETED"]
    assert seen[1].before == seen[0].after
    assert names(view.snapshot) == []


async def test_unicode_line_separators_in_text_are_kept() -> None:
    strange = service("a", 1)
    strange["spec"] = {"type": "ExternalName", "externalName": "one\u2028two\x85"}
    view, _ = await taken(line("ADDED", strange), bookmark(1, ends_initial=True))
    (found,) = view.snapshot.services.values()
    assert found.external_name == "one\u2028two\x85"


@given(st.binary() | st.text().map(str.encode) | st.just(b'{"type":"ERROR","object":{}}'))
async def test_any_octets_are_applied_or_start_over(octets: bytes) -> None:
    _, intake = await taken(bookmark(1, ends_initial=True))
    with suppress(WaypostError):
        await intake.take(octets)


@dataclass
class BusyClock:
    """A clock whose sleeps end immediately."""

    time_s: float = 1000.0
    slept_s: list[float] = field(default_factory=list[float])

    def now_s(self) -> float:
        return self.time_s

    async def sleep(self, duration_s: float) -> None:
        self.slept_s.append(duration_s)
        self.time_s += duration_s
        await asyncio.sleep(0)


@asynccontextmanager
async def running(
    client: RegistryClient, view: View, clock: BusyClock | None = None
) -> AsyncGenerator[WatchFollower]:
    """Follow for the length of a block."""
    async with client:
        follower = WatchFollower(client, view, kinds={"Service"}, clock=clock or BusyClock())
        task = asyncio.create_task(follower.run())
        try:
            yield follower
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def a_client(*urls: str, bounds: Bounds = REPLICA_BOUNDS) -> RegistryClient:
    return RegistryClient(urls, bounds=bounds, logs_failures=False)


Answer = Callable[[httpx.Request], httpx.Response]


@asynccontextmanager
async def following(*answers: Answer) -> AsyncGenerator[tuple[View, WatchFollower, list[str]]]:
    """Follow a server that gives the answers in order, then repeats the last one."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("resourceVersion", ""))
        return answers[min(len(asked), len(answers)) - 1](request)

    view = View()
    client = RegistryClient([URL], transport=httpx.MockTransport(answer), logs_failures=False)
    async with running(client, view) as follower:
        yield view, follower, asked


def sends(*lines: bytes) -> Answer:
    return lambda _: httpx.Response(200, content=b"\n".join(lines) + b"\n")


REASONS = {410: "Expired", 504: "Timeout"}


def refuses(code: int) -> Answer:
    status = {"kind": "Status", "code": code, "reason": REASONS.get(code, "Other"), "message": "no"}
    return lambda _: httpx.Response(code, json=status)


def breaks(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused")


async def test_the_stream_is_resumed_where_it_ended_after_any_failure() -> None:
    first = sends(line("ADDED", service("a", 1)), bookmark(4, ends_initial=True))
    then = sends(line("ADDED", service("b", 5)), bookmark(5))
    async with following(first, breaks, refuses(503), then) as (view, follower, asked):
        await until(lambda: view.snapshot.revision == 5)
        assert asked[:4] == ["", "4", "4", "4"]
        assert names(view.snapshot) == ["a", "b"]
        assert not follower.problem


async def test_an_expired_revision_is_reloaded_while_the_old_state_is_served() -> None:
    first = sends(line("ADDED", service("a", 1)), bookmark(4, ends_initial=True))
    reloaded = sends(line("ADDED", service("b", 9)), bookmark(9, ends_initial=True))
    async with following(first, refuses(410), reloaded, breaks) as (view, _, asked):
        await until(lambda: view.snapshot.revision == 9)
        assert asked[:3] == ["", "4", ""]
        assert names(view.snapshot) == ["b"]


async def test_an_unreadable_line_causes_a_reload() -> None:
    first = sends(bookmark(4, ends_initial=True), b'{"type":"ADDED","object":{"kind":"Service"}}')
    async with following(first, breaks) as (view, _, asked):
        await until(lambda: len(asked) >= 2)
        assert view.is_synced
        assert asked[:2] == ["", ""]


async def test_the_reason_of_a_refusal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    words = 'this server is not known as "api": list it in WAYPOST_ALLOWED_HOSTS'
    first = sends(bookmark(4, ends_initial=True))
    misdirected = httpx.Response(421, json={"kind": "Status", "message": words})
    async with following(first, lambda _: misdirected) as (_, follower, asked):
        await until(lambda: len(asked) >= 3)
        assert follower.problem == f"it answers 421: {words}"
    assert f"it answers 421: {words}" in caplog.text


@pytest.mark.parametrize("code", [404, 429, 500, 503])
async def test_a_refused_watch_is_retried(code: int) -> None:
    async with following(refuses(code), sends(bookmark(1, ends_initial=True))) as (view, *_):
        await until(lambda: view.is_synced)


async def test_a_registry_restored_to_an_earlier_state_is_reloaded() -> None:
    first = sends(line("ADDED", service("a", 1)), bookmark(4, ends_initial=True))

    def put_back(request: httpx.Request) -> httpx.Response:
        behind = request.url.params.get("resourceVersion")
        return (refuses(504) if behind else sends(bookmark(2, ends_initial=True)))(request)

    async with following(first, put_back) as (view, *_):
        await until(lambda: view.snapshot.revision == Revision(2))
        assert names(view.snapshot) == []


NONSENSE = {
    "a login page": whole(b"<html>log in", "Content-Type: text/html"),
    "a redirect to one": whole(b"", "Location: /login", status="302 Found"),
    "another server's 404": whole(b"404 page not found", status="404 Not Found"),
    "a document": whole(b'{"kind": "ServiceList", "items": []}\n'),
    "no UTF-8": whole(b'{"type": "\xff"}\n'),
    "deep nesting": whole(b"[" * 100_000 + b"\n"),
    "an object that is nested deeply": whole(
        b'{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":'
        + b'{"a":' * 900
        + b"1"
        + b"}" * 900
        + b"}}\n"
    ),
    "too many values": whole(b"[" + b"0," * 2_000_000 + b"0]\n"),
    "a bomb": gzipped(bomb()),
    "a bomb in a bomb": gzipped(bomb(codings=2), "gzip, gzip"),
    "gzip without end": endless_gzip(),
    "a line without end": Script(OK + b"\r\n", b"x" * 65_536),
    "a line that drips": Script(OK + b"\r\n", b"x", pause_s=0.01),
    "a stream that ends at once": whole(b""),
    "no HTTP": Script(b"SSH-2.0-OpenSSH\r\n"),
}
WELL = whole(line("ADDED", service("a", 1)) + b"\n" + bookmark(4, ends_initial=True) + b"\n")
TIGHT = replace(REPLICA_BOUNDS, line_octets_max=5_000_000, line_s_max=1.0)


@pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE.keys())
async def test_an_api_with_an_invalid_answer_is_left_for_the_next_and_logged_once(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    view = View()
    async with (
        hostile(script) as bad,
        hostile(WELL) as good,
        running(a_client(bad.url, good.url, bounds=TIGHT), view),
    ):
        await until(lambda: view.is_synced and len(bad.requests) >= 3)
    assert names(view.snapshot) == ["a"]
    assert sum(f"{bad.url}: " in words for words in caplog.messages) == 1


async def test_an_api_that_keeps_sending_invalid_lines_is_retried_with_backoff() -> None:
    clock = BusyClock()
    script = whole(line("ADDED", service("a", 1)) + b"\nnonsense\n")
    async with hostile(script) as bad, running(a_client(bad.url), View(), clock):
        await until(lambda: len(clock.slept_s) >= 5)
    waits = clock.slept_s[:5]
    assert waits == sorted(waits)
    assert waits[-1] > 5 * waits[0]


async def test_a_stream_that_is_compressed_without_being_asked_is_read() -> None:
    body = line("ADDED", service("a", 1)) + b"\n" + bookmark(4, ends_initial=True) + b"\n"
    view = View()
    async with hostile(gzipped(gzip.compress(body))) as good, running(a_client(good.url), view):
        await until(lambda: view.is_synced)
