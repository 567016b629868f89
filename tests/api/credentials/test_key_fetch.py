"""Key sets over HTTPS, from a real server with a certificate of a test's own authority."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.api.credentials.claims import Issuer
from app.api.credentials.key_fetch import (
    AGE_S_MAX,
    AGE_S_MIN,
    DOCUMENT_OCTETS_MAX,
    FetchedKeys,
    FetchError,
    KeyFetcher,
    system_resolve,
)
from tests.api.credentials.signing import jwk_of, key_for, key_set, octets_of
from tests.certificates import Authority

NAME = "issuer.example"
AUTHORITY = Authority.named("issuers")
JWK = jwk_of(key_for("ES256"))
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(slots=True)
class Server:
    """An issuer's HTTPS server: what it answers by path, and what it was asked."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict[str, bytes])
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}"

    def issuer(self, *, authority: str = AUTHORITY.pem.decode(), discovery_url: str = "") -> Issuer:
        return Issuer(
            url=self.url,
            audiences=frozenset({"waypost"}),
            certificate_authority=authority,
            discovery_url=discovery_url,
        )

    def set(self, path: str, body: bytes, *fields: str, status: str = "200 OK") -> None:
        head = "\r\n".join((f"HTTP/1.1 {status}", f"content-length: {len(body)}", *fields))
        self.answers[path] = f"{head}\r\nconnection: close\r\n\r\n".encode() + body

    def set_discovery(self, **others: object) -> None:
        document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **others}
        self.set(DISCOVERY, json.dumps(document).encode())

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        path = head.split(" ")[1]
        host = next(line for line in head.split("\r\n") if line.startswith("host:"))
        self.asked.append((path, host.removeprefix("host:").strip()))
        missing = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
        writer.write(self.answers.get(path, missing))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(folder: Path, name: str = NAME) -> AsyncGenerator[Server]:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(*AUTHORITY.server(name).saved(folder, name))
    server = Server()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0, ssl=trust)
    server.port = listening.sockets[0].getsockname()[1]
    server.set_discovery()
    server.set("/keys", octets_of(JWK), "cache-control: public, max-age=600")
    try:
        yield server
    finally:
        listening.close()


async def local(host: str, port: int) -> Sequence[str]:
    """Resolve every name to this machine."""
    del host, port
    return ["127.0.0.1"]


async def fetched(issuer: Issuer) -> FetchedKeys:
    return await KeyFetcher(issuer, resolve=local).fetch()


async def test_discovery_leads_to_the_keys(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        found = await fetched(server.issuer())
    assert found == FetchedKeys(keys=key_set(JWK), age_s_max=600)
    host = f"{NAME}:{server.port}"
    assert server.asked == [(DISCOVERY, host), ("/keys", host)]


async def test_discovery_may_be_elsewhere_while_the_issuer_stays_the_same(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        server.answers["/elsewhere"] = server.answers.pop(DISCOVERY)
        found = await fetched(server.issuer(discovery_url=f"{server.url}/elsewhere"))
    assert found.keys == key_set(JWK)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"issuer": "https://issuer.example/"}, "is not that of"),
        ({"issuer": None}, "is not that of"),
        ({"jwks_uri": None}, "has no jwks_uri"),
        ({"jwks_uri": "http://issuer.example/keys"}, "is no https URL"),
        ({"jwks_uri": "file:///etc/passwd"}, "is no https URL"),
        ({"jwks_uri": "https://[::1"}, "issuer.example"),
        ({"jwks_uri": "https://internal.example/keys"}, "has no public address"),
        ({"jwks_uri": "https://127.0.0.1/keys"}, "has no public address"),
    ],
)
async def test_what_a_discovery_document_may_not_say(
    tmp_path: Path, document: dict[str, object], words: str
) -> None:
    async with serving(tmp_path) as server:
        server.set_discovery(**document)
        with pytest.raises(FetchError, match=words):
            await fetched(server.issuer())
    assert [path for path, _ in server.asked] == [DISCOVERY]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (DISCOVERY, b"[]", "200 OK", "is not that of"),
        (DISCOVERY, b"{", "200 OK", "is not JSON"),
        (DISCOVERY, b"\xff", "200 OK", "utf-8"),
        (DISCOVERY, b"", "302 Found", "answers 302"),
        (DISCOVERY, b"", "500 Internal Server Error", "answers 500"),
        ("/keys", b"{}", "200 OK", "no list of keys"),
        ("/keys", b"", "301 Moved Permanently", "answers 301"),
        ("/keys", b" " * (DOCUMENT_OCTETS_MAX + 1), "200 OK", "more than 1048576 octets"),
    ],
)
async def test_other_answers_are_errors_that_say_which(
    tmp_path: Path, path: str, body: bytes, status: str, words: str
) -> None:
    async with serving(tmp_path) as server:
        server.set(path, body, "location: /keys", status=status)
        with pytest.raises(FetchError, match=words):
            await fetched(server.issuer())


