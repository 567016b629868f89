"""Single runs of probes against real servers on this machine."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from grpclib.const import Cardinality, Handler, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError
from grpclib.server import Server, Stream

from app.agent.probe_checks import REDIRECTS_MAX, ProbeChecks, Target
from app.domain.objects.pod import (
    Container,
    ContainerPort,
    GRPCAction,
    HTTPGetAction,
    Probe,
    TCPSocketAction,
)
from tests.end_to_end.processes import free_port

HOST = "127.0.0.1"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve) -> AsyncGenerator[int, None]:
    """Serve connections on a port of this machine during the block."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(one, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answering(status: str, seen: list[bytes] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(request)
        writer.write(f"HTTP/1.1 {status}\r\nLocation: http://192.0.2.1/\r\n\r\nbody".encode())
        await writer.drain()

    return serve


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def checked(probe: Probe, port: int = 0, *, other_hosts: Sequence[str] = (HOST,)) -> str:
    container = Container(ports=(ContainerPort(container_port=port, name="web"),))
    async with ProbeChecks(other_hosts) as checks:
        return await checks.check(Target((HOST,), container, probe))


def get(port: int | str, **fields: object) -> Probe:
    return Probe(http_get=HTTPGetAction(port=port, **fields))  # pyright: ignore[reportArgumentType]  any field


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "399 Whatever"])
async def test_http_succeeds_from_200_to_399(status: str) -> None:
    async with listening(answering(status)) as port:
        assert await checked(get(port)) == ""


@pytest.mark.parametrize("status", ["400 Bad Request", "503 Unavailable"])
async def test_a_failed_http_probe_reports_the_status(status: str) -> None:
    async with listening(answering(status)) as port:
        assert await checked(get(port, path="ready?x=1")) == (
            f"HTTP {status[:3]} from http://127.0.0.1:{port}/ready?x=1"
        )


async def test_http_sends_its_headers_to_the_named_port() -> None:
    seen: list[bytes] = []
    async with listening(answering("200 OK", seen)) as port:
        headers = (("Host", "web.example"), ("X-Probe", "yes"))
        assert await checked(get("web", headers=headers), port) == ""
    [request] = seen
    lines = request.decode().lower().split("\r\n")
    assert {"host: web.example", "x-probe: yes", "user-agent: waypost-probe"} <= set(lines)
    assert sum(line.startswith("host:") for line in lines) == 1


async def test_a_timeout_is_reported() -> None:
    async with listening(silent) as port:
        probe = Probe(http_get=HTTPGetAction(port=port), timeout_s=1)
        assert await checked(probe) == "no answer within 1 s"


async def test_a_refused_connection_is_reported() -> None:
    port = free_port()
    assert await checked(get(port)) == f"cannot connect to 127.0.0.1 port {port}"
    assert await checked(Probe(tcp_socket=TCPSocketAction(port=port))) == (
        f"cannot connect to 127.0.0.1 port {port}: Connection refused"
    )
    assert await checked(Probe(grpc=GRPCAction(port=port))) == (
        f"cannot connect to 127.0.0.1 port {port}: Connection refused"
    )


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        (get("api"), "no container port is named api"),
        (Probe(tcp_socket=TCPSocketAction(port="api")), "no container port is named api"),
        (Probe(), "the probe has no action"),
        (get(80, path="/a\nb"), f"no HTTP from {HOST} port 80: InvalidURL"),
    ],
)
async def test_probes_that_cannot_be_run_have_a_reason(probe: Probe, words: str) -> None:
    assert await checked(probe) == words


async def test_an_invalid_header_fails_the_probe() -> None:
    async with listening(answering("200 OK")) as port:
        words = await checked(get(port, headers=(("X-Probe", "a\r\nb"),)))
    assert words == f"no HTTP from {HOST} port {port}: LocalProtocolError"


async def test_blanks_in_a_path_are_encoded() -> None:
    seen: list[bytes] = []
    async with listening(answering("200 OK", seen)) as port:
        assert await checked(get(port, path="/a b?c=d e")) == ""
    assert seen[0].startswith(b"GET /a%20b?c=d%20e HTTP/1.1\r\n")


