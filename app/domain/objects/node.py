"""A Node: a machine that runs Pods and has kernel rules.

Values only.  Source: spec kubernetes-api 3.7, spec ipvs 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.names import ZONE_LABEL
from app.domain.objects.meta import NOTHING, Condition, is_condition_true
from app.domain.objects.resource import METADATA_NAME, Field, Object, Resource, truth

IP_ADDRESS_TYPES = ("InternalIP", "ExternalIP")
"""Types of addresses that rules use; the vocabulary of types is open."""

TO_BE_DELETED_TAINT = "ToBeDeletedByClusterAutoscaler"
CONTROL_PLANE_LABELS = (
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAddress:
    """One address as reported; the type may be unknown, and the address may not be an IP."""

    type: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """A taint, which keeps Pods away; ``effect`` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    value: str = ""
    effect: str
    added_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Object):
    """One Node; resource quantities stay in Kubernetes' own notation (``4``, ``3920m``)."""

    pod_cidrs: tuple[str, ...] = ()
    provider_id: str = ""
    is_unschedulable: bool = False
    taints: tuple[Taint, ...] = ()
    addresses: tuple[NodeAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    capacity: Mapping[str, str] = field(default_factory=lambda: NOTHING)

    @property
    def zone(self) -> str:
        """Its failure domain; empty when unknown."""
        return self.metadata.labels.get(ZONE_LABEL, "")

    @property
    def is_ready(self) -> bool:
        """Whether its Ready condition is True."""
        return is_condition_true(self.conditions, "Ready")

    @property
    def is_eligible(self) -> bool:
        """Whether load balancers may send it traffic: it is not being removed."""
        is_leaving = any(taint.key == TO_BE_DELETED_TAINT for taint in self.taints)
        return not is_leaving and not self.metadata.is_terminating

    @property
    def ips(self) -> tuple[str, ...]:
        """Its internal and external addresses, in the given order and spelling."""
        return tuple(entry.address for entry in self.addresses if entry.type in IP_ADDRESS_TYPES)


NODE = Resource(
    name="Node",
    plural="nodes",
    api_version="v1",
    type=Node,
    is_namespaced=False,
    short_names=("no",),
    status_fields=("addresses", "conditions", "allocatable", "capacity"),
    subresources=("status",),
    fields={
        **METADATA_NAME,
        "spec.unschedulable": Field[Node](values=lambda node: truth(value=node.is_unschedulable)),
    },
)
