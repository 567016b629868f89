"""The client without an event loop does what the other does, with the same types."""

import inspect
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, assert_type

import httpx
import pytest

from tests.client.watching.scripts import Streams, bookmark, lines, refusal, service
from waypost.client import (
    BlockingWaypost,
    Bookmark,
    Change,
    Forbidden,
    InvalidURL,
    Listing,
    Misused,
    NotFound,
    Waypost,
)
from waypost.client.models import Pod, Service
from waypost.client.watching.events import Event

pytestmark = pytest.mark.timeout(60)

TWO = lines(
    Event("ADDED", service("a", 3)),
    Event("ADDED", service("b", 5)),
    bookmark(7, ends_initial=True),
)


ROOT: Final = Path(__file__).parents[2]
POD = {
    "kind": "Pod",
    "metadata": {"name": "ent-1", "uid": "u", "resourceVersion": "3"},
    "spec": {"leaseDurationSeconds": 1},
}


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def blocking(transport: httpx.AsyncBaseTransport) -> BlockingWaypost:
    return BlockingWaypost("http://localhost", token="", transport=transport)


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> BlockingWaypost:
    return blocking(httpx.MockTransport(answer))


def methods(of: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(of, callable) if not name.startswith("_")}


def test_it_has_every_method_of_the_other_with_its_words() -> None:
    of_both = methods(Waypost) - {"aclose"}
    assert of_both <= methods(BlockingWaypost)
    for name in of_both:
        assert getattr(BlockingWaypost, name).__doc__ == getattr(Waypost, name).__doc__


def test_its_parameters_are_those_of_the_other() -> None:
    parameters = dict(inspect.signature(Waypost).parameters)
    del parameters["clock"]
    assert parameters == dict(inspect.signature(BlockingWaypost).parameters)


def test_a_result_is_returned_and_an_error_raised() -> None:
    with answering(lambda _: httpx.Response(200, json=service("a", 1))) as waypost:
        assert waypost.get("Service", "a") == service("a", 1)
    with answering(lambda _: refusal(404, "NotFound")) as waypost, pytest.raises(NotFound):
        waypost.get("Service", "a")


def test_pages_are_read_while_they_are_iterated_over() -> None:
    pages: dict[str, Any] = {
        "": {"kind": "ServiceList", "metadata": {"continue": "more"}, "items": [service("a", 1)]},
        "more": {"kind": "ServiceList", "metadata": {}, "items": [service("b", 1)]},
    }
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("continue", ""))
        return httpx.Response(200, json=pages[asked[-1]])

    with answering(answer) as waypost:
        found = waypost.each("Service")
        assert (next(found)["metadata"]["name"], asked) == ("a", [""])
        assert [each["metadata"]["name"] for each in found] == ["b"]
        assert asked == ["", "more"]


def test_a_watch_is_iterated_over_and_closed() -> None:
    with blocking(Streams(TWO)) as waypost, waypost.watch("Service") as watch:
        assert watch.problem
        assert [next(watch).object["metadata"]["name"] for _ in range(2)] == ["a", "b"]
        assert (watch.revision, watch.problem) == ("", "")
        watch.close()
        assert [*watch] == []


def test_an_error_of_a_watch_is_raised() -> None:
    answer = refusal(403, "Forbidden")
    with blocking(Streams(answer)) as waypost, pytest.raises(Forbidden):
        next(waypost.watch("Service"))


def test_heartbeats_go_on_while_the_program_does_something_else() -> None:
    has_renewed, paths = threading.Event(), list[tuple[str, str]]()

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append((request.method, request.url.path))
        if request.url.path.endswith("/heartbeat"):
            has_renewed.set()
        return httpx.Response(200, json=POD)

    with answering(answer) as waypost, waypost.register(POD) as registered:
        assert has_renewed.wait(30)
        assert registered.name == "default/ent-1"
    path = "/pods/default/ent-1"
    assert paths == [("PUT", path), ("POST", f"{path}/heartbeat"), ("DELETE", path)]


