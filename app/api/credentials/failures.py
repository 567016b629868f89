"""Limits on failed authentications: a bucket an address, and one for signatures.

    address, now -> seconds to wait, 0 if the failure is within the limit

Credentials are checked first and the bucket is asked only when they were bad, so that a neighbour
behind the same address locks nobody out, and no account can be locked: nothing is counted by name.

Source: spec access 1.9.
"""

import logging
import math
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address
from typing import Final

from app.domain.addresses import Address
from app.domain.bounded import Bounded

FAILURES_MAX: Final = 10  # at once
REFILL_S: Final = 6.0  # until one more is allowed
ADDRESSES_MAX: Final = 10_000
SIGNATURES_MAX: Final = 200  # checked in a second
_ROUNDING: Final = 1e-6  # tokens, which sums of fractions may lack
_HOST_BITS_V6: Final = 64  # of an IPv6 address, which its owner chooses freely
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Bucket:
    """Tokens that come back at a rate, up to a number."""

    tokens: float
    at: datetime
    is_told: bool = False  # that it is empty

    def refill(self, now: datetime, *, tokens_max: int, refill_s: float) -> None:
        """Add what came back since the last time; a clock that goes back adds nothing."""
        passed = max(0.0, (now - self.at).total_seconds())
        self.tokens = min(tokens_max, self.tokens + passed / refill_s)
        self.at = now


class FailureLimit:
    """Counts failures by address: IPv4 alone, IPv6 by its network of 64 bits."""

    def __init__(
        self,
        *,
        failures_max: int = FAILURES_MAX,
        refill_s: float = REFILL_S,
        addresses_max: int = ADDRESSES_MAX,
    ) -> None:
        """Allow so many failures at once, and one more each time."""
        self._failures_max, self._refill_s = failures_max, refill_s
        self._buckets = Bounded[int | str, Bucket](addresses_max)

    def wait_s(self, address: Address | None, *, now: datetime) -> int:
        """Tell for how many seconds the bucket of an address is empty; 0 if it is not."""
        bucket = self._bucket(address, now)
        missing = 1 - bucket.tokens - _ROUNDING
        return math.ceil(missing * self._refill_s) if missing > 0 else 0

    def fail(self, address: Address | None, *, now: datetime) -> int:
        """Count a failure; the first beyond the limit is logged."""
        wait_s = self.wait_s(address, now=now)
        bucket = self._bucket(address, now)
        if not wait_s:
            bucket.tokens -= 1
            bucket.is_told = False
        elif not bucket.is_told:
            bucket.is_told = True
            _log.warning("too many failed authentications from %s", address or "a local socket")
        self._buckets[_key_of(address)] = bucket
        return wait_s

    def _bucket(self, address: Address | None, now: datetime) -> Bucket:
        bucket = self._buckets.get(_key_of(address)) or Bucket(self._failures_max, now)
        bucket.refill(now, tokens_max=self._failures_max, refill_s=self._refill_s)
        return bucket


class SignatureLimit:
    """How many signatures are checked in a second, whoever asks."""

    def __init__(self, *, signatures_max: int = SIGNATURES_MAX) -> None:
        """Allow so many at once, and in every second."""
        self._signatures_max = signatures_max
        self._bucket: Bucket | None = None

    def take(self, *, now: datetime) -> bool:
        """Count a signature; False if it is one too many."""
        bucket = self._bucket = self._bucket or Bucket(self._signatures_max, now)
        bucket.refill(now, tokens_max=self._signatures_max, refill_s=1 / self._signatures_max)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


def _key_of(address: Address | None) -> int | str:
    match address:
        case None:
            return ""
        case IPv6Address():
            return f"{int(address) >> _HOST_BITS_V6:x}"
        case _:
            return int(address)
