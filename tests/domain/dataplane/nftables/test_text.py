"""Text for nft: examples of what it says, then the laws of wholes and changes."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.addresses import IPFamily
from app.domain.changes import Change
from app.domain.dataplane.nftables.elements import (
    LOCAL_OFFSET,
    SLOTS_MAX,
    SLOTS_PER_DESTINATION_MAX,
    STANDING_SLOTS_MAX,
    endpoint_ids,
    slots,
)
from app.domain.dataplane.nftables.text import (
    encode,
    encode_changes,
    encode_delta,
    encode_removal,
    service_changes,
)
from app.domain.dataplane.rules.model import (
    Destination,
    LocalDetection,
    LocalSource,
    NodeFamily,
    NodeRules,
    PortRules,
    RulesConfig,
    ServiceRules,
)
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import NamespacedName, Revision
from app.domain.objects.service import ServicePortName
from app.domain.snapshot import Snapshot, load
from tests.builders import a_destination, a_node, key
from tests.nft_model import RefusedText, Table, Tables, loaded
from tests.rules_strategies import configs, rule_histories
from tests.rules_vectors import Vector, load_vectors

NODE = a_node("n1")
ONE, TWO, THREE = (a_destination(f"10.244.0.{number}", 8080) for number in (1, 2, 3))
TRANSLATE = "meta l4proto tcp dnat ip addr . port to"
ELSEWHERE = a_destination("10.244.9.9", 8080)

destinations = st.lists(
    st.builds(
        Destination,
        st.integers(1, 200).map(lambda number: f"10.244.0.{number}"),
        st.sampled_from([8080, 8081]),
        st.one_of(st.integers(0, 5), st.integers(0, 65_535)),
    ),
    max_size=12,
    unique_by=lambda destination: destination.address_and_port,
).map(tuple)


def a_port(*cluster: Destination, service: str = "web", **fields: object) -> PortRules:
    """A port 80 at 10.96.0.10 with these destinations."""
    port = PortRules(
        name=ServicePortName(key(service), "http", "TCP"),
        family=IPFamily.IPV4,
        port=80,
        cluster_ip="10.96.0.10",
        cluster=cluster,
        has_any=bool(cluster),
    )
    return port._replace(**fields)


def rules_of(*ports: PortRules, **family: object) -> NodeRules:
    """The rules of a node that knows its Pods by 10.244.0.0/16."""
    facts = NodeFamily(
        family=IPFamily.IPV4,
        addresses=("192.0.2.10",),
        node_port_addresses=("192.0.2.10",),
        local_source=LocalSource(LocalDetection.CLUSTER_CIDR, "10.244.0.0/16"),
    )
    services: dict[NamespacedName, list[PortRules]] = {}
    for port in ports:
        services.setdefault(port.name.service, []).append(port)
    return NodeRules(
        node="n1",
        families=(replace(facts, **family),),
        services=tuple(
            ServiceRules(service=service, ports=tuple(services[service]))
            for service in sorted(services)
        ),
    )


def table_of(rules: NodeRules) -> Table:
    return loaded(encode(rules), {})["ip"]


def test_a_cluster_address_chooses_among_its_endpoints() -> None:
    table = table_of(rules_of(a_port(ONE, TWO)))
    assert table.sets["services-tcp"] == {"10.96.0.10 . 80": "goto pick-tcp-2"}
    assert table.sets["endpoints-tcp"] == {
        "10.96.0.10 . 80 . 0": "10.244.0.1 . 8080",
        "10.96.0.10 . 80 . 1": "10.244.0.2 . 8080",
    }
    assert table.sets["cluster-ips"] == {"10.96.0.10": ""}
    assert table.chains["pick-tcp-2"] == [
        f"{TRANSLATE} ip daddr . tcp dport . numgen random mod 2 map @endpoints-tcp"
    ]


def test_an_address_lost_to_another_service_is_not_served() -> None:
    table = table_of(rules_of(a_port(ONE, cluster_ip=None)))
    assert not any(table.sets[name] for name in ("services-tcp", "cluster-ips", "endpoints-tcp"))


def test_services_with_as_many_endpoints_share_a_chain() -> None:
    one = rules_of(a_port(ONE, TWO), a_port(TWO, THREE, service="db", cluster_ip="10.96.0.11"))
    assert set(table_of(one).sets["services-tcp"].values()) == {"goto pick-tcp-2"}


def test_chains_for_few_endpoints_stand_ready_and_others_come_with_what_needs_them() -> None:
    few, many = (
        a_port(*(a_destination(f"10.244.1.{i}", 8080) for i in range(count)))
        for count in (STANDING_SLOTS_MAX, STANDING_SLOTS_MAX + 1)
    )
    standing = set(table_of(rules_of()).chains)
    assert set(table_of(rules_of(few)).chains) == standing
    assert set(table_of(rules_of(many)).chains) - standing == {"pick-tcp-17"}
    made = ["add chain", "flush chain", "add rule"]
    lines = encode_delta(rules_of(few), rules_of(many)).splitlines()
    assert lines[0] == "add chain ip waypost pick-tcp-17"
    assert [line.split(" ip ")[0] for line in lines[:3]] == made


def test_without_endpoints_connections_are_rejected() -> None:
    assert table_of(rules_of(a_port())).sets["services-tcp"] == {
        "10.96.0.10 . 80": "goto reject-all"
    }


def test_drained_endpoints_count_as_none() -> None:
    drained = ONE._replace(weight=0)
    table = table_of(rules_of(a_port(drained, TWO)))
    assert set(table.sets["endpoints-tcp"].values()) == {"10.244.0.2 . 8080"}
    assert table_of(rules_of(a_port(drained))).sets["services-tcp"] == {
        "10.96.0.10 . 80": "goto reject-all"
    }


def test_a_local_cluster_address_drops_what_only_others_could_serve() -> None:
    local = a_port(is_internal_local=True, has_any=True)
    assert table_of(rules_of(local)).sets["services-tcp"] == {"10.96.0.10 . 80": "drop"}
    nobody = local._replace(has_any=False)
    assert table_of(rules_of(nobody)).sets["services-tcp"] == {"10.96.0.10 . 80": "goto reject-all"}


def test_a_node_port_answers_at_every_address_and_is_masqueraded() -> None:
    table = table_of(rules_of(a_port(ONE, node_port=30_080)))
    assert table.sets["node-port-services-tcp"] == {"0.0.0.0 . 30080": "goto node-port-pick-tcp-1"}
    assert table.sets["endpoints-tcp"]["0.0.0.0 . 30080 . 0"] == "10.244.0.1 . 8080"
    assert table.sets["masqueraded-tcp"] == {"0.0.0.0 . 30080": ""}


def test_a_local_policy_keeps_outside_traffic_on_the_node_and_lets_pods_go_anywhere() -> None:
    exposed = a_port(
        ONE, ELSEWHERE, local=(ONE,), external_ips=("203.0.113.1",), is_external_local=True
    )
    table = table_of(rules_of(exposed))
    assert table.sets["local-services-tcp"] == {"203.0.113.1 . 80": "goto local-pick-tcp-1"}
    assert table.sets["services-tcp"]["203.0.113.1 . 80"] == "goto pick-tcp-2"
    assert table.sets["endpoints-tcp"][f"203.0.113.1 . 80 . {LOCAL_OFFSET}"] == "10.244.0.1 . 8080"
    assert not table.sets["masqueraded-tcp"]
    bare = table_of(rules_of(exposed._replace(local=())))
    assert bare.sets["local-services-tcp"] == {"203.0.113.1 . 80": "drop"}


def test_a_pod_of_the_node_is_masqueraded_on_its_way_to_itself() -> None:
    table = table_of(rules_of(a_port(ONE, ELSEWHERE, on_node=(ONE,))))
    assert table.sets["hairpin-tcp"] == {"10.96.0.10 . 80 . 10.244.0.1 . 10.244.0.1": ""}


def test_source_ranges_restrict_the_balancer_address_and_do_not_overlap() -> None:
    balanced = a_port(
        ONE,
        load_balancer_ips=("203.0.113.1",),
        source_ranges=("10.0.0.0/8", "10.1.0.0/16", "198.51.100.7"),
    )
    table = table_of(rules_of(balanced))
    assert table.sets["restricted-tcp"] == {"203.0.113.1 . 80": ""}
    assert set(table.sets["source-ranges-tcp"]) == {
        "203.0.113.1 . 80 . 10.0.0.0/8",
        "203.0.113.1 . 80 . 198.51.100.7",
    }


def test_affinity_remembers_identifiers_that_outlive_other_endpoints() -> None:
    before = table_of(rules_of(a_port(ONE, TWO, THREE, affinity_timeout_s=60)))
    after = table_of(rules_of(a_port(ONE, THREE, affinity_timeout_s=60)))
    assert before.sets["services-tcp"] == {"10.96.0.10 . 80": "goto keep-tcp-3-60s"}
    kept = {v: k for k, v in before.sets["kept-endpoints-tcp"].items()}
    assert after.sets["kept-endpoints-tcp"] == {
        kept[f"{address} . {port}"]: f"{address} . {port}" for address, port, _ in (ONE, THREE)
    }
    assert any("timeout 60s" in rule for rule in after.chains["keep-tcp-2-60s"])


def test_only_the_configured_addresses_answer_at_node_ports() -> None:
    table = table_of(rules_of(a_port(ONE, node_port=30_080), has_all_node_ports=False))
    assert table.sets["node-port-ips"] == {"192.0.2.10": ""}
    assert any("@node-port-ips" in rule for rule in table.chains["services"])


@pytest.mark.parametrize(
    ("source", "match"),
    [
        (LocalSource(LocalDetection.CLUSTER_CIDR, "10.0.0.0/8"), "ip saddr != 10.0.0.0/8"),
        (LocalSource(LocalDetection.NODE_CIDR, "10.0.0.0/24"), "ip saddr != 10.0.0.0/24"),
        (LocalSource(LocalDetection.BRIDGE_INTERFACE, "cni0"), 'iifname != "cni0"'),
        (LocalSource(LocalDetection.INTERFACE_NAME_PREFIX, "veth"), 'iifname != "veth*"'),
    ],
)
def test_what_comes_from_elsewhere_is_masqueraded(source: LocalSource, match: str) -> None:
    rules = table_of(rules_of(a_port(ONE), local_source=source)).chains["masquerading"]
    assert rules[0] == f"{match} ct original ip daddr @cluster-ips masquerade fully-random"


def test_without_a_way_to_tell_pods_nothing_to_cluster_addresses_is_masqueraded() -> None:
    rules = table_of(rules_of(a_port(ONE), local_source=None)).chains["masquerading"]
    assert not any("@cluster-ips masquerade" in rule for rule in rules)
    everything = replace(
        rules_of(a_port(ONE), local_source=None), config=RulesConfig(masquerade_all=True)
    )
    first = table_of(everything).chains["masquerading"][0]
    assert first == "ct original ip daddr @cluster-ips masquerade fully-random"


def test_a_family_that_is_not_served_has_no_table() -> None:
    held = loaded(encode(rules_of(a_port(ONE))), {"ip6": Table()})
    assert set(held) == {"ip"}
    assert loaded(encode_removal(), held) == {}
    assert loaded(encode_removal(), {}) == {}


def test_one_endpoint_more_changes_a_handful_of_elements() -> None:
    before, after = rules_of(a_port(ONE, TWO)), rules_of(a_port(ONE, TWO, THREE))
    assert encode_delta(before, after).splitlines() == [
        "delete element ip waypost services-tcp { 10.96.0.10 . 80 }",
        "add element ip waypost endpoints-tcp { 10.96.0.10 . 80 . 2 : 10.244.0.3 . 8080 }",
        "add element ip waypost services-tcp { 10.96.0.10 . 80 : goto pick-tcp-3 }",
    ]


RANGES = ("10.96.0.0/12", "10.112.0.0/16", "fd00:10:96::/112")
REFUSE = "ip daddr @cluster-ips goto reject-all"
CHECK = "cluster-ips-check"


def with_ranges(rules: NodeRules, *ranges: str) -> NodeRules:
    return replace(rules, service_cidrs=ranges)


def test_what_is_sent_to_an_address_that_no_service_has_is_dropped_after_refusals() -> None:
    chains = table_of(with_ranges(rules_of(a_port(ONE)), *RANGES)).chains
    assert chains[CHECK] == [REFUSE, "ip daddr { 10.96.0.0/12, 10.112.0.0/16 } drop"]
    for hook in ("forward", "output"):
        assert chains[f"filter-{hook}"] == [
            f"type filter hook {hook} priority 0; policy accept;",
            f"ct state new jump {CHECK}",
        ]


def test_each_family_drops_what_is_sent_to_its_own_ranges() -> None:
    tables = loaded(encode(with_ranges(rules_of(family=IPFamily.IPV6), *RANGES)), {})
    assert tables["ip6"].chains[CHECK] == [
        "ip6 daddr @cluster-ips goto reject-all",
        "ip6 daddr { fd00:10:96::/112 } drop",
    ]


def test_without_ranges_nothing_is_dropped() -> None:
    assert table_of(rules_of(a_port(ONE))).chains[CHECK] == [REFUSE]


def test_a_range_that_holds_an_address_of_the_node_is_left_out() -> None:
    rules = with_ranges(rules_of(a_port(ONE), addresses=("10.96.7.1",)), *RANGES)
    assert table_of(rules).chains[CHECK] == [REFUSE, "ip daddr { 10.112.0.0/16 } drop"]


def test_ranges_that_change_cost_one_chain() -> None:
    before, after = rules_of(a_port(ONE)), with_ranges(rules_of(a_port(ONE)), *RANGES)
    assert encode_delta(before, after).splitlines() == [
        f"add chain ip waypost {CHECK}",
        f"flush chain ip waypost {CHECK}",
        f"add rule ip waypost {CHECK} {REFUSE}",
        f"add rule ip waypost {CHECK} ip daddr {{ 10.96.0.0/12, 10.112.0.0/16 }} drop",
    ]
    # A range of the other family is nothing to this one.
    more = with_ranges(before, *RANGES, "fd00:10:97::/112")
    assert encode_delta(after, more) == ""


def test_a_change_of_the_node_replaces_everything() -> None:
    before, after = rules_of(a_port(ONE)), rules_of(a_port(ONE), local_source=None)
    assert encode_delta(before, after) == encode(after)


def test_equal_rules_make_no_change_be_they_made_anew() -> None:
    assert encode_delta(rules_of(a_port(ONE, TWO)), rules_of(a_port(ONE, TWO))) == ""
    changed = list(
        service_changes(
            rules_of(a_port(ONE, service="a"), a_port(ONE, service="b")).services,
            rules_of(a_port(ONE, service="a"), a_port(TWO, service="b")).services,
        )
    )
    assert [after.service for _, after in changed if after is not None] == [key("b")]


def test_services_that_are_the_same_object_are_passed_over() -> None:
    one = rules_of(a_port(ONE), a_port(TWO, service="db", cluster_ip="10.96.0.11"))
    gone = service_changes(one.services, one.services[:1])
    assert list(gone) == [(one.services[1], None)]
    assert list(service_changes(one.services[1:], one.services)) == [(None, one.services[0])]
    assert encode_changes([], IPFamily) == ""


def test_the_model_refuses_what_a_kernel_refuses() -> None:
    tables = loaded(encode(rules_of(a_port(ONE))), {})
    services = "element ip waypost services-tcp"
    for text in (
        f"add {services} {{ 10.96.0.10 . 80 : drop }}",
        f"add {services} {{ 10.96.0.10 . 81 : goto nowhere }}",
        f"delete {services} {{ 10.96.0.99 . 80 }}",
        "add element ip waypost source-ranges-tcp { a . 80 . 10.0.0.0/8, a . 80 . 10.0.0.0/9 }",
        "table ip waypost {\n  set cluster-ips { typeof ip saddr; }\n}",
    ):
        with pytest.raises(RefusedText):
            loaded(text, tables)


@pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
def test_every_published_case_has_a_loadable_text(vector: Vector) -> None:
    rules = node_rules(vector.snapshot(), vector.node(), vector.config())
    tables = loaded(encode(rules), {})
    assert {f"ip{'' if f.family is IPFamily.IPV4 else '6'}" for f in rules.families} == set(tables)


def history_of(changes: list[Change]) -> list[Snapshot]:
    snapshots = [load([], revision=Revision(0))]
    for change in changes:
        snapshots.append(snapshots[-1].apply([change]))
    return snapshots


def at(snapshot: Snapshot, config: RulesConfig) -> NodeRules:
    node = snapshot.nodes.get(NamespacedName("", "n1"), NODE)
    return node_rules(snapshot, node, config)


def alike(tables: Tables) -> dict[str, object]:
    """What packets can tell of tables: unreachable chains do not count."""
    return {family: (table.sets, table.reachable()) for family, table in tables.items()}


@given(rule_histories(max_size=8), configs)
@settings(deadline=None)
def test_changes_lead_where_the_whole_would(changes: list[Change], config: RulesConfig) -> None:
    current = at(load([], revision=Revision(0)), config)
    tables = loaded(encode(current), {})
    for snapshot in history_of(changes):
        desired = at(snapshot, config)
        tables = loaded(encode_delta(current, desired), tables)
        current = desired
        assert alike(tables) == alike(loaded(encode(desired), {}))


@given(rule_histories(max_size=6), rule_histories(max_size=6), configs)
@settings(deadline=None)
def test_the_whole_replaces_whatever_was_there(
    some: list[Change], others: list[Change], config: RulesConfig
) -> None:
    before, after = at(history_of(some)[-1], config), at(history_of(others)[-1], config)
    assert alike(loaded(encode(after), loaded(encode(before), {}))) == alike(
        loaded(encode(after), {})
    )


@given(rule_histories(max_size=6), configs)
@settings(deadline=None)
def test_equal_rules_give_equal_bytes_and_no_change(
    changes: list[Change], config: RulesConfig
) -> None:
    snapshot = history_of(changes)[-1]
    assert encode(at(snapshot, config)) == encode(at(snapshot, config))
    assert encode_delta(at(snapshot, config), at(snapshot, config)) == ""


@given(destinations)
def test_slots_are_bounded_and_hold_exactly_the_live(chosen: tuple[Destination, ...]) -> None:
    live = [each for each in chosen if each[2]]
    placed = slots(chosen)
    assert set(placed) == set(live)
    assert len(placed) <= bound(live) + len(live)


@given(destinations)
def test_slots_are_shared_by_weight(chosen: tuple[Destination, ...]) -> None:
    counts, total = Counter(slots(chosen)), sum(weight for _, _, weight in chosen)
    scale = min(1.0, bound(list(counts)) / total) if total else 1.0
    if counts and sum(counts.values()) < total * scale - len(counts):
        scale = sum(counts.values()) / total  # a common divisor
    for (_, _, weight), count in counts.items():
        assert abs(count - weight * scale) <= 1


def bound(live: list[Destination]) -> int:
    return max(SLOTS_MAX, SLOTS_PER_DESTINATION_MAX * len(live))


@pytest.mark.parametrize(
    ("weights", "counts"),
    [
        ((65_535, 1), (255, 1)),  # nobody who weighs anything is left out
        ((1_000, 1_000, 999), (86, 85, 85)),  # the largest remainder gets what is left
        ((512, 256, 0), (2, 1, 0)),
    ],
)
def test_weights_that_are_too_much_are_scaled_down(
    weights: tuple[int, ...], counts: tuple[int, ...]
) -> None:
    weighed = [
        each._replace(weight=weight)
        for each, weight in zip((ONE, TWO, THREE), weights, strict=False)
    ]
    placed = Counter(slots(weighed))
    assert tuple(placed[each] for each in weighed) == counts


def test_small_weights_are_kept_exactly() -> None:
    weighed = tuple(
        each._replace(weight=weight)
        for each, weight in zip((ONE, TWO, THREE), (10, 30, 5), strict=True)
    )
    assert Counter(slots(weighed)) == {weighed[0]: 2, weighed[1]: 6, weighed[2]: 1}


def test_endpoints_whose_identifiers_would_coincide_get_different_ones() -> None:
    alike = (a_destination("10.244.71.172", 53), a_destination("10.244.83.166", 8080))
    alone = {endpoint_ids([one], is_local=False)[one] for one in alike}
    assert len(alone) == 1
    assert len(set(endpoint_ids(alike, is_local=False).values())) == 2


def test_clients_of_ipv6_are_remembered_by_hashes() -> None:
    port = a_port(
        a_destination("fd00::1", 8080),
        family=IPFamily.IPV6,
        cluster_ip="fd00:10:96::a",
        affinity_timeout_s=60,
    )
    table = loaded(encode(rules_of(port, family=IPFamily.IPV6)), {})["ip6"]
    update = next(rule for rule in table.chains["keep-tcp-1-60s"] if rule.startswith("update"))
    assert update.count("jhash") == 2


@given(destinations)
def test_endpoint_identifiers_are_unique_and_tell_local_ones_apart(
    chosen: tuple[Destination, ...],
) -> None:
    for is_local in (False, True):
        ids = endpoint_ids(chosen, is_local=is_local)
        assert len(set(ids.values())) == len(chosen)
        assert {int(id_.rpartition(":")[2], 16) % 2 for id_ in ids.values()} <= {int(is_local)}
