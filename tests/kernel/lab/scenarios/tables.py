"""What loading does to what a kernel holds already."""

import json
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.script import Part, encode_part
from app.domain.dataplane.ipvs.state import ipvs_rules
from app.domain.dataplane.nftables.state import (
    Table,
    encode_difference,
    encode_whole,
    parse_listing,
    tables_of,
)
from app.domain.dataplane.nftables.table import CHECK, KEPT_SETS
from app.domain.dataplane.nftables.text import encode, encode_delta, encode_removal
from app.domain.dataplane.rules.model import NodeRules
from app.domain.dataplane.rules.node_rules import node_rules
from tests.kernel.lab.lab import RANGES, SERVICE_PORT, Lab, LabService
from tests.kernel.lab.namespaces import run
from tests.kernel.lab.network import CLIENT_ALIASES, OUTSIDE
from tests.kernel.lab.scenarios.expectations import pods_reached
from tests.kernel.lab.scenarios.registry import scenario
from tests.kernel.lab.traffic import call, connect
from tests.rules_vectors import load_vectors

WEB: Final = LabService(pods={"a1": 1, "a2": 1, "b1": 1})
STAGES: Final = (
    (),
    (WEB,),
    (replace(WEB, pods={"a1": 1, "b1": 3}, node_port=30080),),
    (replace(WEB, pods={}, external_ips=("198.51.100.10",), external_policy="Local"),),
    (
        replace(WEB, affinity_timeout_s=60, node_port=30080, external_policy="Local"),
        LabService(
            name="db",
            ip="10.96.0.11",
            ip6="fd00:10:96::11",
            pods={"b1": 1},
            load_balancer_ips=("198.51.100.11", "2001:db8:1::11"),
            source_ranges=("10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"),
        ),
    ),
    (
        replace(WEB, affinity_timeout_s=90, pods={"a2": 0, "b1": 2}, internal_policy="Local"),
        LabService(
            name="db",
            ip="10.96.0.11",
            ip6="fd00:10:96::11",
            pods={"b1": 1, "a1": 1},
            load_balancer_ips=("198.51.100.11",),
            source_ranges=("10.1.0.0/16", "192.0.2.7/32"),
        ),
    ),
    (),
)
RANGES_OF_STAGES: Final[tuple[tuple[str, ...], ...]] = (
    (),
    RANGES,
    ("10.96.0.0/12", "fd00:10:96::/112"),
    ("10.96.0.0/24", "10.96.1.0/25", "10.112.0.0/16", "fd00:10:96::/112", "fd00:10:97::/112"),
    ("10.96.0.0/24",),
    (),
    RANGES,
)
SPARE = "client2"
"""A namespace whose own traffic no scenario here needs."""


@scenario("nftables")
def changes_leave_in_the_kernel_what_loading_afresh_leaves(lab: Lab) -> None:
    for stage, ranges in zip(STAGES, RANGES_OF_STAGES, strict=True):
        lab.apply(*stage, ranges=ranges)
        for node, rules in lab.rules(*stage, ranges=ranges).items():
            assert _held(node) == _held_afresh(rules), (node, stage, ranges)
            _assert_listed(node, rules)


@scenario("ipvs")
def the_script_for_hands_edits_what_is_there(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={"a1": 1}))
    with closing(connect("client2", WEB.ip, SERVICE_PORT)) as open_connection:
        for pods in ({"a1": 1}, {"a1": 1, "b1": 1}):
            for node, rules in lab.rules(replace(WEB, pods=pods)).items():
                script = encode_part(ipvs_rules(rules), Part.SCRIPT)
                run("sh", text=script, namespace=node)
            assert pods_reached("client2", WEB.ip) == set(pods)
            assert open_connection.echoes("still here")


@scenario("nftables")
def every_published_case_loads_over_the_one_before(_lab: Lab) -> None:
    current: NodeRules | None = None
    for vector in load_vectors():
        desired = node_rules(vector.snapshot(), vector.node(), vector.config())
        for text in (encode(desired), "" if current is None else encode_delta(desired, current)):
            run("nft", "-f", "-", text=text, namespace=SPARE)
        if current is not None:
            run("nft", "-f", "-", text=encode_delta(current, desired), namespace=SPARE)
        current = desired
    run("nft", "-f", "-", text=encode_removal(), namespace=SPARE)


