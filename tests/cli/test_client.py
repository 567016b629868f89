"""The client: requests, refusals and failed connections."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import httpx
import pytest

from app.cli.client import CLI_BOUNDS, Api
from tests.cli.fake_server import THE_NETWORK, FakeServer, in_turn, refusal, run, stream
from tests.client.hostile_servers import OK, Script, bomb, endless_gzip, gzipped, hostile, whole
from waypost.client.errors import InvalidURL, Misbehaved, Refused, WaypostError

URL = "http://waypost.test"
LOOPED = httpx.AsyncHTTPTransport(trust_env=False)
NETWORKS = {"direct": None, "looped": LOOPED}
"""Both clients of HTTP, on real sockets."""


def api(answer: httpx.Response) -> Api:
    return Api(URL, transport=httpx.MockTransport(lambda _: answer))


def test_empty_parameters_are_not_sent() -> None:
    server = FakeServer({("GET", "/services"): {"items": []}})
    client = Api(f"{URL}/", transport=server.transport())
    query = {"namespace": "dev", "limit": None, "watch": False, "labelSelector": "", "strict": True}
    assert client.ask("GET", "/services", query=query) == {"items": []}
    assert server.last.url == f"{URL}/services?namespace=dev&strict=true"


def test_a_status_becomes_a_refusal() -> None:
    with pytest.raises(Refused, match="taken") as caught:
        api(refusal(409, "Conflict", "taken")).ask("GET", "/")
    assert caught.value.reason == "Conflict"


def test_a_failure_without_a_status_has_a_message() -> None:
    with pytest.raises(Misbehaved, match="answers 502: <p>Bad gateway"):
        api(httpx.Response(502, text="<p>Bad\n gateway")).read_text("/")
    with pytest.raises(Misbehaved, match="answers 500: Internal Server Error"):
        api(httpx.Response(500)).ask("GET", "/")


@pytest.mark.parametrize("body", ["<html>", "[1]", '"text"'])
def test_an_answer_that_is_not_a_document_is_an_error(body: str) -> None:
    with pytest.raises(Misbehaved, match=URL):
        api(httpx.Response(200, text=body)).ask("GET", "/")


@pytest.mark.parametrize("url", ["127.0.0.1:8053", "ftp://host", "http://", "http://a:b:c"])
def test_a_malformed_url_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(InvalidURL):
        Api(url)


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (421, "MisdirectedRequest", 'this server is not known as "registry"'),
        (403, "Forbidden", "the request comes from a page of another origin"),
        (415, "UnsupportedMediaType", "the body of the request has no Content-Type"),
    ],
)
def test_a_refusal_before_any_route_is_one_clear_line(code: int, reason: str, message: str) -> None:
    answer = refusal(code, reason, message)
    ended = run("get", "svc", server=httpx.MockTransport(lambda _: answer))
    assert (ended.code, ended.err) == (1, f"error: {message} ({reason})\n")


def test_a_refused_connection_is_one_clear_line_with_its_own_exit_code() -> None:
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


NONSENSE = {
    "a login page": (whole(b"<html>log in", "Content-Type: text/html"), "a web page"),
    "a redirect to one": (whole(b"", "Location: /login", status="302 Found"), "it answers 302"),
    "another server's 404": (
        whole(b"no\x1b[2J page", status="404 Not Found"),
        "it answers 404: no",
    ),
    "a list": (whole(b"[]"), "no JSON object"),
    "no UTF-8": (whole(b'{"a": "\xff"}'), "UTF-8"),
    "deep nesting": (whole(b"[" * 100_000), "nested too deeply"),
    "a bomb in a bomb": (gzipped(bomb(codings=2), "gzip, gzip"), "not asked for"),
    "a head without end": (Script(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65_536), "cannot be read"),
    "no HTTP": (Script(b"SSH-2.0-OpenSSH\r\n"), "cannot be read"),
}
VERBS = [("get", "svc"), ("watch", "--timeout", "5"), ("rules", "n1")]


@pytest.mark.parametrize(("script", "words"), NONSENSE.values(), ids=NONSENSE.keys())
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
@pytest.mark.parametrize("network", [THE_NETWORK, LOOPED], ids=NETWORKS.keys())
async def test_another_server_is_one_clear_line_with_the_exit_code_of_no_connection(
    script: Script, words: str, verb: tuple[str, ...], network: httpx.AsyncBaseTransport
) -> None:
    async with hostile(script) as server:
        ended = await asyncio.to_thread(run, *verb, "--api", server.url, server=network)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert server.url in ended.err
    assert words in ended.err
    assert ended.err.removesuffix("\n").isprintable()


Read = Callable[[Api], object]
READS: Mapping[str, Read] = {
    "document": lambda api: api.ask("GET", "/"),
    "text": lambda api: api.read_text("/"),
    "stream": lambda api: list(api.follow("/")),
}
WITHOUT_END = {
    "a bomb": gzipped(bomb()),
    "gzip without end": endless_gzip(),
    "a body without end": Script(OK + b"\r\n", b"x" * 65_536),
    "a body that drips": Script(OK + b"\r\n", b"x", pause_s=0.01),
    "a head that drips": Script(b"HTTP/1.1 200 OK\r\nX: ", b"x", pause_s=0.01),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
@pytest.mark.parametrize("script", WITHOUT_END.values(), ids=WITHOUT_END.keys())
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
async def test_endless_answers_are_read_within_bounds(
    script: Script, read: Read, network: httpx.AsyncBaseTransport | None
) -> None:
    tight = replace(
        CLI_BOUNDS,
        answer_octets_max=1_000_000,
        line_octets_max=1_000_000,
        answer_s_max=0.5,
        line_s_max=0.5,
    )
    async with hostile(script) as server:
        api = Api(server.url, bounds=tight, transport=network)
        with pytest.raises(
            WaypostError, match=r"more than 1000000 bytes|within 0\.5 s|which it was"
        ):
            await asyncio.to_thread(read, api)


async def test_an_answer_nested_too_deeply_is_one_line() -> None:
    nested = b'{"items": ' + b"[" * 700 + b"]" * 700 + b"}"
    async with hostile(whole(nested)) as server:
        ended = await asyncio.to_thread(
            run, "get", "svc", "-o", "yaml", "--api", server.url, server=THE_NETWORK
        )
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: the server's answer is nested too deeply to be shown\n"


def test_a_watch_that_is_left_early_closes_its_connection() -> None:
    client = Api(URL, transport=in_turn(lambda _: stream({"type": "ADDED"}, {"type": "DELETED"})))
    events = client.follow("/watch")
    assert next(iter(events)) == {"type": "ADDED"}
    del events


def test_the_token_of_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    server = FakeServer({("GET", "/services"): {"items": []}})
    run("get", "svc", server=server)
    assert "authorization" not in server.last.headers
    monkeypatch.setenv("WAYPOST_TOKEN", "wpu_x")
    run("get", "svc", server=server)
    assert server.last.headers["authorization"] == "Bearer wpu_x"
    ended = run("get", "svc", "--api", "http://192.0.2.1", server=server)
    assert (ended.code, ended.out, "use https" in ended.err) == (2, "", True)
    assert "wpu_x" not in ended.err
