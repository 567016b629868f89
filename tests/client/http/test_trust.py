"""Which certificates of an API are trusted, and what is said of others."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from app.api.transport.tls import TLS, TLSFiles
from tests.api.sockets import serving
from tests.certificates import Authority
from waypost.client.errors import Unreachable
from waypost.client.http.bounded_reading import http_client, read_answer

SERVERS, OTHERS = Authority.named("servers"), Authority.named("others")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("hello")(scope, receive, send)


def served(folder: Path, *hosts: str) -> TLS:
    certificate, key = SERVERS.server(*hosts).saved(folder, "api")
    return TLS(TLSFiles(certificate=certificate, key=key), now=datetime.now(UTC))


async def said(url: str, *, uses_tls: bool = True) -> bytes:
    async with http_client(uses_tls=uses_tls) as client:
        return (await read_answer(client, client.build_request("GET", url))).body


async def test_authorities_of_a_file_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(SERVERS.saved(tmp_path, "servers")[0]))
    async with serving(app, tls=served(tmp_path, "localhost")) as port:
        assert await said(f"https://localhost:{port}/") == b"hello"


@pytest.mark.parametrize(
    ("authority", "host", "words"),
    [
        (OTHERS, "localhost", "its certificate is not trusted: .*certificate.*; SSL_CERT_FILE may"),
        (SERVERS, "other.example", "its certificate is not trusted: .*not valid for 'localhost'"),
    ],
    ids=["another authority", "another name"],
)
async def test_what_is_not_trusted_is_said_in_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    authority: Authority,
    host: str,
    words: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.saved(tmp_path, "trusted")[0]))
    async with serving(app, tls=served(tmp_path, host)) as port:
        with pytest.raises(Unreachable, match=words):
            await said(f"https://localhost:{port}/")


async def test_without_authorities_nobody_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(SERVERS.saved(tmp_path, "servers")[0]))
    async with serving(app, tls=served(tmp_path, "localhost")) as port:
        with pytest.raises(Unreachable, match="not trusted"):
            await said(f"https://localhost:{port}/", uses_tls=False)
    async with serving(app) as port:
        assert await said(f"http://localhost:{port}/", uses_tls=False) == b"hello"


async def test_a_server_without_tls_is_said_to_have_none() -> None:
    async with serving(app) as port:
        with pytest.raises(Unreachable, match=r"TLS has failed: [A-Z_]+"):
            await said(f"https://localhost:{port}/")
