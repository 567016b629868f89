"""One probe, run once: an HTTP request, a connection, or a question to the gRPC health service.

    Target -> "" when it answered well, else what went wrong, in words that do not vary

Whether a failure counts is not known here.  Answers are not read further than
needed, so that nobody can fill the memory of who asks.
Source: contract.md, "Objects"; the gRPC health checking protocol.
"""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self

import httpx
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError

from app.domain.objects.pod import Container, GRPCAction, HTTPGetAction, Probe, TCPSocketAction

USER_AGENT = "waypost-probe"

_HEALTH = "/grpc.health.v1.Health/Check"
_SERVING = 1
_HEALTH_WORDS = {0: "UNKNOWN", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_LENGTH_DELIMITED, _VARINT = 2, 0
_VARINT_BITS_MAX = 70  # ten octets of seven bits
_REPLY_OCTETS_MAX = 1_024  # a HealthCheckResponse is one number


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be asked: a container's probe, at an address of its Pod."""

    address: str
    container: Container
    probe: Probe


class ProbeChecks:
    """Runs probes; an async context manager, for it holds what they share."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(
            # As the kubelet: a probe asks whether something answers, not who it is.
            verify=False,  # noqa: S501
            trust_env=False,
            timeout=None,  # noqa: S113  every probe has its own, around all of it
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"},
        )

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what probes share."""
        await self._http.aclose()

    async def check(self, target: Target) -> str:
        """Run a probe; gives what went wrong, and nothing when nothing did."""
        timeout_s = target.probe.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await self._run(target)
        except TimeoutError:
            return f"no answer within {timeout_s} s"

    async def _run(self, target: Target) -> str:
        probe = target.probe
        if probe.http_get is not None:
            return await self._get(probe.http_get, target)
        if probe.tcp_socket is not None:
            return await _connect(probe.tcp_socket, target)
        if probe.grpc is not None:
            return await _ask_health(probe.grpc, target.address)
        return "the probe asks for nothing"

    async def _get(self, action: HTTPGetAction, target: Target) -> str:
        port = _port(target.container, action.port)
        if port is None:
            return f"no container port is named {action.port}"
        host = action.host or target.address
        shown = f"[{host}]" if ":" in host else host
        scheme = action.scheme.lower()
        url = f"{scheme}://{shown}:{port}/{action.path.removeprefix('/')}"
        try:
            request = self._http.build_request("GET", url, headers=list(action.headers))
            answer = await self._http.send(request, stream=True)
        except httpx.ConnectError:
            return f"cannot connect to {host} port {port}"
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
            return f"no HTTP from {host} port {port}: {type(error).__name__}"
        await answer.aclose()
        if HTTPStatus.OK <= answer.status_code < HTTPStatus.BAD_REQUEST:
            return ""
        return f"HTTP {answer.status_code} from {url}"


async def _connect(action: TCPSocketAction, target: Target) -> str:
    port = _port(target.container, action.port)
    if port is None:
        return f"no container port is named {action.port}"
    host = action.host or target.address
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return _unreachable(host, port, error)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""


async def _ask_health(action: GRPCAction, address: str) -> str:
    where = f"{address} port {action.port}"
    channel = Channel(address, action.port, codec=_Plain())
    method = UnaryUnaryMethod[bytes, bytes](channel, _HEALTH, bytes, bytes)
    try:
        reply = await method(health_question(action.service))
    except GRPCError as error:
        return f"gRPC {error.status.name} from {where}"
    except OSError as error:
        return _unreachable(address, action.port, error)
    except (StreamTerminatedError, ProtocolError, NotImplementedError, AssertionError):
        return f"no gRPC from {where}"  # the last two: what is packed, or breaks off
    finally:
        channel.close()
    if len(reply) > _REPLY_OCTETS_MAX:
        return f"no gRPC health from {where}: the reply has {len(reply)} octets"
    status = health_status(reply)
    if status == _SERVING:
        return ""
    return f"gRPC health {_HEALTH_WORDS.get(status, status)} from {where}"


def health_question(service: str) -> bytes:
    """Write a HealthCheckRequest: one text, field 1, left out when empty."""
    name = service.encode()
    if not name:
        return b""
    return bytes((1 << 3 | _LENGTH_DELIMITED,)) + _varint(len(name)) + name


def health_status(reply: bytes) -> int:
    """Read the status, field 1, of a HealthCheckResponse; 0, unknown, when it has none."""
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


class _Plain(CodecBase):
    """Messages as bytes: the two of the health protocol need no generated code."""

    @property
    def __content_subtype__(self) -> str:
        return "proto"

    def encode(self, message: object, message_type: object) -> bytes:
        assert isinstance(message, bytes)
        return message

    def decode(self, data: bytes, message_type: object) -> bytes:
        return data


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 0x80:  # noqa: PLR2004  the continuation bit
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _read_varint(read: bytes, place: int) -> tuple[int, int]:
    """Read a number of at most ten octets, as all of protobuf are; what is longer is cut there."""
    number = shift = 0
    while place < len(read) and shift < _VARINT_BITS_MAX:
        number |= (read[place] & 0x7F) << shift
        place += 1
        if read[place - 1] < 0x80:  # noqa: PLR2004  the continuation bit
            break
        shift += 7
    return number, place


def _port(container: Container, port: int | str) -> int | None:
    if isinstance(port, int):
        return port
    named = (entry.container_port for entry in container.ports if entry.name == port)
    return next(named, None)


def _unreachable(host: str, port: int, error: OSError) -> str:
    why = f": {os.strerror(error.errno)}" if error.errno else ""
    return f"cannot connect to {host} port {port}{why}"
