"""Response rate limiting over UDP, against floods of victims through forged source addresses.

    (kind of answer, network) -> octets spent in this second -> the answer, one with TC, or none

Answers are limited, not questions, and each kind by itself, as in other name servers: a
network is an IPv4 /24 or an IPv6 /56, a kind is a record type and a response code.
Every other answer over the limit is sent empty and with TC: a real client retries
over TCP, where addresses cannot be forged and no limit applies.  The clock is the caller's.

Near clients have no limit.  Those on the loopback interface are near: the kernel drops
datagrams from outside with such a source (RFC 1122 section 3.2.1.3).

Source: RFC 5358 section 4; ISC-TN-2012-1 for kinds, networks and TC.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from math import inf

from app.dns.messages.rdata_text import NAMED_TYPES
from app.dns.messages.wire import HEADER_BYTES, Truncated, end_of_plain_name
from app.domain.addresses import Address, Prefix
from app.domain.names import MalformedName

LOOPBACK: tuple[Prefix, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

ANSWER_BYTES = 256  # what counts as one answer; a large one counts as several
NETWORKS_MAX = 65_536  # counted in one second, once for each kind
TRUNCATED_EVERY = 2  # one in so many answers over the limit is sent empty with TC
WINDOW_S = 1.0
V4_NETWORK_BYTES, V6_NETWORK_BYTES = 3, 7  # of an address: a /24, a /56
V4_MAPPED_AT = 12  # offset of the IPv4 address in an IPv4-mapped IPv6 address
NO_NETWORK = bytes(V6_NETWORK_BYTES)
"""The first octets of IPv4-mapped IPv6 addresses and of ``::1``."""
_RCODE_MASK = 0xF

Account = dict[bytes, float]
"""Octets sent in this second, by network."""


def is_near(client: Address, near: Iterable[Prefix] = LOOPBACK) -> bool:
    """Whether an address is one that cannot be forged."""
    return any(client in prefix for prefix in near)


class Clients:
    """The clients of one listening address.

    On a specific address they are all near or all not near, so replies can be shared.  On
    ``0.0.0.0`` and ``::`` there are both.
    """

    def __init__(self, near: Iterable[Prefix] = LOOPBACK, *, at: Address | None = None) -> None:
        self._near = tuple(near)
        self.are_alike = at is not None and not at.is_unspecified
        self._are_near = at is not None and is_near(at, self._near)

    def has_near(self, client: Address | None) -> bool:
        """Whether a client is near; one without an address is not."""
        if self.are_alike:
            return self._are_near
        return client is not None and is_near(client, self._near)


class Accounts:
    """The accounts of this second, one for every kind of answer."""

    def __init__(self) -> None:
        self._by_kind: dict[tuple[str, int], Account] = {}

    def of(self, type_: int, rcode: int) -> Account:
        """Find the account of a kind; types without a name share theirs."""
        kind = NAMED_TYPES.get(type_, "other"), rcode & _RCODE_MASK
        return self._by_kind.setdefault(kind, {})

    def of_reply(self, reply: bytes) -> Account:
        """Find the account of a reply."""
        return self.of(_type_of(reply), reply[3])

    def clear(self) -> None:
        """Begin a new second."""
        for account in self._by_kind.values():
            account.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How long answers are counted, and for how many networks."""

    length_s: float = WINDOW_S
    networks_max: int = NETWORKS_MAX


WINDOW = Window()


class RateLimit:
    """Limits what one process sends to each network in a second."""

    def __init__(
        self,
        answers_per_s: int,
        accounts: Accounts,
        over_tcp: Callable[[bytes], bytes | None],
        *,
        near: Iterable[Prefix] = LOOPBACK,
        window: Window = WINDOW,
    ) -> None:
        """``over_tcp`` writes the empty reply with TC to a message."""
        self.bytes_max = answers_per_s * ANSWER_BYTES
        self.refused = 0
        """Answers over the limit."""
        self._accounts = accounts
        self._over_tcp = over_tcp
        self._near = tuple(near)
        self._window = window
        self._networks = 0
        self._ends_at = 0.0

    def begin(self, now: float) -> None:
        """Reset the accounts when the second is over."""
        if now >= self._ends_at:
            self._ends_at = now + self._window.length_s
            self._reset()

    def is_within(self, account: Account, network: bytes, size_bytes: int) -> bool:
        """Count an answer; return whether it may be sent."""
        spent = account.get(network)
        if spent is None:
            spent = self._enter(account, network)
        spent += size_bytes
        account[network] = spent
        return spent <= self.bytes_max

    def limited(self, reply: bytes, message: bytes, client: Address, now: float) -> bytes | None:
        """Count the reply to a message and return it, or what is sent instead."""
        self.begin(now)
        account = self._accounts.of_reply(reply)
        is_sent = self.is_within(account, network_of(client), len(reply))
        return reply if is_sent else self.refuse(message)

    def refuse(self, message: bytes) -> bytes | None:
        """Return what is sent instead of an answer over the limit: an empty one, or nothing."""
        self.refused += 1
        return self._over_tcp(message) if self.refused % TRUNCATED_EVERY == 0 else None

    def _enter(self, account: Account, network: bytes) -> float:
        if self._networks >= self._window.networks_max:
            self._reset()  # so many networks in one second are forged, each with few answers
        self._networks += 1
        return -inf if is_near(_first_of(network), self._near) else 0.0

    def _reset(self) -> None:
        self._accounts.clear()
        self._networks = 0


def network_of(client: Address) -> bytes:
    """Return the octets of a client's network prefix."""
    if isinstance(client, IPv4Address):
        return client.packed[:V4_NETWORK_BYTES]
    network = client.packed[:V6_NETWORK_BYTES]
    stop = V4_MAPPED_AT + V4_NETWORK_BYTES
    return client.packed[V4_MAPPED_AT:stop] if network == NO_NETWORK else network


def _first_of(network: bytes) -> Address:
    if network == bytes(V4_NETWORK_BYTES):
        return IPv6Address("::1")  # 0.0.0.0/24 is no client's network
    if len(network) == V4_NETWORK_BYTES:
        return IPv4Address(network.ljust(4, b"\0"))
    return IPv6Address(network.ljust(16, b"\0"))


def _type_of(reply: bytes) -> int:
    """Read the type in the question; 0 when the reply does not repeat the question."""
    try:
        at = end_of_plain_name(reply, HEADER_BYTES)
    except (Truncated, MalformedName):
        return 0
    return int.from_bytes(reply[at : at + 2])
