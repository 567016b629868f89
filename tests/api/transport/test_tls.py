"""TLS over real sockets: who gets in, with which versions, and certificates that change."""

import asyncio
import os
import signal
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from app.api.transport.connection import PEER_CERTIFICATE
from app.api.transport.tls import TLS, TLSFiles
from tests.access_vectors import authn_cases
from tests.api.sockets import serving
from tests.certificates import CLIENT, SERVER, Authority, Issued
from tests.waiting import until

SERVERS, CLIENTS, OTHERS = (Authority.named(each) for each in ("servers", "clients", "others"))
NOW = datetime.now(UTC)
REQUEST = b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
ALICE = CLIENTS.client("alice")


@dataclass(slots=True)
class Seen:
    """Answers 200, and remembers scheme and certificate of each request."""

    requests: list[tuple[str, bytes | None]] = field(default_factory=list[tuple[str, bytes | None]])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.requests.append((scope["scheme"], scope[PEER_CERTIFICATE]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"seen"})


def files(
    folder: Path,
    served: Issued | None = None,
    clients: Sequence[Issued] = (CLIENTS,),
    version: str = "1.2",
) -> TLSFiles:
    certificate, key = (served or SERVERS.server("localhost")).saved(folder, "served")
    (folder / "clients.crt").write_bytes(b"".join(each.pem for each in clients))
    return TLSFiles(
        certificate=certificate,
        key=key,
        client_authorities=(folder / "clients.crt",) if clients else (),
        min_version=version,
    )


def trusting(
    client: Issued | None = None, folder: Path | None = None, server: Authority = SERVERS
) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=server.pem.decode())
    if client is not None:
        assert folder is not None
        context.load_cert_chain(*client.saved(folder, "client"))
    return context


async def asked(port: int, context: ssl.SSLContext, octets: bytes = REQUEST) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    try:
        writer.write(octets)
        return await reader.read()
    finally:
        writer.close()


async def is_refused(port: int, context: ssl.SSLContext) -> bool:
    """Whether the connection ends before an answer: with TLS 1.3, after the client's handshake."""
    try:
        return not await asked(port, context)
    except (ssl.SSLError, ConnectionError):
        return True


async def served_until(port: int) -> str:
    """Tell the end of the certificate that a new connection gets."""
    context = ssl.create_default_context(cadata=(SERVERS.pem + OTHERS.pem).decode())
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    found = writer.get_extra_info("peercert")["notAfter"]
    writer.close()
    return found


def end_of(issued: Issued) -> str:
    return issued.certificate.not_valid_after_utc.strftime("%b %e %H:%M:%S %Y GMT")


async def test_a_client_without_a_certificate_is_served(tmp_path: Path) -> None:
    app = Seen()
    async with serving(app, tls=TLS(files(tmp_path), now=NOW)) as port:
        answer = await asked(port, trusting())
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"strict-transport-security: max-age=31536000" in answer.lower()
    assert app.requests == [("https", None)]


async def test_the_certificate_of_a_client_reaches_every_request(tmp_path: Path) -> None:
    app, twice = Seen(), REQUEST.replace(b"connection: close\r\n", b"") + REQUEST
    async with serving(app, tls=TLS(files(tmp_path), now=NOW)) as port:
        await asked(port, trusting(ALICE, tmp_path), twice)
    assert app.requests == [("https", ALICE.der)] * 2


def test_it_does_so_on_the_event_loop_that_serves(tmp_path: Path) -> None:
    app = Seen()

    async def run() -> None:
        async with serving(app, tls=TLS(files(tmp_path), now=NOW)) as port:
            await asked(port, trusting(ALICE, tmp_path))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    assert app.requests == [("https", ALICE.der)]


