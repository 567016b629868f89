"""A gRPC health check with a bounded answer.

    service -> octets to send        octets received -> outcome

gRPC libraries read a whole message before the caller learns its size.  So this call
uses h2 directly: the window and the octets read are bounded, and a message is refused
by its length prefix.

Source: the gRPC health checking protocol; gRPC over HTTP/2; RFC 9113.
"""

import asyncio
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

NO_GRPC: Final = "no gRPC"
REPLY_OCTETS_MAX: Final = 1_024  # a HealthCheckResponse is one number
CONNECTION_OCTETS_MAX: Final = 64 * 1024  # of one answer, including headers and frames
_READ_OCTETS: Final = 16 * 1024
_HEAD_OCTETS_MAX: Final = 16 * 1024
_FRAME_OCTETS_MAX: Final = 16 * 1024  # the smallest limit that HTTP/2 allows
_PREFIX_OCTETS: Final = 5  # of a message: whether it is compressed, and its length
_STREAM: Final = 1
_PATH: Final = "/grpc.health.v1.Health/Check"
_SERVING: Final = 1
_HEALTH_WORDS: Final = {0: "UNKNOWN", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_LENGTH_DELIMITED, _VARINT = 2, 0
_VARINT_BITS_MAX: Final = 70  # ten octets of seven bits
_STATUS_OK: Final = "0"
_STATUS_WORDS: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)


async def ask_health(address: str, port: int, service: str, *, user_agent: str) -> str:
    """Ask whether a service is healthy; return the problem, empty if there is none.

    Raises OSError when no connection can be made.
    """
    where = f"{address} port {port}"
    authority = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    reader, writer = await asyncio.open_connection(address, port, limit=_READ_OCTETS)
    taken = 0
    try:
        call = HealthCall(service, authority=authority, user_agent=user_agent)
        while call.outcome is None:
            writer.write(call.to_send())
            await writer.drain()
            octets = await reader.read(_READ_OCTETS)
            taken += len(octets)
            if not octets or taken > CONNECTION_OCTETS_MAX:
                return f"{NO_GRPC} from {where}"
            call.receive(octets)
    except (H2Error, OSError):
        return f"{NO_GRPC} from {where}"
    finally:
        writer.transport.abort()  # the outcome is known: no orderly close is needed
    return call.outcome and f"{call.outcome} from {where}"


class HealthCall:
    """The call, without its connection."""

    def __init__(self, service: str, *, authority: str, user_agent: str) -> None:
        self.outcome: str | None = None
        """The problem, empty if there is none; None until the call has ended."""
        self._headers: dict[bytes, bytes] = {}
        self._message = bytearray()
        self._http = H2Connection(H2Configuration(client_side=True))
        self._http.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: _PREFIX_OCTETS + REPLY_OCTETS_MAX,
                SettingCodes.MAX_FRAME_SIZE: _FRAME_OCTETS_MAX,
                SettingCodes.MAX_HEADER_LIST_SIZE: _HEAD_OCTETS_MAX,
            },
        )
        self._http.initiate_connection()
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", _PATH),
            (":authority", authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", user_agent),
        ]
        question = health_question(service)
        self._http.send_headers(_STREAM, headers)
        self._http.send_data(
            _STREAM, b"\0" + len(question).to_bytes(4, "big") + question, end_stream=True
        )

    def to_send(self) -> bytes:
        """Take the octets to send now."""
        return self._http.data_to_send()

    def receive(self, octets: bytes) -> None:
        """Process received octets; raises H2Error if they are not HTTP/2."""
        for event in self._http.receive_data(octets):
            if self.outcome is None:
                self.outcome = self._outcome_of(event)

    def _outcome_of(self, event: Event) -> str | None:
        match event:
            case ResponseReceived() | TrailersReceived():
                for name, value in event.headers or ():
                    self._headers[bytes(name)] = bytes(value)
            case DataReceived():
                self._message += event.data or b""
                return self._problem_of_length()
            case StreamEnded():
                return self._result()
            case StreamReset() | ConnectionTerminated():
                return NO_GRPC
            case _:
                pass
        return None

    def _problem_of_length(self) -> str | None:
        """Check the length prefix of the message, which may arrive in pieces."""
        message = self._message
        if len(message) < _PREFIX_OCTETS:
            return None
        length = _length_of(message)
        if length > REPLY_OCTETS_MAX:
            return f"no gRPC health, but a reply of {length} octets"
        return NO_GRPC if len(message) > _PREFIX_OCTETS + length else None

    def _result(self) -> str:
        headers, message = self._headers, self._message
        status = headers.get(b"grpc-status", b"").decode("ascii", "replace")
        if not headers.get(b"content-type", b"").startswith(b"application/grpc") or not status:
            return NO_GRPC
        if status != _STATUS_OK:
            return f"gRPC {_status_word(status)}"
        is_whole = len(message) >= _PREFIX_OCTETS == len(message) - _length_of(message)
        if not is_whole or message[0]:
            return NO_GRPC  # compressed messages are not supported
        health = health_status(bytes(message[_PREFIX_OCTETS:]))
        return "" if health == _SERVING else f"gRPC health {_HEALTH_WORDS.get(health, health)}"


def _length_of(message: bytes | bytearray) -> int:
    return int.from_bytes(message[1:_PREFIX_OCTETS], "big")


def _status_word(status: str) -> str:
    known = status.isdecimal() and len(status) <= 2 and int(status) < len(_STATUS_WORDS)  # noqa: PLR2004  digits
    return _STATUS_WORDS[int(status)] if known else "UNKNOWN"


def health_question(service: str) -> bytes:
    """Write a HealthCheckRequest: one text, field 1, omitted when empty."""
    name = service.encode()
    if not name:
        return b""
    return bytes((1 << 3 | _LENGTH_DELIMITED,)) + _varint(len(name)) + name


def health_status(reply: bytes) -> int:
    """Read the status, field 1, of a HealthCheckResponse; 0 (unknown) when it has none."""
    status, place = 0, 0
    while place < len(reply):
        tag, place = _read_varint(reply, place)
        if tag & 7 == _LENGTH_DELIMITED:
            length, place = _read_varint(reply, place)
            place += length
        elif tag & 7 == _VARINT:
            value, place = _read_varint(reply, place)
            status = value if tag >> 3 == 1 else status
        else:
            return 0
    return status


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 0x80:  # noqa: PLR2004  the continuation bit
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _read_varint(read: bytes, place: int) -> tuple[int, int]:
    """Read a varint of at most ten octets, protobuf's maximum; a longer one is cut there."""
    number = shift = 0
    while place < len(read) and shift < _VARINT_BITS_MAX:
        number |= (read[place] & 0x7F) << shift
        place += 1
        if read[place - 1] < 0x80:  # noqa: PLR2004  the continuation bit
            break
        shift += 7
    return number, place
