"""Metrics of the registered state: leases, rules of nodes, and how full the ranges are.

view, leases, rules, node ports -> families, read when asked
"""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.objects.node import NODE
from app.domain.objects.pod import POD
from app.domain.registration.service.allocator import address_bands
from app.domain.registration.service.strategy import ranges_of
from app.domain.snapshot import Snapshot
from app.registry.leases.lease_tracker import LeaseTracker
from app.registry.node_rules import NodeRulesReader
from app.registry.reads.view import View

_LEASED = (POD.name, NODE.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryCollector(Collector):
    """What this process knows of the state, and does for it."""

    view: View
    leases: LeaseTracker
    rules: NodeRulesReader
    node_ports: range

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        snapshot = self.view.snapshot
        yield from self._allocated(snapshot)
        yield from self._leases()
        yield from self._rules(snapshot)

    def _allocated(self, snapshot: Snapshot) -> Iterator[Metric]:
        size = GaugeMetricFamily(
            "waypost_service_addresses", "Addresses of a range of ClusterIPs.", labels=["cidr"]
        )
        allocated = GaugeMetricFamily(
            "waypost_service_addresses_allocated",
            "Addresses of a range that Services hold.",
            labels=["cidr"],
        )
        for served in ranges_of(snapshot):
            prefix = served.prefix
            held = snapshot.held_addresses[served.family]
            first, last = int(prefix.network_address), int(prefix.broadcast_address)
            size.add_metric([str(prefix)], address_bands(prefix).usable)
            allocated.add_metric([str(prefix)], held.count(first, last))
        yield size
        yield allocated
        ports = self.node_ports
        yield GaugeMetricFamily(
            "waypost_node_ports", "Node ports that there are.", value=len(ports)
        )
        yield GaugeMetricFamily(
            "waypost_node_ports_allocated",
            "Node ports that Services hold.",
            value=snapshot.held_ports.count(ports[0], ports[-1]) if ports else 0,
        )

    def _leases(self) -> Iterator[Metric]:
        tracked = self.leases.tracked
        leases = GaugeMetricFamily(
            "waypost_leases", "Leases that heartbeats renew, by kind.", labels=["kind"]
        )
        renewals = CounterMetricFamily(
            "waypost_lease_renewals", "Heartbeats received, by kind.", labels=["kind"]
        )
        for kind in _LEASED:
            leases.add_metric([kind], tracked[kind])
            renewals.add_metric([kind], self.leases.renewals[kind])
        yield leases
        yield renewals

    def _rules(self, snapshot: Snapshot) -> Iterator[Metric]:
        yield self.rules.timings.family(
            "waypost_rule_computation_duration_seconds",
            "Seconds of computing rules: ahead for all nodes, the whole or the changes of one.",
            "computation",
        )
        revision = GaugeMetricFamily(
            "waypost_node_revision",
            "The revision whose rules a node has, as it said when it last asked this server.",
            labels=["node"],
        )
        asked = GaugeMetricFamily(
            "waypost_node_asked_timestamp_seconds",
            "When a node was last heard asking for changes, in seconds since 1970.",
            labels=["node"],
        )
        for node, position in self.rules.positions.of(snapshot):
            revision.add_metric([node], position.revision)
            asked.add_metric([node], position.asked_at_s)
        yield revision
        yield asked