@scenario("nftables")
def a_table_from_before_packets_were_checked_in_forward_is_led_on(lab: Lab) -> None:
    (rules, *_) = lab.rules(WEB).values()
    tables = tables_of(rules)
    earlier = {
        family: Table(
            table.sets,
            {
                name: chain
                for name, chain in table.chains.items()
                if name not in (CHECK, "filter-forward", "filter-output")
            },
        )
        for family, table in tables.items()
    }
    for text in (encode_whole(earlier), encode_difference(earlier, tables)):
        run("nft", "-f", "-", text=text, namespace=SPARE)
    assert _held(SPARE) == _held_afresh(rules)
    run("nft", "-f", "-", text=encode_removal(), namespace=SPARE)


@scenario("nftables")
def tables_of_others_stay_as_they_are(lab: Lab) -> None:
    theirs = "table ip theirs { set s { type ipv4_addr; elements = { 192.0.2.1 } }; }\n"
    run("nft", "-f", "-", text=theirs, namespace="node1")
    before = run("nft", "list", "ruleset", namespace="node1")
    lab.apply(WEB)
    lab.apply(replace(WEB, pods={"a1": 1}))
    assert before.strip() in run("nft", "list", "ruleset", namespace="node1")
    lab.clear()
    assert run("nft", "list", "ruleset", namespace="node1") == before
    run("nft", "delete", "table", "ip", "theirs", namespace="node1")


@scenario("nftables")
def loading_everything_again_disturbs_neither_connections_nor_affinity(lab: Lab) -> None:
    web = replace(WEB, affinity_timeout_s=600)
    lab.apply(web)
    before = _answers(web.ip)
    with closing(connect("client1", web.ip, SERVICE_PORT)) as open_connection:
        for node, rules in lab.rules(web).items():
            run("nft", "-f", "-", text=encode(rules), namespace=node)
        assert open_connection.echoes("still here")
    assert _answers(web.ip) == before


def _answers(address: str) -> dict[str, str]:
    return {
        alias: call("client1", address, SERVICE_PORT, source=alias).pod for alias in CLIENT_ALIASES
    }


def _assert_listed(node: str, rules: NodeRules) -> None:
    """What a kernel lists can be compared with what it was told."""
    for family, table in tables_of(rules).items():
        word = "ip" if family is IPFamily.IPV4 else "ip6"
        text = run("nft", "-j", "list", "table", word, "waypost", namespace=node)
        wanted = {name: held for name, held in table.sets.items() if name not in KEPT_SETS}
        assert parse_listing(text) == wanted, (node, family)


def _held_afresh(rules: NodeRules) -> object:
    run("nft", "-f", "-", text=encode_removal() + encode(rules), namespace=OUTSIDE.name)
    held = _held(OUTSIDE.name)
    run("nft", "-f", "-", text=encode_removal(), namespace=OUTSIDE.name)
    return held


def _held(namespace: str) -> object:
    """Read back what a kernel holds of ours, but for order, handles and chains nobody goes to."""
    listed: list[dict[str, dict[str, Any]]] = []
    for family in ("ip", "ip6"):
        text = run("nft", "-j", "list", "table", family, "waypost", namespace=namespace)
        listed += json.loads(text)["nftables"]
    sets: dict[str, list[str]] = {}
    rules: dict[str, list[str]] = {}
    for entry in listed:
        for kind, value in entry.items():
            if kind in ("set", "map"):
                elements = sorted(json.dumps(element) for element in value.get("elem", ()))
                sets[f"{value['family']} {value['name']}"] = elements
            elif kind == "rule":
                place = f"{value['family']} {value['chain']}"
                rules.setdefault(place, []).append(json.dumps(value["expr"]))
    spoken_of = json.dumps([sets, [rules[place] for place in rules if not _is_pick(place)]])
    used = {p: r for p, r in rules.items() if not _is_pick(p) or p.split()[1] in spoken_of}
    return sets, used


def _is_pick(place: str) -> bool:
    return "pick-" in place or "keep-" in place
