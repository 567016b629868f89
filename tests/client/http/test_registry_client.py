"""The registry over HTTP: every answer is a document or one of three exceptions."""

import asyncio
import json
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.hostile_servers import (
    NONSENSE,
    OK,
    Script,
    endless_gzip,
    hostile,
    whole,
)
from tests.waiting import until
from waypost.client.errors import (
    InvalidURL,
    Misbehaved,
    Misused,
    Refused,
    Unreachable,
    WaypostError,
)
from waypost.client.http.answer import BOUNDS
from waypost.client.http.registry_client import RegistryClient, may_use_tls


def client_of(*answers: httpx.Response | Exception, urls: int = 1) -> RegistryClient:
    queue = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        following = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(following, Exception):
            raise following
        following.request = request
        return following

    names = [f"http://r{number}" for number in range(urls)]
    return RegistryClient(names, transport=httpx.MockTransport(answer))


async def test_a_document_is_read() -> None:
    async with client_of(httpx.Response(200, json={"kind": "Node"})) as client:
        assert await client.ask("GET", "/nodes/n1") == {"kind": "Node"}


async def test_an_empty_answer_is_an_empty_document() -> None:
    async with client_of(httpx.Response(204)) as client:
        assert await client.ask("DELETE", "/nodes/n1") == {}


async def test_an_unchanged_tag_is_no_refusal() -> None:
    async with client_of(httpx.Response(304)) as client:
        assert (await client.answer("GET", "/nodes/n1/ipvs", tag='"1"')).status_code == 304


async def test_a_refusal_has_its_reason() -> None:
    status = {"kind": "Status", "reason": "NotFound", "message": 'nodes "n1" not found'}
    async with client_of(httpx.Response(404, json=status)) as client:
        with pytest.raises(Refused, match="n1") as refused:
            await client.ask("GET", "/nodes/n1")
        assert refused.value.reason == "NotFound"


@pytest.mark.parametrize("code", [429, 500, 502, 503])
async def test_a_failing_registry_is_unreachable(code: int) -> None:
    async with client_of(httpx.Response(code, text="later")) as client:
        with pytest.raises(Unreachable, match=str(code)):
            await client.ask("GET", "/nodes/n1")


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadTimeout(""), httpx.RemoteProtocolError("?")]
)
async def test_exceptions_of_httpx_are_translated(error: Exception) -> None:
    async with client_of(error) as client:
        with pytest.raises(Unreachable):
            await client.answer("GET", "/nodes/n1/ipvs")
        with pytest.raises(Unreachable):
            _ = [some async for some in client.lines("/pods")]


@given(st.binary(max_size=60), st.sampled_from([200, 201, 400, 404, 409, 422, 504]))
async def test_any_answer_is_a_document_or_one_of_the_errors(body: bytes, code: int) -> None:
    async with client_of(httpx.Response(code, content=body)) as client:
        with suppress(Misbehaved, Refused):
            assert isinstance(await client.ask("GET", "/"), dict)


async def test_one_of_several_is_asked_until_it_fails() -> None:
    down, up = httpx.ConnectError("refused"), httpx.Response(200, json={})
    async with client_of(down, up, urls=2) as client:
        with pytest.raises(Unreachable, match="http://r0"):
            await client.ask("GET", "/")
        assert client.url == "http://r1"
        await client.ask("GET", "/")
        assert client.url == "http://r1"


MISDIRECTED = {
    "kind": "Status",
    "code": 421,
    "reason": "MisdirectedRequest",
    "message": 'this server is not known as "r0": list it in WAYPOST_ALLOWED_HOSTS',
}


async def test_after_an_unknown_host_name_the_next_is_asked() -> None:
    lost, up = httpx.Response(421, json=MISDIRECTED), httpx.Response(200, json={})
    async with client_of(lost, up, urls=2) as client:
        with pytest.raises(Unreachable, match=r"http://r0: it answers 421: .*ALLOWED_HOSTS"):
            await client.ask("GET", "/")
        assert await client.ask("GET", "/") == {}
    async with client_of(lost) as client:
        with pytest.raises(Unreachable, match="ALLOWED_HOSTS"):
            _ = [some async for some in client.lines("/pods")]


async def test_a_web_page_in_place_of_a_reason_is_not_quoted() -> None:
    async with client_of(httpx.Response(502, text="<p>" * 1_000)) as client:
        with pytest.raises(Unreachable, match=r"it answers 502$"):
            await client.ask("GET", "/")


async def test_a_stream_is_split_only_at_line_feeds() -> None:
    lines = [json.dumps({"name": "one\u2028two\x85"}, ensure_ascii=False), "", "{}"]
    async with client_of(httpx.Response(200, text="\n".join(lines) + "\n")) as client:
        found = [line.decode() async for some in client.lines("/pods") for line in some]
    assert found == [lines[0], "{}"]


TIGHT = replace(
    BOUNDS,
    answer_octets_max=1_000_000,
    line_octets_max=1_000_000,
    answer_s_max=5,
    line_s_max=5,
)
GOOD = whole(b'{"kind": "Node"}')
nonsense = pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE.keys())


@nonsense
async def test_after_an_invalid_answer_the_next_registry_is_asked(script: Script) -> None:
    async with (
        hostile(script) as bad,
        hostile(GOOD) as good,
        RegistryClient([bad.url, good.url], bounds=TIGHT) as client,
    ):
        with pytest.raises((Misbehaved, Unreachable), match=bad.url):
            await client.ask("GET", "/nodes/n1")
        assert await client.ask("GET", "/nodes/n1") == {"kind": "Node"}
        assert client.url == good.url


