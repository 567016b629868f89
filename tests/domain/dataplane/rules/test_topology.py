"""Which endpoints a node may use: examples to read, then the laws every input obeys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.dataplane.rules.model import Destination
from app.domain.dataplane.rules.topology import (
    Candidates,
    Selection,
    candidates,
    select,
)
from app.domain.objects.endpoint_slice import Endpoint, EndpointPort, EndpointSlice, Hints
from tests.builders import a_destination, an_endpoint, an_endpoint_slice
from tests.rules_strategies import NODES, endpoints

PORT = 8080


def found(*given_endpoints: Endpoint, port: int = PORT) -> Candidates:
    slice_ = an_endpoint_slice(
        *given_endpoints, address_type="IPv4", ports=(EndpointPort(port=port, name="http"),)
    )
    return of(slice_)


def of(*slices: EndpointSlice) -> Candidates:
    return candidates(slices, IPFamily.IPV4, "http", "TCP")


def chosen(
    candidates_: Candidates, node: str = "n1", zone: str = "z1", *, is_local: bool = False
) -> Selection:
    return select(candidates_, node, zone, uses_cluster=not is_local, uses_local=is_local)


def addresses(destinations: tuple[Destination, ...]) -> list[str]:
    return [address for address, _, _ in destinations]


READY = an_endpoint("10.244.0.1")
LEAVING = an_endpoint("10.244.0.2", ready=False, serving=True, terminating=True)
UNREADY = an_endpoint("10.244.0.3", ready=False, serving=True)
GONE = an_endpoint("10.244.0.4", ready=False, serving=False, terminating=True)


def test_ready_endpoints_go_before_leaving_ones() -> None:
    assert addresses(chosen(found(READY, LEAVING, UNREADY, GONE)).cluster) == ["10.244.0.1"]


def test_leaving_endpoints_serve_when_nothing_is_ready() -> None:
    assert addresses(chosen(found(LEAVING, UNREADY, GONE)).cluster) == ["10.244.0.2"]


def test_serving_without_terminating_or_ready_is_never_used() -> None:
    selection = chosen(found(UNREADY))
    assert (selection.cluster, selection.has_any) == ((), False)


def test_local_falls_back_by_itself() -> None:
    here = an_endpoint("10.244.0.9", ready=False, serving=True, terminating=True, node_name="n1")
    selection = chosen(found(READY, here), is_local=True)
    assert addresses(selection.local) == ["10.244.0.9"]


def test_endpoints_elsewhere_are_known_to_a_local_policy() -> None:
    selection = chosen(found(READY), is_local=True)
    assert (selection.local, selection.has_any) == ((), True)


def hinted(address: str, *, zones: tuple[str, ...] = (), nodes: tuple[str, ...] = ()) -> Endpoint:
    return an_endpoint(address, hints=Hints(for_zones=zones, for_nodes=nodes))


def test_hints_keep_traffic_in_the_zone() -> None:
    pair = found(hinted("10.244.0.1", zones=("z1",)), hinted("10.244.0.2", zones=("z2", "z3")))
    assert addresses(chosen(pair, zone="z1").cluster) == ["10.244.0.1"]
    assert addresses(chosen(pair, zone="z3").cluster) == ["10.244.0.2"]


@pytest.mark.parametrize("zone", ["", "z9"])
def test_a_zone_nobody_is_hinted_for_uses_everything(zone: str) -> None:
    pair = found(hinted("10.244.0.1", zones=("z1",)), hinted("10.244.0.2", zones=("z2",)))
    assert len(chosen(pair, zone=zone).cluster) == 2


def test_one_ready_endpoint_without_a_hint_turns_hints_off() -> None:
    mixed = found(hinted("10.244.0.5", zones=("z2",)), READY)
    assert addresses(chosen(mixed, zone="z2").cluster) == ["10.244.0.1", "10.244.0.5"]


def test_node_hints_go_before_zone_hints() -> None:
    pair = found(
        hinted("10.244.0.1", zones=("z1",), nodes=("n1",)),
        hinted("10.244.0.2", zones=("z1",), nodes=("n2",)),
    )
    assert addresses(chosen(pair, "n1").cluster) == ["10.244.0.1"]
    assert len(chosen(pair, "n9").cluster) == 2


def test_hints_do_not_touch_local_lists() -> None:
    here = an_endpoint("10.244.0.1", node_name="n1", hints=Hints(for_zones=("z2",)))
    assert addresses(chosen(found(here), zone="z1", is_local=True).local) == ["10.244.0.1"]


def test_of_two_copies_the_local_one_counts() -> None:
    elsewhere = an_endpoint("10.244.0.1", node_name="n2")
    here = an_endpoint("10.244.0.1", node_name="n1", weight=5)
    for both in ((elsewhere, here), (here, elsewhere)):
        selection = chosen(found(*both), is_local=True)
        assert selection.local == (a_destination("10.244.0.1", PORT, 5),)


def test_of_two_copies_elsewhere_the_ready_one_counts() -> None:
    twice = found(an_endpoint("10.244.0.1", ready=False), an_endpoint("10.244.0.1"))
    assert addresses(chosen(twice).cluster) == ["10.244.0.1"]


OLD = an_endpoint("10.244.0.1", ready=False, serving=True, terminating=True, node_name="n1")
NEW = an_endpoint("10.244.0.1", node_name="n2", weight=5)


def in_slices(*copies: Endpoint) -> Candidates:
    """Put copies of one address into a slice each, in the order of the slices' names."""
    return of(*(an_endpoint_slice(copy, name=f"s{at}") for at, copy in enumerate(copies)))


