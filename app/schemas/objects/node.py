"""The wire shape of a Node.

    Node <-> Node (domain)

Source: spec kubernetes-api 3.7, spec ipvs 0.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.objects import node as domain
from app.schemas.base import Input, Time, text_map
from app.schemas.objects.metadata import Condition
from app.schemas.objects.shapes import first_of, led_by, shape_of
from app.schemas.objects.wire import Linked, Manifest, Wire

Quantities = Annotated[
    dict[str, str | int | float | None],
    text_map(
        "Quantities",
        "Amounts in Kubernetes' notation, by resource; a number is accepted, too.",
    ),
]


@shape_of(domain.Taint, time_added="added_at")
class Taint(Input):
    """A taint, which keeps Pods away from a Node."""

    key: str | None = Field(
        default=None,
        description="The key of the taint.",
        examples=["ToBeDeletedByClusterAutoscaler"],
    )
    effect: str | None = Field(
        default=None, description="NoSchedule, PreferNoSchedule or NoExecute."
    )
    value: str | None = Field(default=None, description="The value of the taint.")
    time_added: Time | None = Field(default=None, description="When the taint was added.")
    documented_required: ClassVar = ("key", "effect")


@shape_of(domain.Node, take={"pod_cidr": first_of("pod_cidrs")}, unschedulable="is_unschedulable")
class NodeSpec(Input):
    """The desired state of a Node."""

    pod_cidr: str | None = Field(
        default=None, description="The first of `podCIDRs`.", examples=["10.244.1.0/24"]
    )
    pod_cidrs: list[str] | None = Field(default=None, description="One range of each IP family.")
    provider_id: str | None = Field(
        default=None, description="The name of the machine at its provider; stored as given."
    )
    unschedulable: bool | None = Field(
        default=None, description="Stored as given; nothing is scheduled here."
    )
    taints: list[Taint] | None = Field(
        default=None,
        description="Stored as given; `ToBeDeletedByClusterAutoscaler` makes the `/healthz` of "
        "the node's agent fail, so that load balancers stop using the node.",
    )


@shape_of(domain.NodeAddress)
class NodeAddress(Input):
    """One address of a Node."""

    type: str | None = Field(
        default=None,
        description="InternalIP and ExternalIP are used by rules; any other type is kept.",
        examples=["InternalIP"],
    )
    address: str | None = Field(
        default=None, description="The address, or the name.", examples=["192.0.2.1"]
    )
    documented_required: ClassVar = ("type", "address")


@shape_of(domain.Node, always=("addresses", "conditions"))
class NodeStatus(Input):
    """The reported state of a Node."""

    addresses: list[NodeAddress] | None = Field(
        default=None, description="Addresses and names of the Node."
    )
    conditions: list[Condition] | None = Field(
        default=None, description="Conditions, `Ready` among them."
    )
    capacity: Quantities | None = Field(
        default=None, description="What the machine has; stored as given."
    )
    allocatable: Quantities | None = Field(
        default=None, description="What Pods may use; stored as given."
    )


@shape_of(domain.Node, derived={"pod_cidrs": led_by("pod_cidr", "pod_cidrs")})
class Node(Manifest):
    """A machine with kernel rules of its own."""

    spec: NodeSpec | None = None
    status: NodeStatus | None = None
    of_kind: ClassVar = "Node"
    example: ClassVar = {
        "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "a"}},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    }


WIRE = Wire(
    resource=domain.NODE,
    model=Node,
    linked=Linked("spec", "podCIDR", "podCIDRs"),
)