@nonsense
async def test_invalid_answers_are_logged_once_a_minute(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    async with hostile(script) as bad, RegistryClient([bad.url], bounds=TIGHT) as client:
        for _ in range(3):
            with pytest.raises(WaypostError):
                await client.ask("GET", "/nodes/n1")
    assert len(bad.requests) == 3
    (line,) = [record.message for record in caplog.records if bad.url in record.message]
    assert line.startswith(f"{bad.url}: ")
    assert line.endswith("; retrying")


STREAMS = {
    "a line without end": Script(OK + b"\r\n", b"x" * 65_536),
    "gzip without end": endless_gzip(),
    "a login page": NONSENSE["a login page"],
    "a wrong status": NONSENSE["another server's 404"],
}


@pytest.mark.parametrize("script", STREAMS.values(), ids=STREAMS.keys())
async def test_after_an_invalid_stream_the_next_registry_is_asked(script: Script) -> None:
    async with (
        hostile(script) as bad,
        RegistryClient([bad.url, "http://x"], bounds=TIGHT) as client,
    ):
        with pytest.raises(Misbehaved, match=bad.url):
            _ = [some async for some in client.lines("/pods")]
        assert client.url == "http://x"


async def test_two_concurrent_failures_skip_only_one_registry() -> None:
    async with (
        hostile(whole(b"[]")) as bad,
        RegistryClient([bad.url, "http://x"]) as client,
    ):
        answers = [client.ask("GET", f"/{number}") for number in range(4)]
        found = await asyncio.gather(*answers, return_exceptions=True)
        assert [type(each) for each in found] == [Misbehaved] * 4
        assert client.url == "http://x"


async def test_text_of_a_registry_is_logged_as_one_short_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    location = "Location: http://x/" + "\x1b[2J" * 5_000
    script = whole(b"", location, status="302 Found")
    async with hostile(script) as bad, RegistryClient([bad.url]) as client:
        with pytest.raises(WaypostError):
            await client.ask("GET", "/")
    (line,) = caplog.messages
    assert line.isprintable()
    assert len(line) < 1_500


@pytest.mark.parametrize(
    "url", ["", "waypost:8053", "127.0.0.1:8053", "ftp://waypost", "http://", "http://[::1"]
)
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidURL, match=r"not a URL|not an address"):
        RegistryClient(["http://127.0.0.1:8053", url])


def test_an_empty_list_of_urls_is_refused() -> None:
    with pytest.raises(InvalidURL, match="address"):
        RegistryClient([])


def test_a_url_may_end_in_a_slash_and_have_a_path() -> None:
    assert RegistryClient(["http://a/"]).url == "http://a"
    assert RegistryClient(["https://b/waypost/", "http://a"]).url == "https://b/waypost"


async def test_a_closed_client_says_so() -> None:
    client = client_of(httpx.ConnectError("it was asked"))
    await client.aclose()
    with pytest.raises(Misused, match="closed"):
        await client.ask("GET", "/")
    with pytest.raises(Misused, match="closed"):
        _ = [some async for some in client.lines("/pods")]


async def test_an_answer_that_comes_too_late_is_no_failure_of_the_registry(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with hostile(Script(OK + b"\r\n", b" ", pause_s=0.01)) as server:
        client = RegistryClient([server.url])
        asking = asyncio.create_task(client.ask("GET", "/"))
        await until(lambda: server.sent > 10)
        await client.aclose()
        with pytest.raises(Misused, match="closed"):
            await asking
    assert caplog.messages == []


def test_a_client_belongs_to_one_event_loop() -> None:
    async def ask() -> None:
        await client.ask("GET", "/")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    client = RegistryClient(["http://localhost"], transport=transport)
    asyncio.run(ask())
    with pytest.raises(Misused, match="another event loop"):
        asyncio.run(ask())
    asyncio.run(client.aclose())


async def test_a_refusal_names_the_process_that_refuses() -> None:
    status = {"kind": "Status", "reason": "Forbidden", "message": "no"}
    async with client_of(httpx.Response(403, json=status), urls=2) as client:
        with pytest.raises(Refused, match="no") as refused:
            await client.ask("GET", "/")
    assert (refused.value.url, str(refused.value)) == ("http://r0", "no")


@pytest.mark.parametrize(
    ("url", "proxy", "expected"),
    [
        ("http://a", "", False),
        ("https://a", "", True),
        ("HTTPS://a", "", True),
        ("http://a", "http://proxy", False),
        ("http://a", "https://proxy", True),
    ],
)
def test_authorities_are_loaded_only_where_they_may_be_needed(
    url: str, proxy: str, *, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    assert may_use_tls([url], uses_proxies=True) == expected
    assert may_use_tls([url], uses_proxies=False) == url.lower().startswith("https:")


async def test_cookies_are_not_kept() -> None:
    async with (
        hostile(whole(b"{}", "Set-Cookie: a=b")) as server,
        RegistryClient([server.url]) as client,
    ):
        await client.ask("GET", "/")
        await client.ask("GET", "/")
    assert not any(b"cookie:" in request.lower() for request in server.requests)


async def test_a_proxy_of_the_environment_is_used_only_on_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    async with hostile(whole(b"{}")) as server:
        async with RegistryClient([server.url]) as client:
            assert await client.ask("GET", "/") == {}
        async with RegistryClient([server.url], uses_proxies=True) as client:
            with pytest.raises(Unreachable):
                await client.ask("GET", "/")