@pytest.mark.parametrize("node", ["n1", "n2", "n9", ""])
def test_an_address_used_again_belongs_to_the_copy_that_is_not_terminating(node: str) -> None:
    for both in ((OLD, NEW), (NEW, OLD)):
        again = in_slices(*both)
        selection = chosen(again, node)
        assert selection.cluster == (a_destination("10.244.0.1", PORT, 5),)
        assert bool(selection.on_node) == (node == "n2")
        assert bool(chosen(again, node, is_local=True).local) == (node == "n2")


def test_a_copy_that_is_not_terminating_counts_though_it_is_not_ready() -> None:
    starting = an_endpoint("10.244.0.1", ready=False, node_name="n2")
    selection = chosen(in_slices(OLD, starting), "n1")
    assert (selection.cluster, selection.has_any, selection.on_node) == ((), False, ())
    assert selection.ready_on_node == frozenset()


def test_a_copy_that_is_terminating_loses_though_it_is_published_as_ready() -> None:
    published = an_endpoint("10.244.0.1", ready=True, terminating=True, node_name="n1")
    assert chosen(in_slices(published, NEW), "n1").cluster[0][2] == 5


def test_of_equal_copies_the_slice_with_the_least_name_counts() -> None:
    one, two = (an_endpoint("10.244.0.1", node_name="n2", weight=w) for w in (1, 2))
    assert chosen(in_slices(one, two), "n1").cluster[0][2] == 1
    assert chosen(in_slices(two, one), "n1").cluster[0][2] == 2


def test_only_equal_copies_on_several_nodes_are_seen_otherwise_by_each_node() -> None:
    assert not in_slices(OLD, NEW).has_copies
    assert not in_slices(NEW, NEW).has_copies
    elsewhere = an_endpoint("10.244.0.1", node_name="n3")
    assert in_slices(OLD, NEW, elsewhere).has_copies


def test_copies_on_different_ports_are_different_destinations() -> None:
    old = an_endpoint_slice(OLD, ports=(EndpointPort(port=1, name="http"),))
    new = an_endpoint_slice(NEW, name="z", ports=(EndpointPort(port=2, name="http"),))
    selection = chosen(of(old, new), "n1")
    assert [port for _, port, _ in selection.cluster] == [2]
    assert [port for _, port, _ in selection.on_node] == [1]


def test_destinations_are_sorted_by_number_and_spelt_canonically() -> None:
    several = found(*(an_endpoint(ip) for ip in ("10.244.0.10", "10.244.0.9", "010.244.0.1")))
    assert addresses(chosen(several).cluster) == ["10.244.0.1", "10.244.0.9", "10.244.0.10"]


def test_only_the_first_address_of_an_endpoint_counts() -> None:
    assert addresses(chosen(found(an_endpoint("10.244.0.1", "10.244.0.2"))).cluster) == [
        "10.244.0.1"
    ]


def test_ports_are_joined_by_name_and_protocol_alone() -> None:
    slice_ = an_endpoint_slice(
        READY,
        ports=(
            EndpointPort(port=1, name="http"),
            EndpointPort(port=2, name="dns"),
            EndpointPort(port=3, name="http", protocol="UDP"),
            EndpointPort(port=None, name="http"),
        ),
    )
    assert [d[1] for d in chosen(of(slice_)).cluster] == [1]


def test_slices_may_say_different_numbers() -> None:
    first = an_endpoint_slice(READY, ports=(EndpointPort(port=1, name="http"),))
    second = an_endpoint_slice(
        an_endpoint("10.244.0.2"), name="b", ports=(EndpointPort(port=2, name="http"),)
    )
    assert [d[1] for d in chosen(of(first, second)).cluster] == [1, 2]


