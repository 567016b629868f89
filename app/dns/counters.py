"""Counters of DNS replies, cheap enough for the hot path.

    Request, rcode, size -> ReplyCounter          a list with one number, to be incremented

Replies of one kind share a counter; a cached reply is stored with its counter, so that
counting it needs no look-up.  ``metrics`` exposes the numbers.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from app.dns.messages.message import Request

ReplyCounter = list[int]

KINDS_MAX = 4_096  # counted separately; later kinds are counted without type and sizes
SIZE_BUCKETS_BYTES = (0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16_000, 32_000, 48_000)
DURATION_BUCKETS_S = tuple(0.00025 * 2**step for step in range(16))
NAMED_TYPES = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    12: "PTR",
    15: "MX",
    16: "TXT",
    28: "AAAA",
    33: "SRV",
    35: "NAPTR",
    39: "DNAME",
    43: "DS",
    48: "DNSKEY",
    65: "HTTPS",
    251: "IXFR",
    252: "AXFR",
    255: "ANY",
}


_ANY_SIZE = SIZE_BUCKETS_BYTES[-1] + 1


class Kind(NamedTuple):
    """The properties by which replies are counted."""

    transport: int
    type: str
    rcode: int
    is_dnssec_ok: bool
    request_bytes: int
    reply_bytes: int


class ReplyCounters:
    """The counts of one server since it started."""

    def __init__(self, *, kinds_max: int = KINDS_MAX) -> None:
        self._kinds_max = kinds_max
        self.by_kind: dict[Kind, ReplyCounter] = {}
        self.durations = Durations()

    def of(self, request: Request, rcode: int, reply_bytes: int) -> ReplyCounter:
        """Return the counter for replies of this kind."""
        edns = request.edns
        kind = Kind(
            request.transport,
            NAMED_TYPES.get(request.type, "other"),
            rcode,
            edns is not None and edns.is_dnssec_ok,
            bucket(request.size_bytes),
            bucket(reply_bytes),
        )
        if kind not in self.by_kind and len(self.by_kind) >= self._kinds_max:
            # Clients and upstreams choose types, codes and sizes, so the kinds must be bounded.
            kind = Kind(
                request.transport,
                "other",
                rcode,
                is_dnssec_ok=False,
                request_bytes=_ANY_SIZE,
                reply_bytes=_ANY_SIZE,
            )
        return self.by_kind.setdefault(kind, [0])


class Durations:
    """A histogram of durations; the answers of one batch of datagrams share its time equally."""

    __slots__ = ("_bounds_s", "counts", "sum_s")

    def __init__(self, bounds_s: Sequence[float] = DURATION_BUCKETS_S) -> None:
        self._bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    def add(self, elapsed_s: float, times: int) -> None:
        """Count ``times`` events that together took ``elapsed_s``."""
        self.counts[bisect_left(self._bounds_s, elapsed_s / times)] += times
        self.sum_s += elapsed_s


def bucket(size_bytes: int) -> int:
    """Return the upper bound of a size's bucket; one above the last bound means infinity."""
    for bound in SIZE_BUCKETS_BYTES:
        if size_bytes <= bound:
            return bound
    return SIZE_BUCKETS_BYTES[-1] + 1