async def test_without_tls_there_is_no_certificate() -> None:
    app = Seen()
    async with serving(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        answer = await reader.read()
        writer.close()
    assert b"strict-transport-security" not in answer.lower()
    assert app.requests == [("http", None)]


async def test_without_authorities_a_certificate_is_not_asked_for(tmp_path: Path) -> None:
    app = Seen()
    async with serving(app, tls=TLS(files(tmp_path, clients=()), now=NOW)) as port:
        await asked(port, trusting(ALICE, tmp_path))
    assert app.requests == [("https", None)]


@pytest.mark.parametrize(
    "client",
    [
        OTHERS.client("alice"),
        CLIENTS.client("alice", days=(-3, -1)),
        CLIENTS.client("alice", days=(1, 3)),
        CLIENTS.issue((), usages=(SERVER,)),
        Authority.named("alice"),
    ],
    ids=["other authority", "expired", "not yet valid", "of a server", "signed by itself"],
)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_bad_certificates_are_refused_in_the_handshake(
    tmp_path: Path, client: Issued, version: ssl.TLSVersion
) -> None:
    app = Seen()
    async with serving(app, tls=TLS(files(tmp_path), now=NOW)) as port:
        context = trusting(client, tmp_path)
        context.maximum_version = version
        assert await is_refused(port, context)
    assert app.requests == []


REFUSED = [
    case
    for case in authn_cases("x509")
    if case.values[0]["expect"]["outcome"] == "refused in the handshake"
]


@pytest.mark.parametrize("case", REFUSED)
async def test_x509(case: dict[str, dict[str, str]], tmp_path: Path) -> None:
    said = case["certificate"]
    authority = CLIENTS if said["issuer"] == "trusted" else OTHERS
    usages = [CLIENT if each == "clientAuth" else SERVER for each in said["extendedKeyUsage"]]
    days = (-1, 30) if said["valid"] else (-30, -1)
    client = authority.issue((), usages=usages, days=days)
    app = Seen()
    async with serving(app, tls=TLS(files(tmp_path), now=NOW)) as port:
        assert await is_refused(port, trusting(client, tmp_path))
    assert app.requests == []


async def test_an_authority_below_the_root_is_enough(tmp_path: Path) -> None:
    app = Seen()
    both = files(tmp_path, clients=(OTHERS, CLIENTS))
    async with serving(app, tls=TLS(both, now=NOW)) as port:
        for authority in (OTHERS, CLIENTS):
            await asked(port, trusting(authority.client("alice"), tmp_path))
    assert len(app.requests) == 2


@pytest.mark.parametrize(
    ("least", "offered", "is_served"),
    [
        ("1.2", ssl.TLSVersion.TLSv1_2, True),
        ("1.2", ssl.TLSVersion.TLSv1_3, True),
        ("1.3", ssl.TLSVersion.TLSv1_2, False),
        ("1.3", ssl.TLSVersion.TLSv1_3, True),
    ],
)
async def test_versions(
    tmp_path: Path, least: str, offered: ssl.TLSVersion, *, is_served: bool
) -> None:
    async with serving(Seen(), tls=TLS(files(tmp_path, version=least), now=NOW)) as port:
        context = trusting()
        context.minimum_version = context.maximum_version = offered
        assert await is_refused(port, context) != is_served


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")  # it is old, which is the point
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_older_versions_are_refused(tmp_path: Path, version: ssl.TLSVersion) -> None:
    async with serving(Seen(), tls=TLS(files(tmp_path), now=NOW)) as port:
        context = trusting()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        with pytest.raises(ConnectionResetError):  # by the server: this client would go on
            await asked(port, context)


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA"])
async def test_ciphers_without_authentication_of_data_are_refused(
    tmp_path: Path, cipher: str
) -> None:
    async with serving(Seen(), tls=TLS(files(tmp_path), now=NOW)) as port:
        context = trusting()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"{cipher}:@SECLEVEL=0")
        assert await is_refused(port, context)


async def test_only_http_1_1_is_agreed_on(tmp_path: Path) -> None:
    async with serving(Seen(), tls=TLS(files(tmp_path), now=NOW)) as port:
        context = trusting()
        context.set_alpn_protocols(["h2", "http/1.1"])
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost"
        )
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        writer.close()


async def test_no_session_is_resumed(tmp_path: Path) -> None:
    tls = TLS(files(tmp_path), now=NOW)
    assert tls.context.num_tickets == 0
    assert ssl.OP_NO_TICKET in tls.context.options