def test_what_is_no_address_is_left_out() -> None:
    assert chosen(found(an_endpoint("db.example.com"))).cluster == ()


def test_weights_are_kept() -> None:
    weighed = found(an_endpoint("10.244.0.1", weight=0), an_endpoint("10.244.0.2", weight=7))
    assert [weight for _, _, weight in chosen(weighed).cluster] == [0, 7]


def test_an_address_is_ordered_by_number() -> None:
    assert ordered("10.0.0.1") == (0x0A000001, "10.0.0.1")
    assert ordered("010.0.0.1") == (0x0A000001, "10.0.0.1")
    assert ordered("FD00::1") == ((0xFD00 << 112) + 1, "fd00::1")
    assert ordered("nowhere")[0] < 0


drawn = st.lists(endpoints, max_size=6)
drawn_nodes = st.sampled_from([*NODES, "n9"])
drawn_zones = st.sampled_from(["", "z1", "z2", "z9"])
drawn_uses = st.fixed_dictionaries({"uses_cluster": st.booleans(), "uses_local": st.booleans()})


@given(drawn, drawn_nodes, drawn_zones, drawn_uses)
def test_what_is_chosen_was_given_and_is_sorted(
    given_endpoints: list[Endpoint], node: str, zone: str, uses: dict[str, bool]
) -> None:
    everything = found(*given_endpoints)
    selection = select(everything, node, zone, **uses)
    for listed in (selection.cluster, selection.local, selection.on_node):
        assert set(listed) <= {destination for destination, _ in everything.each}
        assert list(listed) == sorted(listed, key=lambda d: (ordered(d[0]), d[1]))
        assert len({d[:2] for d in listed}) == len(listed)
    assert set(selection.local) <= set(selection.on_node)


@given(drawn, drawn_nodes, drawn_zones)
def test_local_endpoints_are_on_this_node(
    given_endpoints: list[Endpoint], node: str, zone: str
) -> None:
    selection = chosen(found(*given_endpoints), node, zone, is_local=True)
    here = {e.addresses[0].lstrip("0") for e in given_endpoints if node and e.node_name == node}
    assert set(addresses(selection.local)) <= here


@given(drawn, drawn_nodes, drawn_zones)
def test_cluster_is_never_empty_while_anything_can_serve(
    given_endpoints: list[Endpoint], node: str, zone: str
) -> None:
    # Copies of one address may disagree, and only one of them counts: leave the others out.
    unique = list({e.addresses[0].lstrip("0"): e for e in given_endpoints}.values())
    selection = chosen(found(*unique), node, zone)
    can_serve = any(
        e.conditions.is_ready or (e.conditions.is_serving and e.conditions.is_terminating)
        for e in unique
    )
    assert bool(selection.cluster) == can_serve == selection.has_any


@given(drawn, st.data(), drawn_nodes, drawn_zones)
def test_the_order_of_endpoints_does_not_matter(
    given_endpoints: list[Endpoint], data: st.DataObject, node: str, zone: str
) -> None:
    unique = list({e.addresses[0].lstrip("0"): e for e in given_endpoints}.values())
    shuffled = data.draw(st.permutations(unique))
    assert chosen(found(*unique), node, zone) == chosen(found(*shuffled), node, zone)


@given(st.lists(st.lists(endpoints, max_size=3), max_size=3), drawn_nodes, drawn_zones, drawn_uses)
def test_copies_in_several_slices_are_as_good_as_the_one_that_counts(
    listed: list[list[Endpoint]], node: str, zone: str, uses: dict[str, bool]
) -> None:
    slices = [an_endpoint_slice(*some, name=f"s{at}") for at, some in enumerate(listed)]
    copies: dict[str, list[Endpoint]] = {}
    for endpoint in (each for some in listed for each in some):
        copies.setdefault(endpoint.addresses[0].lstrip("0"), []).append(endpoint)
    counting = [min(some, key=lambda each: rank(each, node)) for some in copies.values()]
    everything, alone = of(*slices), of(an_endpoint_slice(*counting))
    assert select(everything, node, zone, **uses) == select(alone, node, zone, **uses)


def rank(endpoint: Endpoint, node: str) -> tuple[bool, bool, bool]:
    """Order copies of an address as the specification does; the name of the slice comes last."""
    conditions = endpoint.conditions
    is_local = endpoint.node_name == node != ""
    return conditions.is_terminating, not conditions.is_ready, not is_local
