"""One probe, run once, against real servers on this machine."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from grpclib.const import Cardinality, Handler, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError
from grpclib.server import Server, Stream
from hypothesis import given
from hypothesis import strategies as st

from app.agent.probe_checks import ProbeChecks, Target, health_question, health_status
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
    """Serve connections on a port of this machine for the length of the block."""

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


async def checked(probe: Probe, port: int = 0) -> str:
    container = Container(ports=(ContainerPort(container_port=port, name="web"),))
    async with ProbeChecks() as checks:
        return await checks.check(Target(HOST, container, probe))


def get(port: int | str, **fields: object) -> Probe:
    return Probe(http_get=HTTPGetAction(port=port, **fields))  # pyright: ignore[reportArgumentType]  any field


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "399 Whatever"])
async def test_http_succeeds_from_200_to_399(status: str) -> None:
    async with listening(answering(status)) as port:
        assert await checked(get(port)) == ""


@pytest.mark.parametrize("status", ["400 Bad Request", "503 Unavailable"])
async def test_http_says_which_status_it_was(status: str) -> None:
    async with listening(answering(status)) as port:
        assert await checked(get(port, path="ready?x=1")) == (
            f"HTTP {status[:3]} from http://127.0.0.1:{port}/ready?x=1"
        )


async def test_http_sends_the_headers_it_is_given_to_the_port_of_that_name() -> None:
    seen: list[bytes] = []
    async with listening(answering("200 OK", seen)) as port:
        headers = (("Host", "web.example"), ("X-Probe", "yes"))
        assert await checked(get("web", headers=headers), port) == ""
    [request] = seen
    lines = request.decode().lower().split("\r\n")
    assert {"host: web.example", "x-probe: yes", "user-agent: waypost-probe"} <= set(lines)
    assert sum(line.startswith("host:") for line in lines) == 1


async def test_what_does_not_answer_is_said_in_words() -> None:
    async with listening(silent) as port:
        probe = Probe(http_get=HTTPGetAction(port=port), timeout_s=1)
        assert await checked(probe) == "no answer within 1 s"


async def test_what_does_not_listen_is_said_in_words() -> None:
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
        (Probe(), "the probe asks for nothing"),
        (get(80, host="a\x00b"), "no HTTP from a\x00b port 80: InvalidURL"),
        (get(80, path="/a\nb"), f"no HTTP from {HOST} port 80: InvalidURL"),
    ],
)
async def test_probes_that_cannot_be_run_say_why(probe: Probe, words: str) -> None:
    assert await checked(probe) == words


async def test_a_header_that_no_request_can_hold_fails_the_probe() -> None:
    async with listening(answering("200 OK")) as port:
        words = await checked(get(port, headers=(("X-Probe", "a\r\nb"),)))
    assert words == f"no HTTP from {HOST} port {port}: LocalProtocolError"


async def test_a_path_with_blanks_is_asked_for_as_it_is_meant() -> None:
    seen: list[bytes] = []
    async with listening(answering("200 OK", seen)) as port:
        assert await checked(get(port, path="/a b?c=d e")) == ""
    assert seen[0].startswith(b"GET /a%20b?c=d%20e HTTP/1.1\r\n")


async def test_what_is_no_http_fails() -> None:
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
            "big": f"no gRPC health {where}: the reply has 400000 octets",
        }.items():
            assert await checked(Probe(grpc=GRPCAction(port=port, service=service))) == words
    finally:
        server.close()
        await server.wait_closed()


async def test_what_is_no_grpc_fails() -> None:
    async with listening(answering("200 OK")) as port:
        probe = Probe(grpc=GRPCAction(port=port), timeout_s=1)
        assert await checked(probe) in (
            f"no gRPC from 127.0.0.1 port {port}",
            "no answer within 1 s",
        )


@given(st.text(max_size=300))
def test_a_health_question_is_one_text_field(service: str) -> None:
    assert health_question("") == b""
    name = service.encode("utf-8", "replace")
    if name:
        assert health_question(name.decode()).endswith(name)


@given(st.binary(max_size=40))
def test_any_reply_has_a_status(reply: bytes) -> None:
    assert health_status(reply) >= 0


def test_a_number_without_end_is_cut_where_numbers_end() -> None:
    assert health_status(b"\x08" + b"\xff" * 10_000) < 1 << 70


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (b"", 0),
        (b"\x08\x01", 1),
        (b"\x12\x02hi\x08\x02", 2),
        (b"\x10\x07\x08\x01", 1),
        (b"\x0d", 0),
    ],
)
def test_the_status_is_found_among_fields_that_are_not_known(reply: bytes, status: int) -> None:
    assert health_status(reply) == status
