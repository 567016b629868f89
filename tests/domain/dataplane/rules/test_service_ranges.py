"""The ranges of a snapshot: every one of them, once."""

from ipaddress import ip_address, ip_network
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.dataplane.rules.service_ranges import service_ranges
from app.domain.names import Revision
from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.snapshot import Snapshot, load
from tests.builders import NOON, a_meta, a_service_cidr
from tests.rules_strategies import service_cidrs


def state_of(*ranges: ServiceCIDR) -> Snapshot:
    return load(ranges, revision=Revision(1))


def test_ranges_of_all_objects_are_listed_by_family_and_number() -> None:
    later = a_service_cidr("fd00:10:97::/112", "10.112.0.0/16", name="a-later-one")
    first = a_service_cidr("10.96.0.0/12", "fd00:10:96::/112")
    assert service_ranges(state_of(later, first)) == (
        "10.96.0.0/12",
        "10.112.0.0/16",
        "fd00:10:96::/112",
        "fd00:10:97::/112",
    )


def test_a_range_within_another_is_not_listed_beside_it() -> None:
    both = state_of(a_service_cidr("10.96.0.0/12"), a_service_cidr("10.97.0.0/16", name="more"))
    assert service_ranges(both) == ("10.96.0.0/12",)


def test_a_range_that_is_being_retired_counts_until_it_is_gone() -> None:
    retired = ServiceCIDR(metadata=a_meta("more", "", deleted_at=NOON), cidrs=("10.112.0.0/16",))
    assert service_ranges(state_of(retired)) == ("10.112.0.0/16",)
    assert service_ranges(Snapshot()) == ()


def test_what_is_no_range_is_left_out() -> None:
    assert service_ranges(state_of(a_service_cidr("nonsense", "10.96.0.0/12"))) == ("10.96.0.0/12",)


@given(st.lists(service_cidrs, max_size=3))
def test_ranges_cover_what_the_objects_do_and_do_not_overlap(served: list[ServiceCIDR]) -> None:
    snapshot = state_of(*{each.metadata.name: each for each in served}.values())
    found = [ip_network(text) for text in service_ranges(snapshot)]
    for one, other in combinations(found, 2):
        assert one.version != other.version or not one.overlaps(other)
    wanted = [ip_network(text) for each in snapshot.service_cidrs.values() for text in each.cidrs]
    for edge in ("10.95.255.255", "10.96.0.0", "10.112.0.0", "10.120.0.0", "fd00:10:96::1:1"):
        address = ip_address(edge)
        assert any(address in prefix for prefix in found) == any(
            address in prefix for prefix in wanted
        )
