"""A Node: a machine that runs Pods and is told rules.

Values only.  Source: spec kubernetes-api 3.7, spec ipvs 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.objects.meta import NOTHING, Condition, ObjectMeta, is_condition_true

ZONE_LABEL = "topology.kubernetes.io/zone"
IP_ADDRESS_TYPES = ("InternalIP", "ExternalIP")
"""Types of addresses that rules use; the vocabulary of types is open."""

CONTROL_PLANE_LABELS = (
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAddress:
    """One address as reported; neither need be a word or an address that is known here."""

    type: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One Node; resource quantities stay in Kubernetes' own notation (``4``, ``3920m``)."""

    metadata: ObjectMeta
    pod_cidrs: tuple[str, ...] = ()
    provider_id: str = ""
    is_unschedulable: bool = False
    addresses: tuple[NodeAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    capacity: Mapping[str, str] = field(default_factory=lambda: NOTHING)

    @property
    def zone(self) -> str:
        """The failure domain it stands in; empty when unknown."""
        return self.metadata.labels.get(ZONE_LABEL, "")

    @property
    def is_ready(self) -> bool:
        """Whether its Ready condition is True."""
        return is_condition_true(self.conditions, "Ready")

    @property
    def ips(self) -> tuple[str, ...]:
        """Its internal and external addresses, in the order given and as they are spelt."""
        return tuple(entry.address for entry in self.addresses if entry.type in IP_ADDRESS_TYPES)
