"""The IPVS vectors: state in wire form, and the expected rules of a node."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.names import ZONE_LABEL, Revision
from app.domain.objects.node import Node, NodeAddress
from app.domain.snapshot import Snapshot, load
from app.schemas.objects.codec import decode_object
from tests.builders import a_meta

VECTORS = Path(__file__).parent / "vectors" / "ipvs.json"

STRICT_CLUSTER_ADDRESSES: Mapping[str, tuple[str, ...]] = {
    "policy-both-local-all-remote": ("10.96.0.1",),
    "policy-both-local-all-remote-terminating": ("10.96.0.1",),
}
"""Cluster addresses that get no real servers here.

Their internal policy is Local and the node has no endpoint.  kube-proxy's IPVS mode falls back
to endpoints elsewhere if the Service also has an external address; the policy promises that
traffic does not leave the node, and the other modes of kube-proxy keep that promise.
"""

OPEN_HEALTH_CHECKS: Mapping[str, str] = {"service-map-mixed-types-no-node-ip": "345"}
"""Health-check node ports that are accepted here.

kube-proxy omits them when no node address matches, though its health server listens:
an early ``continue`` that is meant for the node port skips them too.
"""


@dataclass(frozen=True, slots=True)
class Vector:
    """One case; ``document`` is its JSON."""

    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, which describes it."""
        return self.document["name"]

    @property
    def expect(self) -> Mapping[str, Any]:
        """The rules that upstream, or a model of it, makes from the state."""
        return self.document["expect"]

    @property
    def virtual_servers(self) -> list[Mapping[str, Any]]:
        """The expected virtual servers, with strict Local policies of cluster addresses."""
        strict = STRICT_CLUSTER_ADDRESSES.get(self.name, ())
        return [
            {**server, "real_servers": []} if server["address"] in strict else server
            for server in self.expect["virtual_servers"]
        ]

    @property
    def ipsets(self) -> Mapping[str, list[str]]:
        """The expected sets that are not empty, with every health-check node port."""
        port = OPEN_HEALTH_CHECKS.get(self.name)
        added = {"KUBE-HEALTH-CHECK-NODE-PORT": [port]} if port else {}
        return {**self.expect["ipsets"], **added}

    @property
    def objects(self) -> list[Mapping[str, Any]]:
        """The Services and slices in wire form."""
        return [*self.document["services"], *self.document["endpointslices"]]

    def snapshot(self) -> Snapshot:
        """The state as domain objects."""
        return load(
            [decode_object(document).object for document in self.objects], revision=Revision(1)
        )

    def node(self) -> Node:
        """The node; its primary address of a family is the first one registered."""
        node = self.document["node"]
        primary = list(node.get("primaryIPs", {}).values())
        ips = primary + [ip for ip in node["ips"] if ip not in primary]
        labels = {ZONE_LABEL: node["zone"]} if node["zone"] else {}
        return Node(
            metadata=a_meta(node["name"], "", labels=labels),
            addresses=tuple(NodeAddress(type="InternalIP", address=ip) for ip in ips),
        )

    def config(self) -> RulesConfig:
        """The operator's configuration."""
        config = self.document["config"]
        cidrs = config["clusterCIDR"]
        return RulesConfig(
            scheduler=config["scheduler"],
            masquerade_all=config["masqueradeAll"],
            cluster_cidrs=tuple(cidrs.split(",")) if cidrs else (),
            node_port_addresses=tuple(config["nodePortAddresses"]),
            ip_families=tuple(IPFamily(family) for family in config["ipFamilies"]),
        )


def load_vectors() -> list[Vector]:
    """Read every case of the file."""
    return [Vector(document) for document in json.loads(VECTORS.read_text())]
