"""How long a node's rules take: whole, once more, and after one endpoint changed.

    python -m bench.rules [--services 10000] [--endpoints 10] [--nodes 1000]

Targets: the whole rule set computed and encoded in under 0.5 s, a change to its
delta in under 5 ms and not growing with the number of Services or nodes, 1,000
nodes told of a change in under 1 s.
"""

import argparse
import gc
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.domain.changes import Change
from app.domain.dataplane.delta import IPVSRulesSource
from app.domain.dataplane.ipsets import encode_sets
from app.domain.dataplane.iptables import encode_netfilter
from app.domain.dataplane.ipvs import IPVSRules
from app.domain.dataplane.ipvsadm import encode_servers
from app.domain.dataplane.rules import RulesConfig
from app.domain.dataplane.steps import step_to
from app.domain.names import Revision
from app.domain.objects.endpoint_slice import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
)
from app.domain.objects.kinds import Object
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.service import Service, ServicePort
from app.domain.snapshot import Snapshot, load
from app.schemas.operations_codec import encode_operations
from app.schemas.rules_codec import encode_rules

READY = EndpointConditions(ready=True, serving=True, terminating=False)
SAMPLE = 20  # nodes whose whole rules are timed
CHANGES = 20  # single changes timed


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    services: int
    endpoints: int
    nodes: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--endpoints", type=int, default=10)
    parser.add_argument("--nodes", type=int, default=1_000)
    given = parser.parse_args()
    size = Size(given.services, given.endpoints, given.nodes)
    snapshot = load(objects(size), revision=Revision(1))
    gc.collect()
    gc.freeze()  # what a serving process does with the state it keeps
    source = IPVSRulesSource(RulesConfig())
    print(f"{size.services} Services with {size.endpoints} endpoints each, {size.nodes} nodes")
    whole(source, snapshot, size)
    following(source, snapshot, size)


def whole(source: IPVSRulesSource, snapshot: Snapshot, size: Size) -> None:
    """Time the whole rule set of the first node to ask, and of others."""
    rules = timed("first node, rules", lambda: source.rules(snapshot, a_node(1)))
    text = timed("            as text for the programs", lambda: as_text(rules))
    wire = timed("            as JSON", lambda: encode_rules(rules))
    print(f"{'':40} {len(text):,} and {len(wire):,} characters")
    timed("next node, rules", lambda: source.rules(snapshot, a_node(2)))
    timed("same node again, rules", lambda: source.rules(snapshot, a_node(1)))


def following(source: IPVSRulesSource, snapshot: Snapshot, size: Size) -> None:
    """Time one endpoint's change to the delta of one node, then of every node."""
    nodes = [a_node(number) for number in range(1, size.nodes + 1)]
    for node in nodes[:1]:
        source.rules(snapshot, node)
    singles: list[float] = []
    for number in range(CHANGES):
        after, changes = changed(snapshot, number * 7 % size.services)
        start = perf_counter()
        step = step_to(after, changes, since=snapshot.revision)
        encode_operations(source.delta(step, nodes[0], nodes[0]))
        singles.append(perf_counter() - start)
        snapshot = after
    median, worst = statistics.median(singles), max(singles)
    print(f"{'one endpoint more, one node':40} {median * 1e3:8.2f} ms, at most {worst * 1e3:.2f}")
    start, cpu = perf_counter(), process_time()
    for node in nodes[:SAMPLE]:
        source.rules(snapshot, node)
    took, cpu = (perf_counter() - start) / SAMPLE, (process_time() - cpu) / SAMPLE
    print(f"{'one more node, rules':40} {took * 1e3:8.2f} ms ({cpu * 1e3:.2f} of CPU)")
    after, changes = changed(snapshot, 3)
    start, cpu = perf_counter(), process_time()
    step = step_to(after, changes, since=snapshot.revision)
    size_bytes = sum(len(encode_operations(source.delta(step, node, node))) for node in nodes)
    took, cpu = perf_counter() - start, process_time() - cpu
    print(
        f"{'one endpoint more, every node':40} {took * 1e3:8.2f} ms ({cpu * 1e3:.2f} of CPU), "
        f"{size_bytes // len(nodes)} bytes each"
    )


def timed(name: str, work: Callable[[], object]) -> object:
    """Time something once, by the wall and by the processor."""
    start, cpu = perf_counter(), process_time()
    result = work()
    took, cpu = perf_counter() - start, process_time() - cpu
    print(f"{name:40} {took * 1e3:8.0f} ms ({cpu * 1e3:.0f} of CPU)")
    return result


def as_text(rules: IPVSRules) -> str:
    """Write everything the programs are fed."""
    return "".join(
        (
            encode_servers(rules.virtual_servers),
            encode_sets(rules.ipsets),
            *(encode_netfilter(netfilter) for netfilter in rules.netfilters),
        )
    )


def changed(snapshot: Snapshot, number: int) -> tuple[Snapshot, list[Change]]:
    """Add an endpoint to a Service."""
    (before,) = snapshot.slices_of(a_service(number).metadata.key)
    more = Endpoint(addresses=(f"10.200.{len(before.endpoints)}.{number % 250}",), conditions=READY)
    after = replace(before, endpoints=(*before.endpoints, more))
    change = Change(revision=Revision(snapshot.revision + 1), before=before, after=after)
    return snapshot.apply([change]), [change]


def objects(size: Size) -> Iterator[Object]:
    """Make the Services and their slices."""
    for number in range(size.services):
        yield a_service(number)
        yield EndpointSlice(
            metadata=ObjectMeta(
                name=f"s{number}-a",
                namespace=f"ns{number % 50}",
                labels={SERVICE_NAME_LABEL: f"s{number}"},
            ),
            address_type="IPv4",
            ports=(EndpointPort(port=8080, name="http"),),
            endpoints=tuple(
                Endpoint(
                    addresses=(address(10 << 24 | 128 << 16, number * size.endpoints + place),),
                    conditions=READY,
                    node_name=f"n{(number * 7 + place) % size.nodes}",
                )
                for place in range(size.endpoints)
            ),
        )


def a_service(number: int) -> Service:
    """Make one Service."""
    ip = address(10 << 24 | 96 << 16, number + 1)
    return Service(
        metadata=ObjectMeta(name=f"s{number}", namespace=f"ns{number % 50}"),
        type="ClusterIP",
        ports=(ServicePort(port=80, name="http"),),
        cluster_ip=ip,
        cluster_ips=(ip,),
        ip_families=("IPv4",),
    )


def a_node(number: int) -> Node:
    """Make one node."""
    return Node(
        metadata=ObjectMeta(name=f"n{number}"),
        addresses=(NodeAddress(type="InternalIP", address=address(172 << 24, number)),),
    )


def address(base: int, offset: int) -> str:
    """Write an IPv4 address."""
    return ".".join(str(octet) for octet in (base + offset).to_bytes(4))


if __name__ == "__main__":
    main()