def redirecting(location: str, seen: list[bytes], *, times: int = 1_000) -> Serve:
    """Answer with ``times`` redirects, then with an error."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        status = "302 Found" if len(seen) <= times else "500 Broken"
        writer.write(f"HTTP/1.1 {status}\r\nLocation: {location}\r\n\r\n".encode())
        await writer.drain()

    return serve


async def test_a_redirect_to_the_same_host_is_followed_and_its_answer_counts() -> None:
    seen: list[bytes] = []
    async with listening(redirecting("/there", seen, times=1)) as port:
        assert await checked(get(port)) == f"HTTP 500 from http://127.0.0.1:{port}/"
    assert seen[1].startswith(b"GET /there HTTP/1.1\r\n")


async def test_a_redirect_without_end_fails() -> None:
    seen: list[bytes] = []
    async with listening(redirecting("/again", seen)) as port:
        assert "redirects" in await checked(get(port))
    assert len(seen) == 1 + REDIRECTS_MAX


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "[::ffff:127.0.0.1]", "127.1"])
async def test_a_redirect_to_another_host_is_not_followed_and_is_a_success(host: str) -> None:
    seen: list[bytes] = []
    async with listening(redirecting("", seen)) as elsewhere:
        ours: list[bytes] = []
        async with listening(redirecting(f"http://{host}:{elsewhere}/", ours)) as port:
            assert await checked(get(port)) == ""
    assert (len(ours), len(seen)) == (1, 0)


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://a:b/", "ftp://127.0.0.1/", "http://\x00/"]
)
async def test_an_invalid_redirect_fails_the_probe(location: str) -> None:
    async with listening(redirecting(location, [])) as port:
        assert await checked(get(port)) in (
            "",
            *(
                f"no HTTP from {HOST} port {port}: {name}"
                for name in ("RemoteProtocolError", "UnsupportedProtocol")
            ),
        )


@pytest.mark.parametrize("action", ["http_get", "tcp_socket"])
async def test_a_probe_of_another_host_is_refused_and_names_the_setting(
    action: str,
) -> None:
    seen: list[bytes] = []
    async with listening(answering("200 OK", seen)) as port:
        asked = {
            "http_get": HTTPGetAction(port=port, host="127.0.0.2"),
            "tcp_socket": TCPSocketAction(port=port, host="127.0.0.2"),
        }
        words = await checked(Probe(**{action: asked[action]}))  # pyright: ignore[reportArgumentType]  one of the two
    assert words == (
        "not probed: 127.0.0.2 is an address of the prober's own machine or link, "
        "and WAYPOST_PROBE_OTHER_HOSTS does not list it"
    )
    assert seen == []


@pytest.mark.parametrize(
    "probe", [get(1), Probe(tcp_socket=TCPSocketAction(port=1)), Probe(grpc=GRPCAction(port=1))]
)
async def test_a_pod_with_a_loopback_address_is_not_probed(probe: Probe) -> None:
    assert "WAYPOST_PROBE_OTHER_HOSTS" in await checked(probe, other_hosts=())


ENDLESS = b"HTTP/1.1 200 OK\r\n", b"X-Fill: " + b"x" * 1_000 + b"\r\n"


@asynccontextmanager
async def flooding(head: bytes, piece: bytes) -> AsyncGenerator[tuple[int, list[int]], None]:
    """Send a head, then pieces while the client reads."""
    taken = [0]

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        writer.write(head)
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(piece)
                await writer.drain()
                taken[0] += len(piece)

    async with listening(serve) as port:
        yield port, taken


KERNEL_OCTETS_MAX = 16 * 1024 * 1024  # in the socket buffers of both sides


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        ENDLESS,
        (b"HTTP/1.1 200 OK\r\nX-Fill: ", b"x" * 65_536),
        (b"", b"x" * 65_536),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
            gzip.compress(bytes(10_000_000), mtime=0),
        ),
    ],
)
async def test_only_the_head_of_an_http_answer_is_read(head: bytes, piece: bytes) -> None:
    async with flooding(head, piece) as (port, taken):
        await checked(get(port))
        assert taken[0] < KERNEL_OCTETS_MAX


async def test_nothing_is_read_from_a_tcp_connection() -> None:
    async with flooding(b"", b"x" * 65_536) as (port, taken):
        assert await checked(Probe(tcp_socket=TCPSocketAction(port=port))) == ""
        assert taken[0] < KERNEL_OCTETS_MAX


async def test_cookies_of_pods_are_not_kept() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with listening(serve) as port, ProbeChecks((HOST,)) as checks:
        for _ in range(2):
            assert await checks.check(Target((HOST,), Container(), get(port))) == ""
    assert [b"cookie" in each.lower() for each in seen] == [False, False]


async def test_an_answer_other_than_http_fails() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0\r\n")
        await writer.drain()

    async with listening(rude) as port:
        words = await checked(get(port))
    assert words == f"no HTTP from 127.0.0.1 port {port}: RemoteProtocolError"


async def test_a_connection_that_opens_is_enough_for_tcp() -> None:
    async with listening(silent) as port:
        assert await checked(Probe(tcp_socket=TCPSocketAction(port="web")), port) == ""


class Plain(CodecBase):
    @property
    def __content_subtype__(self) -> str:
        return "proto"

    def encode(self, message: object, message_type: object) -> bytes:
        assert isinstance(message, bytes)
        return message

    def decode(self, data: bytes, message_type: object) -> bytes:
        return data


class Health:
    """A gRPC health service that knows some services."""

    def __init__(self, statuses: dict[bytes, bytes]) -> None:
        self._statuses = statuses

    async def check(self, stream: "Stream[bytes, bytes]") -> None:
        question = await stream.recv_message()
        if question not in self._statuses:
            raise GRPCError(Status.NOT_FOUND)
        await stream.send_message(self._statuses[question])

    def __mapping__(self) -> dict[str, Handler]:
        check = Handler(self.check, Cardinality.UNARY_UNARY, bytes, bytes)
        return {"/grpc.health.v1.Health/Check": check}


async def test_grpc_asks_for_the_health_of_a_service() -> None:
    statuses = {
        b"": b"\x08\x01",
        b"\x0a\x03api": b"\x08\x02",
        b"\x0a\x02up": b"\x08\x01",
        b"\x0a\x03big": b"\xff" * 400_000,
    }
    server = Server([Health(statuses)], codec=Plain())
    port = free_port()
    await server.start(HOST, port)
    try:
        where = f"from 127.0.0.1 port {port}"
        for service, words in {
            "": "",
            "up": "",
            "api": f"gRPC health NOT_SERVING {where}",
            "db": f"gRPC NOT_FOUND {where}",
            "big": f"no gRPC health, but a reply of 400000 octets {where}",
        }.items():
            assert await checked(Probe(grpc=GRPCAction(port=port, service=service))) == words
    finally:
        server.close()
        await server.wait_closed()


async def test_an_answer_other_than_grpc_fails() -> None:
    async with listening(answering("200 OK")) as port:
        probe = Probe(grpc=GRPCAction(port=port), timeout_s=1)
        assert await checked(probe) in (
            f"no gRPC from 127.0.0.1 port {port}",
            "no answer within 1 s",
        )
