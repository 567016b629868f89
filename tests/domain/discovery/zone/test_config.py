"""The reverse zones of a range of addresses."""

import pytest

from app.domain.addresses import parse_prefix
from app.domain.discovery.zone.config import reverse_zones
from app.domain.discovery.zone.parse import parse_reverse


@pytest.mark.parametrize(
    ("range_", "first", "count"),
    [
        ("10.96.0.0/12", "96.10.in-addr.arpa.", 16),
        ("10.96.0.0/16", "96.10.in-addr.arpa.", 1),
        ("10.0.0.0/8", "10.in-addr.arpa.", 1),
        ("10.96.0.0/22", "0.96.10.in-addr.arpa.", 4),
        ("fd00:10:96::/112", f"{'0.' * 16}6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa.", 1),
        ("fd00::/7", "c.f.ip6.arpa.", 2),
        ("::/0", "ip6.arpa.", 1),
    ],
)
def test_zones_cover_a_range_exactly(range_: str, first: str, count: int) -> None:
    prefix = parse_prefix(range_)
    assert prefix is not None
    zones = reverse_zones(prefix)
    assert len(zones) == count
    assert str(zones[0]) == first
    covered = [place for zone in zones if not isinstance(place := parse_reverse(zone), str)]
    assert sum(getattr(place, "num_addresses", 1) for place in covered) == prefix.num_addresses
