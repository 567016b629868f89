"""The registry over HTTP: every answer is a document or one of three exceptions."""

import json
from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agent.client import Refused, RegistryClient, RegistryMisbehaved, RegistryUnreachable


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


async def test_what_still_bears_the_tag_is_nothing_new() -> None:
    async with client_of(httpx.Response(304)) as client:
        assert await client.get("/nodes/n1/ipvs", tag='"1"') is None


async def test_a_refusal_has_its_reason() -> None:
    status = {"kind": "Status", "reason": "NotFound", "message": 'nodes "n1" not found'}
    async with client_of(httpx.Response(404, json=status)) as client:
        with pytest.raises(Refused, match="n1") as refused:
            await client.ask("GET", "/nodes/n1")
        assert refused.value.reason == "NotFound"


@pytest.mark.parametrize("code", [429, 500, 502, 503])
async def test_a_registry_in_trouble_is_unreachable(code: int) -> None:
    async with client_of(httpx.Response(code, text="later")) as client:
        with pytest.raises(RegistryUnreachable, match=str(code)):
            await client.ask("GET", "/nodes/n1")


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadTimeout(""), httpx.RemoteProtocolError("?")]
)
async def test_nothing_of_httpx_comes_out(error: Exception) -> None:
    async with client_of(error) as client:
        with pytest.raises(RegistryUnreachable):
            await client.get("/nodes/n1/ipvs")
        with pytest.raises(RegistryUnreachable):
            _ = [line async for line in client.lines("/pods")]


@given(st.binary(max_size=60), st.sampled_from([200, 201, 400, 404, 409, 422, 504]))
async def test_whatever_is_answered_is_a_document_or_one_of_the_errors(
    body: bytes, code: int
) -> None:
    async with client_of(httpx.Response(code, content=body)) as client:
        with suppress(RegistryMisbehaved, Refused):
            assert isinstance(await client.ask("GET", "/"), dict)


async def test_one_of_several_is_asked_until_it_does_not_answer() -> None:
    down, up = httpx.ConnectError("refused"), httpx.Response(200, json={})
    async with client_of(down, up, urls=2) as client:
        with pytest.raises(RegistryUnreachable, match="http://r0"):
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


async def test_one_that_does_not_know_its_name_says_so_and_the_next_is_asked() -> None:
    lost, up = httpx.Response(421, json=MISDIRECTED), httpx.Response(200, json={})
    async with client_of(lost, up, urls=2) as client:
        with pytest.raises(
            RegistryUnreachable, match=r"http://r0: it answers 421: .*ALLOWED_HOSTS"
        ):
            await client.ask("GET", "/")
        assert await client.ask("GET", "/") == {}
    async with client_of(lost) as client:
        with pytest.raises(RegistryUnreachable, match="ALLOWED_HOSTS"):
            _ = [line async for line in client.lines("/pods")]


async def test_a_page_instead_of_a_reason_is_not_quoted() -> None:
    async with client_of(httpx.Response(502, text="<p>" * 1_000)) as client:
        with pytest.raises(RegistryUnreachable, match=r"it answers 502$"):
            await client.ask("GET", "/")


async def test_a_stream_is_split_at_line_feeds_alone() -> None:
    lines = [json.dumps({"name": "one\u2028two\x85"}, ensure_ascii=False), "", "{}"]
    async with client_of(httpx.Response(200, text="\n".join(lines) + "\n")) as client:
        found = [line.decode() async for line in client.lines("/pods")]
    assert found == [lines[0], "{}"]


@pytest.mark.parametrize("url", ["", "waypost:8053", "ftp://waypost", "http://", "http://[::1"])
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|URL"):
        RegistryClient([url])


def test_no_address_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="address"):
        RegistryClient([])