async def test_a_server_of_another_authority_is_not_believed(tmp_path: Path) -> None:
    other = Authority.named("others").pem.decode()
    async with serving(tmp_path) as server:
        with pytest.raises(FetchError, match="certificate verify failed"):
            await fetched(server.issuer(authority=other))
        with pytest.raises(FetchError, match="certificate verify failed"):
            await fetched(server.issuer(authority=""))
    assert server.asked == []


async def test_a_certificate_of_another_name_is_not_believed(tmp_path: Path) -> None:
    async with serving(tmp_path, "another.example") as server:
        with pytest.raises(FetchError, match="certificate verify failed"):
            await fetched(server.issuer())


async def test_an_issuer_that_is_away_is_an_error() -> None:
    with pytest.raises(FetchError, match=NAME):
        await fetched(Issuer(url=f"https://{NAME}:1", audiences=frozenset({"a"})))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "fe80::1", "fd00::1"),
        *("0.0.0.1", "::", "::ffff:127.0.0.1", "100.64.0.1", "224.0.0.1", "nonsense"),
    ],
)
async def test_an_address_inside_is_refused_for_a_host_that_the_issuer_named(
    tmp_path: Path, address: str
) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        del port
        return ["127.0.0.1"] if host == NAME else [address]

    async with serving(tmp_path) as server:
        server.set_discovery(jwks_uri="https://keys.example/keys")
        with pytest.raises(FetchError, match=r"keys\.example has no public address"):
            await KeyFetcher(server.issuer(), resolve=resolve).fetch()


async def test_an_address_that_does_not_answer_is_passed_over(tmp_path: Path) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        del host, port
        return ["127.0.0.2", "127.0.0.2", "127.0.0.1"]

    async with serving(tmp_path) as server:
        found = await KeyFetcher(server.issuer(), resolve=resolve).fetch()
    assert found.keys == key_set(JWK)


async def test_an_issuer_that_hangs_is_an_error(tmp_path: Path) -> None:
    async def hangs(host: str, port: int) -> Sequence[str]:
        del host, port
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(tmp_path) as server:
        fetcher = KeyFetcher(server.issuer(), resolve=hangs, fetch_s_max=0.01)
        with pytest.raises(FetchError, match=r"took more than 0\.01 s"):
            await fetcher.fetch()


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("public, max-age=600", 600),
        ("max-age=600, must-revalidate", 600),
        ('Max-Age="600"', 600),
        ("no-store", AGE_S_MIN),
        ("max-age=0", AGE_S_MIN),
        ("max-age=x", AGE_S_MIN),
        ("s-maxage=9, x-max-age=900", AGE_S_MIN),
        ("max-age=31536000", AGE_S_MAX),
    ],
)
async def test_keys_are_kept_as_long_as_the_issuer_says_within_bounds(
    tmp_path: Path, control: str, seconds: int
) -> None:
    async with serving(tmp_path) as server:
        server.set("/keys", octets_of(JWK), f"cache-control: {control}")
        assert (await fetched(server.issuer())).age_s_max == seconds


async def test_the_system_resolves_addresses_as_themselves() -> None:
    assert await system_resolve("127.0.0.1", 443) == ["127.0.0.1"]