class Interrupting(Streams):
    """Interrupts the program, as Ctrl-C does, when it is asked for the first time."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self.asked:
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)
        return await super().handle_async_request(request)


def test_an_interrupted_request_is_cancelled_and_the_client_still_works() -> None:
    transport = Interrupting()
    with blocking(transport) as waypost, waypost.watch("Service") as watch:
        with pytest.raises(KeyboardInterrupt):
            next(watch)
        transport.answers.append(TWO)
        assert next(watch).object["metadata"]["name"] == "a"


def test_it_may_be_used_from_several_threads() -> None:
    with (
        answering(lambda request: httpx.Response(200, json={"at": request.url.path})) as waypost,
        ThreadPoolExecutor() as threads,
    ):
        asked = [threads.submit(waypost.ask, "GET", f"/nodes/{name}") for name in "abc"]
        found = [each.result()["at"] for each in asked]
    assert found == ["/nodes/a", "/nodes/b", "/nodes/c"]


def test_it_works_during_its_block_only() -> None:
    waypost = answering(lambda _: httpx.Response(200, json=service("a", 1)))
    with pytest.raises(Misused, match="with"):
        waypost.get("Service", "a")
    with waypost:
        waypost.get("Service", "a")
    with pytest.raises(Misused, match="with"):
        waypost.get("Service", "a")


def test_an_invalid_url_is_refused_at_once() -> None:
    with pytest.raises(InvalidURL):
        BlockingWaypost("nonsense")


def test_a_watch_may_be_closed_by_another_thread() -> None:
    transport = Streams()
    with blocking(transport) as waypost, ThreadPoolExecutor() as threads:
        watch = waypost.watch("Service")
        waiting = threads.submit(next, watch, "the end")
        wait_until(lambda: bool(transport.asked))
        watch.close()
        assert waiting.result(30) == "the end"


def test_leaving_the_block_ends_a_wait_in_another_thread(caplog: pytest.LogCaptureFixture) -> None:
    transport = Streams()
    with ThreadPoolExecutor() as threads:
        with blocking(transport) as waypost:
            watch = waypost.watch("Service")
            waiting = threads.submit(next, watch)
            wait_until(lambda: bool(transport.asked))
        with pytest.raises(Misused, match="closed"):
            waiting.result(30)
        watch.close()
    assert caplog.messages == []


def test_what_is_not_left_ends_with_the_client() -> None:
    methods = list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        methods.append(request.method)
        return httpx.Response(200, json=POD)

    with answering(answer) as waypost:
        registering = waypost.register({**POD, "spec": {"leaseDurationSeconds": 600}})
        registering.__enter__()
    assert methods[-1] == "DELETE"
    registering.__exit__(None, None, None)


PROGRAM = """
import sys
from contextlib import ExitStack

import httpx

from tests.client.test_blocking import POD, TWO
from waypost.client import BlockingWaypost


def answer(request):
    print(request.method, request.url.path, flush=True)
    if request.url.path == "/watch":
        return httpx.Response(200, content=TWO)
    if request.url.path == "/services":
        items = [{}, {}]
        return httpx.Response(200, json={"kind": "ServiceList", "metadata": {}, "items": items})
    return httpx.Response(200, json={**POD, "spec": {"leaseDurationSeconds": 600}})


pod = {**POD, "spec": {"leaseDurationSeconds": 600}}
stack = ExitStack()
transport = httpx.MockTransport(answer)
waypost = stack.enter_context(BlockingWaypost("http://localhost", token="", transport=transport))
found = waypost.each("Service")
next(found)
changes = stack.enter_context(waypost.watch("Service"))
next(changes)
stack.enter_context(waypost.register(pod))
"""


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "def own(): yield stack\nkept = own()"])
def test_a_program_that_ends_within_the_block_ends(ending: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM + ending],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1] == "DELETE /pods/default/ent-1"


def of_types(waypost: BlockingWaypost) -> None:
    """What type checkers make of its methods; not to be run."""
    assert_type(waypost.get(Service, "a"), Service)
    assert_type(waypost.get("Service", "a", namespace="dev"), dict[str, Any])
    assert_type(waypost.list(Pod), Listing[Pod])
    for found in waypost.each(Pod):
        assert_type(found, Pod)
    for change in waypost.watch(Service, Pod):
        assert_type(change, Change[Service | Pod])
    for event in waypost.watch_with_bookmarks("Service"):
        assert_type(event, Change[dict[str, Any]] | Bookmark)
    assert_type(waypost.resolve("ent")["addresses"], list[str])


async def of_asynchronous_types(waypost: Waypost) -> None:
    """What type checkers make of the other's; not to be run."""
    assert_type(await waypost.get(Service, "a"), Service)
    assert_type(await waypost.get("Service", "a"), dict[str, Any])
    assert_type(await waypost.create({"kind": "Service"}), dict[str, Any])
    async for change in waypost.watch(Service, Pod):
        assert_type(change, Change[Service | Pod])
