"""The ranges whose addresses belong to Services, or to nobody.

    Snapshot -> prefixes of all ServiceCIDRs, without overlaps

A range that is being retired counts until it is gone: addresses of it may still be in use.
What a node does with packets to them is not known here.

Source: spec kubernetes-api 2.5 (KEP-1880); spec ipvs 8, cluster-ips-check.
"""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from app.domain.addresses import parse_prefix
from app.domain.snapshot import Snapshot

_REMEMBERED_MAX = 16  # sets of ranges; there is one at a time, and another after a change


def service_ranges(snapshot: Snapshot) -> tuple[str, ...]:
    """List the ranges of a snapshot, IPv4 first, each family by number."""
    served = snapshot.service_cidrs.values()
    return _disjoint(tuple(sorted(text for each in served for text in each.cidrs)))


@lru_cache(maxsize=_REMEMBERED_MAX)
def _disjoint(texts: tuple[str, ...]) -> tuple[str, ...]:
    prefixes = [prefix for text in texts if (prefix := parse_prefix(text)) is not None]
    return (
        *map(str, collapse_addresses(p for p in prefixes if isinstance(p, IPv4Network))),
        *map(str, collapse_addresses(p for p in prefixes if isinstance(p, IPv6Network))),
    )
