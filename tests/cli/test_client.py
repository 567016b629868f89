"""The client asks, and tells refusals from silence."""

import httpx
import pytest

from app.cli.client import Api, Refused, Unreachable
from tests.cli.fake_server import FakeServer, in_turn, refusal, run, stream

URL = "http://waypost.test"


def api(answer: httpx.Response) -> Api:
    return Api(URL, transport=httpx.MockTransport(lambda _: answer))


def test_parameters_that_say_nothing_are_not_sent() -> None:
    server = FakeServer({("GET", "/services"): {"items": []}})
    client = Api(f"{URL}/", transport=server.transport())
    query = {"namespace": "dev", "limit": None, "watch": False, "labelSelector": "", "strict": True}
    assert client.ask("GET", "/services", query=query) == {"items": []}
    assert server.last.url == f"{URL}/services?namespace=dev&strict=true"


def test_a_status_becomes_a_refusal() -> None:
    with pytest.raises(Refused, match="taken") as caught:
        api(refusal(409, "Conflict", "taken")).ask("GET", "/")
    assert caught.value.reason == "Conflict"


def test_a_failure_that_is_no_status_is_worded_all_the_same() -> None:
    with pytest.raises(Unreachable, match="answers 502: <p>Bad gateway"):
        api(httpx.Response(502, text="<p>Bad\n gateway")).read_text("/")
    with pytest.raises(Unreachable, match="answers 500: Internal Server Error"):
        api(httpx.Response(500)).ask("GET", "/")


@pytest.mark.parametrize("body", ["<html>", "[1]", '"text"'])
def test_an_answer_that_is_no_document_is_not_waypost(body: str) -> None:
    with pytest.raises(Unreachable, match="does not speak as Waypost does"):
        api(httpx.Response(200, text=body)).ask("GET", "/")


@pytest.mark.parametrize("url", ["127.0.0.1:8053", "ftp://host", "http://", "http://a:b:c"])
def test_an_address_that_is_no_url_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(Unreachable):
        Api(url)


def test_nobody_listening_is_one_clear_line_and_its_own_exit_code() -> None:
    ended = run("get", "svc")
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err == (
        "error: no server answers at http://127.0.0.1:8053 (Connection refused): "
        "start one with `waypost serve`, or name another with --api\n"
    )


def test_warnings_of_the_server_are_printed_beside_the_answer() -> None:
    warned = httpx.Response(
        200, json={"items": []}, headers=[("Warning", r'299 - "unknown field \"spec.x\""')]
    )
    ended = run("get", "svc", "-o", "json", server=httpx.MockTransport(lambda _: warned))
    assert ended.err == 'warning: unknown field "spec.x"\n'


def test_a_stream_is_read_line_by_line_and_may_be_refused() -> None:
    transport = in_turn(
        lambda _: stream({"type": "ADDED"}, {"type": "DELETED"}),
        lambda _: refusal(410, "Expired", "too old"),
    )
    client = Api(URL, transport=transport)
    assert [event["type"] for event in client.follow("/watch")] == ["ADDED", "DELETED"]
    with pytest.raises(Refused, match="too old"):
        list(client.follow("/watch"))
