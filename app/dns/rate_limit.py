"""How much one client may ask, when the operator sets a limit.

    (client, now) -> allowed | over the limit | over it, and to be told so

A bucket a client, filled at a steady rate; an IPv6 client is its /64.  The
table is bounded, and whoever was quiet the longest is forgotten first, with a
full bucket.  The clock is the caller's.
"""

from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address

from app.domain.addresses import Address

CLIENTS_MAX = 16_384
BURST_S = 2  # seconds' worth that may come at once
TOLD_EVERY = 2  # one in so many refusals is told to come back over TCP
_SUBNET_BITS = 64  # of an IPv6 address that its owner fills at will


class Verdict(Enum):
    """What becomes of a question."""

    ALLOWED = auto()
    DROPPED = auto()
    TOLD = auto()


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    refused: int = 0


class RateLimit:
    """The buckets of all clients."""

    def __init__(self, per_s: int, *, clients_max: int = CLIENTS_MAX) -> None:
        self._per_s = per_s
        self._clients_max = clients_max
        self._buckets: dict[int, _Bucket] = {}

    def judge(self, client: Address, now: float) -> Verdict:
        """Take a token from the client's bucket, if there is one."""
        key = int(client) if isinstance(client, IPv4Address) else int(client) >> _SUBNET_BITS
        bucket = self._buckets.pop(key, None)
        burst = self._per_s * BURST_S
        if bucket is None:
            bucket = _Bucket(burst, now)
            if len(self._buckets) >= self._clients_max:
                del self._buckets[next(iter(self._buckets))]
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.at) * self._per_s)
        bucket.at = now
        self._buckets[key] = bucket
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return Verdict.ALLOWED
        bucket.refused += 1
        return Verdict.TOLD if bucket.refused % TOLD_EVERY == 0 else Verdict.DROPPED
