"""The direct client asks as the other client does, and gives the same answers."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from app.api.transport.tls import TLS, TLSFiles
from app.cli.client import CLI_BOUNDS
from app.cli.http.direct import DirectClient
from app.cli.http.looped import LoopedClient
from app.cli.http.target import Target, target_of
from tests.api.sockets import serving
from tests.certificates import Authority
from tests.client.hostile_servers import HOST, Script, hostile, whole
from waypost.client.errors import Unreachable
from waypost.client.http.answer import Answer
from waypost.client.http.credentials import Credentials
from waypost.client.paths import path_of

Client = DirectClient | LoopedClient
OWN_HEADERS = ("connection", "user-agent")
"""Headers that may differ: a command needs one connection once."""


def direct(url: str, credentials: Credentials | None = None) -> DirectClient:
    target = target_of(url, {})
    assert target is not None
    return DirectClient(target, credentials, CLI_BOUNDS)


def both(url: str, text: str = "wpu_x") -> tuple[Client, Client]:
    token = Credentials(text)
    return direct(url, token), LoopedClient(url, token, CLI_BOUNDS)


class Recorder:
    """Answers with what was asked, which is what both clients are compared by."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        headers = dict(request.headers.items())
        asked = {
            "method": request.method,
            "path": scope["path"],
            "query": parse_qsl(scope["query_string"].decode(), keep_blank_values=True),
            "headers": {name: headers[name] for name in sorted(headers) if name not in OWN_HEADERS},
            "body": (await request.body()).decode(),
        }
        await PlainTextResponse(json.dumps(asked))(scope, receive, send)


@pytest.fixture(scope="module")
async def recorder() -> AsyncGenerator[str, None]:
    async with serving(Recorder()) as port:
        yield f"http://{HOST}:{port}"


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00/%"), min_size=1, max_size=8
).filter(lambda name: name not in (".", ".."))


@given(
    name=NAMES,
    query=st.dictionaries(TEXTS, TEXTS, max_size=3),
    content=st.none() | st.text(st.characters(codec="utf-8"), max_size=50),
)
async def test_it_asks_as_the_other_client_does(
    recorder: str, name: str, query: Mapping[str, str], content: str | None
) -> None:
    def asked(client: Client, path: str) -> object:
        method = "GET" if content is None else "POST"
        answer = client.answer(method, path, query=query, content=content, accept="*/*")
        return json.loads(answer.body)

    path = path_of("services", "", name)
    one, other = [await asyncio.to_thread(asked, client, path) for client in both(recorder)]
    assert one == other


@pytest.mark.parametrize(
    "script",
    [
        whole(b'{"a": 1}', "Content-Type: application/json", 'Warning: 299 - "x"'),
        whole(b"", status="204 No Content"),
        whole(b"{}", "Retry-After: 7", status="503 Service Unavailable"),
        Script(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
        Script(b"HTTP/1.0 200 OK\r\n\r\n{}"),
        Script(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nWarning: a\r\nwarning: b\r\n\r\n"
            b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
        ),
    ],
)
async def test_it_gives_the_same_answer(script: Script) -> None:
    def fields(answer: Answer) -> tuple[object, ...]:
        warnings = answer.headers.get_list("warning")
        delay = answer.headers.get("Retry-After", "none")
        return answer.status_code, answer.body, warnings, delay

    def get(client: Client) -> Answer:
        return client.answer("GET", "/", query={}, accept="*/*")

    async with hostile(script) as server:
        one, other = [await asyncio.to_thread(get, client) for client in both(server.url)]
    assert fields(one) == fields(other)


@pytest.mark.parametrize(
    "script",
    [
        Script(),
        Script(b"HTTP/1.1 200"),
        Script(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}"),
        Script(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        Script(b"nonsense\r\n\r\n"),
    ],
)
async def test_what_is_no_answer_is_unreachable_in_the_same_words(script: Script) -> None:
    def words(client: Client) -> str:
        with pytest.raises(Unreachable) as caught:
            client.answer("GET", "/", query={}, accept="*/*")
        return caught.value.problem.partition(":")[0]

    async with hostile(script) as server:
        one, other = [await asyncio.to_thread(words, client) for client in both(server.url)]
    assert one == other


CLOSED = f"http://{HOST}:1"  # tcpmux, which nothing serves


@pytest.mark.parametrize("url", [CLOSED, "http://nowhere.invalid"])
def test_a_failed_connection_has_sent_nothing_and_has_the_same_words(url: str) -> None:
    caught: list[Unreachable] = []
    for client in both(url, text=""):
        with pytest.raises(Unreachable) as found:
            client.answer("GET", "/", query={}, accept="*/*")
        caught.append(found.value)
    one, other = caught
    assert (one.problem, one.was_sent) == (other.problem, other.was_sent)
    assert not one.was_sent


async def test_after_a_401_the_file_of_the_token_is_read_and_asked_with_once_more(
    tmp_path: Path,
) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    seen: list[str | None] = []

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            seen.append(Request(scope).headers.get("authorization"))
            file.write_text("new")
            await Response(status_code=401)(scope, receive, send)

    async with serving(answer) as port:
        client = direct(f"http://{HOST}:{port}", Credentials(file=file))
        refused = await asyncio.to_thread(client.answer, "GET", "/", query={}, accept="*/*")
    assert refused.status_code == 401
    assert seen == ["Bearer old", "Bearer new"]


async def test_the_refusal_of_a_body_that_was_not_read_whole_is_the_answer() -> None:
    script = whole(b"{}", status="413 Content Too Large")
    async with hostile(script) as server:
        client = direct(server.url)
        body = "x" * 30_000_000
        answer = await asyncio.to_thread(
            client.answer, "POST", "/", query={}, content=body, accept="*/*"
        )
    assert answer.status_code == 413


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("hello")(scope, receive, send)


@pytest.mark.parametrize(
    ("trusted", "words"),
    [("servers", ""), ("others", "its certificate is not trusted: .*; SSL_CERT_FILE may")],
)
async def test_certificates_are_checked(
    trusted: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorities = {name: Authority.named(name) for name in ("servers", "others")}
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities[trusted].saved(tmp_path, "trusted")[0]))
    certificate, key = authorities["servers"].server("localhost").saved(tmp_path, "api")
    tls = TLS(TLSFiles(certificate=certificate, key=key), now=datetime.now(UTC))
    async with serving(hello, tls=tls) as port:
        client = DirectClient(Target(True, "localhost", port, ""), None, CLI_BOUNDS)  # noqa: FBT003
        asked = asyncio.to_thread(client.answer, "GET", "/", query={}, accept="*/*")
        if words:
            with pytest.raises(Unreachable, match=words):
                await asked
        else:
            assert (await asked).body == b"hello"
