"""DNS over UDP in batches: one system call receives many datagrams, another sends the replies.

    recvmmsg -> [octets after the id -> dictionary -> reply] -> sendmmsg

The loop handles only octets: a cached reply is sent without its request being
parsed.  Peers and, on a wildcard address, the local address of each datagram stay
in the kernel's own form, so that a reply leaves from the address its request came
to.  Requests without a cached reply go to ``respond``.

Source: recvmmsg(2), sendmmsg(2), ip(7) on IP_PKTINFO; style.md 7, trap 10.
"""

import ctypes
import mmap
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from time import perf_counter

from app.dns.answering.rate_limit import (
    NO_NETWORK,
    V4_MAPPED_AT,
    V4_NETWORK_BYTES,
    V6_NETWORK_BYTES,
    Account,
    RateLimit,
)
from app.dns.counters import ReplyCounter
from app.dns.messages.compiled import Reply
from app.dns.messages.message import UDP_BYTES_MAX
from app.dns.serving.sockets import client_address
from app.domain.addresses import Address
from app.telemetry.durations import Durations

BATCH_MAX = 64  # datagrams per system call
BATCHES_MAX = 8  # batches before yielding to the event loop
_SLOT_BYTES = UDP_BYTES_MAX
_PEER_BYTES = 28  # sockaddr_in6, the longest used
_PEER_USED = {socket.AF_INET: 16, socket.AF_INET6: 28}
_CONTROL_BYTES = 64  # room for one IP_PKTINFO or IPV6_PKTINFO message
_INTERFACE_AT = {socket.AF_INET: 16, socket.AF_INET6: 32}  # offset of its interface number
_PKTINFO_BYTES = {socket.AF_INET: 12, socket.AF_INET6: 20}
_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO = 8, 49, 50
_CMSG_HEADER_BYTES = socket.CMSG_LEN(0)
_MSG_DONTWAIT = int(socket.MSG_DONTWAIT)
_NO_INTERFACE = bytes(4)

_ADDRESS_AT = {socket.AF_INET: 4, socket.AF_INET6: 8}  # in a sockaddr
_NETWORK_BYTES = {socket.AF_INET: V4_NETWORK_BYTES, socket.AF_INET6: V6_NETWORK_BYTES}

Entry = tuple[Reply, ReplyCounter, Account]