async def test_plain_http_is_not_served_on_a_port_of_tls(tmp_path: Path) -> None:
    app = Seen()
    async with serving(app, tls=TLS(files(tmp_path), now=NOW)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        assert b"200" not in await reader.read()
        writer.close()
    assert app.requests == []


async def test_a_new_certificate_is_served_to_new_connections(tmp_path: Path) -> None:
    old, new = SERVERS.server("localhost", days=(-1, 5)), SERVERS.server("localhost", days=(-1, 9))
    tls = TLS(files(tmp_path, old), now=NOW)
    reloads: list[str] = []
    tls.on_reload(lambda: reloads.append("reloaded"))
    async with serving(Seen(), tls=tls) as port:
        assert await served_until(port) == end_of(old)
        assert not tls.reload(now=NOW)
        new.saved(tmp_path, "served")
        assert await served_until(port) == end_of(old), "not before it is looked at"
        assert tls.reload(now=NOW)
        assert await served_until(port) == end_of(new)
    assert tls.expires_at == new.certificate.not_valid_after_utc
    assert reloads == ["reloaded"]


async def test_new_authorities_of_clients_replace_the_old(tmp_path: Path) -> None:
    app, other = Seen(), OTHERS.client("alice")
    tls = TLS(files(tmp_path), now=NOW)
    async with serving(app, tls=tls) as port:
        await asked(port, trusting(ALICE, tmp_path))
        files(tmp_path, clients=(OTHERS,))
        assert tls.reload(now=NOW)
        assert tls.client_authorities == (OTHERS.pem,)
        await asked(port, trusting(other, tmp_path))
        assert await is_refused(port, trusting(ALICE, tmp_path))
    assert [der for _, der in app.requests] == [ALICE.der, other.der]


def spoil_key(folder: Path) -> None:
    (folder / "served.key").write_bytes(SERVERS.server("localhost").key_pem)


def spoil_certificate(folder: Path) -> None:
    (folder / "served.crt").write_bytes(b"nothing")


def remove_certificate(folder: Path) -> None:
    (folder / "served.crt").unlink()


def let_expire(folder: Path) -> None:
    SERVERS.server("localhost", days=(-3, -1)).saved(folder, "served")


def spoil_authorities(folder: Path) -> None:
    (folder / "clients.crt").write_bytes(b"nothing")


SPOILS = [spoil_key, spoil_certificate, remove_certificate, let_expire, spoil_authorities]


@pytest.mark.parametrize("number", range(len(SPOILS)), ids=[each.__name__ for each in SPOILS])
async def test_wrong_files_leave_the_old_certificate(tmp_path: Path, number: int) -> None:
    old = SERVERS.server("localhost", days=(-1, 5))
    said = files(tmp_path, old)
    tls = TLS(said, now=NOW)
    async with serving(Seen(), tls=tls) as port:
        SPOILS[number](tmp_path)
        assert not tls.reload(now=NOW)
        assert tls.problem
        assert await served_until(port) == end_of(old)
        files(tmp_path, SERVERS.server("localhost"))
        assert tls.reload(now=NOW)
        assert tls.problem == ""
    SPOILS[number](tmp_path)
    with pytest.raises((OSError, ValueError)):
        TLS(said, now=NOW)


def test_a_key_with_a_password_is_refused_rather_than_asked_for(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    said = files(tmp_path, served := SERVERS.server("localhost"))
    said.key.write_bytes(
        served.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ValueError, match="password"):
        TLS(said, now=NOW)


async def test_files_are_looked_at_on_sighup_and_from_time_to_time(tmp_path: Path) -> None:
    tls = TLS(files(tmp_path), now=NOW)
    seen: list[datetime] = []

    def now() -> datetime:
        seen.append(NOW)
        return NOW

    running = asyncio.create_task(tls.run(now, look_s=3_600))
    await asyncio.sleep(0)
    files(tmp_path, SERVERS.server("localhost", days=(-1, 9)))
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: tls.expires_at > NOW + timedelta(days=8) and len(seen) == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    running = asyncio.create_task(tls.run(now, look_s=0.001))
    await until(lambda: len(seen) >= 3)
    running.cancel()


def test_the_names_of_the_certificate_are_names_of_the_server(tmp_path: Path) -> None:
    named = SERVERS.server("waypost.example", "*.waypost.example", "127.0.0.1")
    tls = TLS(files(tmp_path, named), now=NOW)
    assert tls.host_names == ("waypost.example", "*.waypost.example")
    nameless = SERVERS.issue((), usages=(SERVER,))
    assert TLS(files(tmp_path, nameless), now=NOW).host_names == ()
