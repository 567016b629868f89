"""gRPC health checks: how much of an answer is read, and its outcome."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import H2Error
from hypothesis import given
from hypothesis import strategies as st

from app.agent.grpc_health import (
    CONNECTION_OCTETS_MAX,
    REPLY_OCTETS_MAX,
    HealthCall,
    ask_health,
    health_question,
    health_status,
)

HOST = "127.0.0.1"
HEAD = [(":status", "200"), ("content-type", "application/grpc")]
WELL = [("grpc-status", "0")]
Answer = Callable[[H2Connection], None]


def a_call() -> HealthCall:
    return HealthCall("", authority="pod:1", user_agent="test")


def framed(reply: bytes, *, is_compressed: bool = False, length: int | None = None) -> bytes:
    size = len(reply) if length is None else length
    return bytes((is_compressed,)) + size.to_bytes(4, "big") + reply


def answered(answer: Answer, call: HealthCall) -> bytes:
    """Return the octets of a server's answer to a call."""
    server = H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(call.to_send())
    answer(server)
    return server.data_to_send()


def replies(message: bytes, trailers: list[tuple[str, str]] = WELL) -> Answer:
    def answer(server: H2Connection) -> None:
        server.send_headers(1, HEAD)
        server.send_data(1, message)
        server.send_headers(1, trailers, end_stream=True)

    return answer


def refuses(*headers: tuple[str, str]) -> Answer:
    return lambda server: server.send_headers(1, [*HEAD, *headers], end_stream=True)


def is_another_server(server: H2Connection) -> None:
    server.send_headers(1, [(":status", "404")], end_stream=True)


def resets(server: H2Connection) -> None:
    server.reset_stream(1)


def goes_away(server: H2Connection) -> None:
    server.close_connection()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (replies(framed(b"\x08\x01")), ""),
        (replies(framed(b"\x08\x02")), "gRPC health NOT_SERVING"),
        (replies(framed(b"")), "gRPC health UNKNOWN"),
        (replies(framed(b"\x08\x01"), [("grpc-status", "14")]), "gRPC UNAVAILABLE"),
        (replies(framed(b"\x08\x01"), [("x", "y")]), "no gRPC"),
        (replies(framed(b"\x08\x01", is_compressed=True)), "no gRPC"),
        (replies(framed(b"\x08\x01", length=3)), "no gRPC"),
        (replies(framed(b"\x08\x01", length=1)), "no gRPC"),
        (replies(b"\0"), "no gRPC"),
        (refuses(("grpc-status", "5")), "gRPC NOT_FOUND"),
        (refuses(("grpc-status", "99")), "gRPC UNKNOWN"),
        (refuses(("grpc-status", "0")), "no gRPC"),
        (refuses(), "no gRPC"),
        (is_another_server, "no gRPC"),
        (resets, "no gRPC"),
        (goes_away, "no gRPC"),
    ],
)
def test_each_answer_has_its_outcome(answer: Answer, outcome: str) -> None:
    call = a_call()
    call.receive(answered(answer, call))
    assert call.outcome == outcome


def test_a_message_may_arrive_in_pieces() -> None:
    call = a_call()
    octets = answered(replies(framed(b"\x08\x01")), call)
    for place in range(len(octets)):
        call.receive(octets[place : place + 1])
    assert call.outcome == ""


def test_a_reply_is_refused_by_its_length_prefix() -> None:
    call = a_call()
    prefix = framed(b"", length=REPLY_OCTETS_MAX + 1)

    def answer(server: H2Connection) -> None:
        server.send_headers(1, HEAD)
        server.send_data(1, prefix)

    call.receive(answered(answer, call))
    assert call.outcome == f"no gRPC health, but a reply of {REPLY_OCTETS_MAX + 1} octets"


def test_the_window_allows_one_reply_and_no_more() -> None:
    server = H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(a_call().to_send())
    assert server.local_flow_control_window(1) == len(framed(b"\0" * REPLY_OCTETS_MAX))


@given(st.data())
def test_any_answer_is_an_outcome_or_not_http2(data: st.DataObject) -> None:
    call = a_call()
    octets = bytearray(answered(replies(framed(b"\x08\x01")), call))
    for place in data.draw(st.lists(st.integers(0, len(octets) - 1), max_size=4)):
        octets[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(H2Error):
        call.receive(bytes(octets))


@given(st.binary(max_size=200))
def test_any_octets_are_handled(octets: bytes) -> None:
    with contextlib.suppress(H2Error):
        a_call().receive(octets)


@asynccontextmanager
async def flooding(head: bytes, piece: bytes) -> AsyncGenerator[tuple[int, list[int]], None]:
    """Send while the client reads, and count the octets."""
    sent = [0]

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        with contextlib.suppress(ConnectionError):
            try:
                writer.write(head)
                while True:
                    writer.write(piece)
                    await writer.drain()
                    sent[0] += len(piece)
            finally:
                writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], sent


def frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return (
        len(content).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + content
    )


SETTINGS = frame(4, 0, 0, b"")
KERNEL_OCTETS_MAX = 16 * 1024 * 1024  # in the socket buffers of both sides


@pytest.mark.parametrize(
    "piece",
    [
        frame(0, 0, 1, b"x" * 16_384),  # DATA, beyond any window
        frame(4, 0, 0, b""),  # SETTINGS, each to be acknowledged
        frame(6, 0, 0, b"x" * 8),  # PING, likewise
        frame(1, 0, 1, b"x" * 16_384),  # HEADERS without end
        frame(200, 0, 0, b"x" * 16_384),  # of no known kind
        b"HTTP/1.1 200 OK\r\n",
    ],
)
async def test_no_more_than_the_bound_is_read_from_a_flooding_server(
    piece: bytes,
) -> None:
    async with flooding(SETTINGS, piece) as (port, sent):
        words = await ask_health(HOST, port, "", user_agent="test")
        assert words == f"no gRPC from {HOST} port {port}"
        assert sent[0] < KERNEL_OCTETS_MAX + CONNECTION_OCTETS_MAX


@given(st.text(max_size=300))
def test_a_health_question_is_one_text_field(service: str) -> None:
    assert health_question("") == b""
    name = service.encode("utf-8", "replace")
    if name:
        assert health_question(name.decode()).endswith(name)


@given(st.binary(max_size=40))
def test_any_reply_has_a_status(reply: bytes) -> None:
    assert health_status(reply) >= 0


def test_an_endless_varint_is_cut_at_its_maximum() -> None:
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
def test_the_status_is_found_among_unknown_fields(reply: bytes, status: int) -> None:
    assert health_status(reply) == status
