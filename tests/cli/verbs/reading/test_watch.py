"""Watch prints changes, and resumes after a lost connection."""

import json
from collections.abc import Callable, Mapping

import httpx
import pytest

from app.cli.client import Api
from app.cli.fields import text
from app.cli.objects.following import follow
from tests.cli.fake_server import FakeServer, in_turn, run, stream
from waypost.client.errors import Refused, Unreachable


def an_event(revision: int, type_: str = "ADDED", name: str = "ent") -> Mapping[str, object]:
    metadata = {"name": name, "namespace": "dev", "resourceVersion": str(revision)}
    return {"type": type_, "object": {"kind": "Service", "metadata": metadata}}


def all_there_is(revision: int) -> Mapping[str, object]:
    annotations = {"k8s.io/initial-events-end": "true"}
    metadata = {"resourceVersion": str(revision), "annotations": annotations}
    return {"type": "BOOKMARK", "object": {"kind": "Bookmark", "metadata": metadata}}


def an_error(code: int) -> Mapping[str, object]:
    status = {"kind": "Status", "code": code, "reason": "Expired", "message": "too old"}
    return {"type": "ERROR", "object": status}


def lost(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("connection reset", request=request)


def test_each_change_is_a_line_and_bookmarks_are_not_printed() -> None:
    server = FakeServer(
        {("GET", "/watch"): stream(an_event(1), an_event(2, "BOOKMARK"), an_event(3, "DELETED"))}
    )
    ended = run("watch", "svc,po", "eps", "-n", "dev", "--timeout", "5", server=server)
    assert ended.code == 0
    assert [line.split() for line in ended.out.splitlines()] == [
        ["1", "ADDED", "service/ent", "in", "dev"],
        ["3", "DELETED", "service/ent", "in", "dev"],
    ]
    assert dict(server.last.url.params) == {
        "kinds": "Service,Pod,EndpointSlice",
        "namespace": "dev",
        "timeoutSeconds": "5",
        "progress": "true",
    }


def test_programs_get_one_event_per_line() -> None:
    server = FakeServer({("GET", "/watch"): stream(an_event(1), an_event(2, "BOOKMARK"))})
    out = run("watch", "--timeout", "5", "-o", "json", server=server).out
    assert [json.loads(line) for line in out.splitlines()] == [an_event(1), an_event(2, "BOOKMARK")]
    out = run("watch", "--timeout", "5", "-o", "yaml", server=server).out
    assert out.startswith("---\ntype: ADDED\n")


def test_a_lost_watch_resumes_after_the_last_complete_revision_without_repeats(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[str] = []

    def serve(*events: Mapping[str, object]) -> Callable[[httpx.Request], httpx.Response]:
        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.url.params.get("resourceVersion", ""))
            return stream(*events)

        return answer

    transport = in_turn(
        serve(an_event(1), all_there_is(1), an_event(2, name="cut")),
        lost,
        serve(an_event(2, name="cut"), an_event(2, name="off"), an_event(2, "BOOKMARK")),
        serve(an_error(410)),
    )
    seen: list[str] = []
    events = follow(Api("http://waypost.test", transport=transport), {}, pause_s=0)
    received = (f"{event['type']} {text(event, 'object', 'metadata', 'name')}" for event in events)
    with pytest.raises(Refused, match="too old"):
        seen.extend(received)
    assert seen == ["ADDED ent", "BOOKMARK ", "ADDED cut", "ADDED off", "BOOKMARK ent"]
    assert asked == ["", "1", "2"]
    assert "going on after revision 1" in capsys.readouterr().err


def test_a_watch_that_is_lost_before_all_is_listed_lists_the_rest() -> None:
    asked: list[str] = []

    def list_again(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("resourceVersion", ""))
        return stream(an_event(1, name="a"), an_event(2, name="b"), all_there_is(2), an_error(410))

    transport = in_turn(
        lambda _: stream(an_event(1, name="a"), an_event(1, "BOOKMARK")), lost, list_again
    )
    seen: list[str] = []
    events = follow(Api("http://waypost.test", transport=transport), {}, pause_s=0)
    received = (text(event, "object", "metadata", "name") for event in events)
    with pytest.raises(Refused):
        seen.extend(received)
    assert asked == [""]
    assert seen == ["a", "ent", "b", ""]


def test_a_line_separator_inside_a_string_ends_no_line() -> None:
    event = an_event(1, name="a\u2028b")
    body = json.dumps(event, ensure_ascii=False).encode() + b"\n"
    transport = in_turn(lambda _: httpx.Response(200, content=body))
    events = follow(Api("http://waypost.test", transport=transport), {}, pause_s=0)
    assert next(events) == event


def test_a_failing_first_connection_is_a_failure() -> None:
    with pytest.raises(Unreachable):
        next(follow(Api("http://waypost.test", transport=in_turn(lost)), {}, pause_s=0))


def test_an_error_event_ends_the_watch_as_a_refusal() -> None:
    server = FakeServer({("GET", "/watch"): stream(an_error(410))})
    ended = run("watch", "--since", "1", server=server)
    assert (ended.code, ended.err) == (1, "error: too old (Expired)\n")