class _IOVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("vector", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _MMsgHdr(ctypes.Structure):
    _fields_ = (("header", _MsgHdr), ("size", ctypes.c_uint32))


_Headers = ctypes.Array[_MMsgHdr]
_Vectors = ctypes.Array[_IOVec]
PeerName = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Peer:
    """A datagram's source and the local address it came to, as the kernel wrote them."""

    name: PeerName
    control: bytes

    @property
    def address(self) -> Address:
        """The client's address; an IPv4-mapped IPv6 address as IPv4."""
        return client_address(self.name[0])


Respond = Callable[[bytes, Peer], bytes | None]


class Datagrams:
    """One bound UDP socket and its buffers."""

    def __init__(
        self,
        bound: socket.socket,
        known: Mapping[bytes, Entry],
        respond: Respond,
        durations: Durations,
        limit: RateLimit | None = None,
    ) -> None:
        self._socket = bound
        self._limit = limit
        self._family = socket.AddressFamily(bound.family)
        self._network_at = _ADDRESS_AT[self._family]
        self._network_bytes = _NETWORK_BYTES[self._family]
        self._known = known
        self._durations = durations
        self._respond = respond
        self.unsent = 0
        """Replies that the kernel did not accept."""
        has_control = _ask_for_local_address(bound)
        self._memory = mmap.mmap(-1, BATCH_MAX * _SLOT_BYTES)
        self._peers = mmap.mmap(-1, BATCH_MAX * _PEER_BYTES)
        self._controls = mmap.mmap(-1, BATCH_MAX * _CONTROL_BYTES)
        pktinfo_bytes = _PKTINFO_BYTES[self._family]
        self._control_used = socket.CMSG_SPACE(pktinfo_bytes) if has_control else 0
        self._pktinfo_end = socket.CMSG_LEN(pktinfo_bytes)  # before the padding
        self._in, self._in_vectors = self._headers(
            _PEER_BYTES, _CONTROL_BYTES if has_control else 0
        )
        self._out, self._out_vectors = self._headers(_PEER_USED[self._family], self._control_used)
        self._fresh = bytes(self._in)
        self._sizes_in = memoryview(self._in).cast("B").cast("I")
        self._sizes_out = (
            memoryview(self._out_vectors).cast("B").cast("L")
        )  # size_t, on every Linux
        libc = ctypes.CDLL(None)
        self._receive, self._send = libc.recvmmsg, libc.sendmmsg
        self._places = _places()

    def drain(self) -> None:
        """Answer the received datagrams, up to a bound; the rest waits for the next call."""
        number = self._socket.fileno()
        for _ in range(BATCHES_MAX):
            count = self._receive(number, self._in, BATCH_MAX, _MSG_DONTWAIT, None)
            if count <= 0:
                return
            started = perf_counter()
            if self._limit is not None:
                self._limit.begin(started)
            self._answer(count)
            self._durations.add(perf_counter() - started, count)
            if self._control_used:
                ctypes.memmove(self._in, self._fresh, len(self._fresh))

    def send(self, reply: bytes, peer: Peer) -> None:
        """Send one reply outside a batch; it is lost if the buffer is full, as in the network."""
        level = socket.IPPROTO_IP if self._family == socket.AF_INET else socket.IPPROTO_IPV6
        kind = _IP_PKTINFO if self._family == socket.AF_INET else _IPV6_PKTINFO
        control = [(level, kind, peer.control)] if peer.control else []
        try:
            self._socket.sendmsg([reply], control, _MSG_DONTWAIT, peer.name)
        except OSError:
            self.unsent += 1

    def _answer(self, count: int) -> None:
        memory, find, limit = self._memory, self._known.get, self._limit
        sizes_in, sizes_out = self._sizes_in, self._sizes_out
        first = 0
        for index, at, size_in_at, size_out_at in self._places[:count]:
            entry = find(memory[at + 2 : at + sizes_in[size_in_at]])
            if entry is not None:
                reply, counter, account = entry
                octets = reply if isinstance(reply, bytes) else reply.octets()
                size = len(octets) + 2
                if limit is None or self._is_within(limit, account, index, size):
                    counter[0] += 1
                    memory[at + 2 : at + size] = octets
                    sizes_out[size_out_at] = size
                    continue
                octets = limit.refuse(memory[at : at + sizes_in[size_in_at]])
            else:
                octets = self._respond(memory[at : at + sizes_in[size_in_at]], self._peer(index))
            if octets is None:
                self._flush(first, index)
                first = index + 1
                continue
            size = len(octets)
            memory[at : at + size] = octets
            sizes_out[size_out_at] = size
        self._flush(first, count)

    def _is_within(self, limit: RateLimit, account: Account, index: int, size_bytes: int) -> bool:
        at = index * _PEER_BYTES + self._network_at
        network = self._peers[at : at + self._network_bytes]
        if network == NO_NETWORK:
            at += V4_MAPPED_AT
            network = self._peers[at : at + V4_NETWORK_BYTES]
        return limit.is_within(account, network, size_bytes)

    def _flush(self, first: int, stop: int) -> None:
        """Send the replies from ``first`` to before ``stop``; one that fails is skipped."""
        number, step = self._socket.fileno(), ctypes.sizeof(_MMsgHdr)
        if self._control_used:
            self._forget_interfaces(first, stop)
        while first < stop:
            place = ctypes.byref(self._out, first * step)
            sent = self._send(number, place, stop - first, _MSG_DONTWAIT)
            if sent <= 0:
                self.unsent += 1
                sent = 1
            first += sent

    def _forget_interfaces(self, first: int, stop: int) -> None:
        # Keep the local address but not the interface: the routing table chooses the route.
        at = _INTERFACE_AT[self._family]
        for place in range(first * _CONTROL_BYTES + at, stop * _CONTROL_BYTES + at, _CONTROL_BYTES):
            self._controls[place : place + len(_NO_INTERFACE)] = _NO_INTERFACE

    def _peer(self, index: int) -> Peer:
        at = index * _PEER_BYTES
        name = _decode_peer(self._peers[at : at + _PEER_BYTES], self._family)
        control = b""
        if self._control_used:
            self._forget_interfaces(index, index + 1)
            at = index * _CONTROL_BYTES
            control = self._controls[at + _CMSG_HEADER_BYTES : at + self._pktinfo_end]
        return Peer(name, control)

    def _headers(self, peer_bytes: int, control_bytes: int) -> tuple[_Headers, _Vectors]:
        """Make the headers of one direction over the shared buffers."""
        headers, vectors = (_MMsgHdr * BATCH_MAX)(), (_IOVec * BATCH_MAX)()
        for index in range(BATCH_MAX):
            vectors[index].base = _address(self._memory) + index * _SLOT_BYTES
            vectors[index].size = _SLOT_BYTES
            header = headers[index].header
            header.name = _address(self._peers) + index * _PEER_BYTES
            header.name_size = peer_bytes
            header.vector = ctypes.addressof(vectors[index])
            header.vector_count = 1
            if control_bytes:
                header.control = _address(self._controls) + index * _CONTROL_BYTES
                header.control_size = control_bytes
        return headers, vectors


def _ask_for_local_address(bound: socket.socket) -> bool:
    if bound.getsockname()[0] == "0.0.0.0":  # noqa: S104  compared with, not bound to
        bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    elif bound.getsockname()[0] == "::":
        bound.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
    else:
        return False
    return True


def _address(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _places() -> tuple[tuple[int, int, int, int], ...]:
    """List, for each datagram of a batch, the offsets of its octets and of its two sizes."""
    words = ctypes.sizeof(_MMsgHdr) // 4
    size_word = _MMsgHdr.size.offset // 4
    pairs = ctypes.sizeof(_IOVec) // ctypes.sizeof(ctypes.c_size_t)
    return tuple(
        (index, index * _SLOT_BYTES, index * words + size_word, index * pairs + 1)
        for index in range(BATCH_MAX)
    )


def _decode_peer(octets: bytes, family: int) -> PeerName:
    port = int.from_bytes(octets[2:4])
    if family == socket.AF_INET:
        return str(IPv4Address(octets[4:8])), port
    flow, scope = struct.unpack_from("!I", octets, 4)[0], struct.unpack_from("=I", octets, 24)[0]
    return str(IPv6Address(octets[8:24])), port, flow, scope
