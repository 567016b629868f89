"""The wire shape of a Node.

    NodeWrite -> Node (domain) -> dict

Source: spec kubernetes-api 3.7, spec ipvs 0.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.objects import node as domain
from app.domain.objects.meta import format_time
from app.schemas.base import Input, Time
from app.schemas.objects.metadata import (
    Condition,
    decode_conditions,
    decode_meta,
    encode_conditions,
)
from app.schemas.objects.wire import Linked, Manifest, Wire, read_model

Quantities = Annotated[
    dict[str, str | int | float | None],
    Field(
        description="Amounts in Kubernetes' notation.",
        examples=[{"cpu": "3920m", "memory": "8Gi"}],
    ),
]


class Taint(Input):
    """A taint, which keeps Pods away from a Node."""

    key: str | None = Field(default=None, examples=["ToBeDeletedByClusterAutoscaler"])
    value: str | None = None
    effect: str | None = Field(
        default=None, description="NoSchedule, PreferNoSchedule or NoExecute."
    )
    time_added: Time | None = None
    documented_required: ClassVar = ("key", "effect")


class NodeSpec(Input):
    """The desired state of a Node."""

    pod_cidr: str | None = Field(default=None, examples=["10.244.1.0/24"])
    pod_cidrs: list[str] | None = Field(default=None, description="One prefix a family.")
    provider_id: str | None = None
    unschedulable: bool | None = None
    taints: list[Taint] | None = Field(
        default=None,
        description="Stored as given; `ToBeDeletedByClusterAutoscaler` makes the `/healthz` of "
        "the node's agent fail, so that load balancers stop using the node.",
    )


class NodeAddress(Input):
    """One address of a Node."""

    type: str | None = Field(
        default=None,
        description="InternalIP and ExternalIP are used by rules; any other type is kept.",
        examples=["InternalIP"],
    )
    address: str | None = Field(default=None, examples=["192.0.2.1"])
    documented_required: ClassVar = ("type", "address")


class NodeStatus(Input):
    """The reported state of a Node."""

    addresses: list[NodeAddress] | None = None
    conditions: list[Condition] | None = None
    capacity: Quantities | None = None
    allocatable: Quantities | None = None


class NodeWrite(Manifest):
    """A Node manifest."""

    spec: NodeSpec | None = None
    status: NodeStatus | None = None
    of_kind: ClassVar = "Node"


def decode_node(wire: NodeWrite) -> domain.Node:
    """Decode a Node."""
    spec, status = wire.spec or NodeSpec(), wire.status or NodeStatus()
    return domain.Node(
        metadata=decode_meta(wire.metadata),
        pod_cidrs=_decode_pod_cidrs(spec),
        provider_id=spec.provider_id or "",
        is_unschedulable=spec.unschedulable or False,
        taints=tuple(_decode_taint(taint) for taint in spec.taints or ()),
        addresses=tuple(
            domain.NodeAddress(type=entry.type or "", address=entry.address or "")
            for entry in status.addresses or ()
        ),
        conditions=decode_conditions(status.conditions),
        allocatable=_decode_quantities(status.allocatable),
        capacity=_decode_quantities(status.capacity),
    )


def _decode_pod_cidrs(spec: NodeSpec) -> tuple[str, ...]:
    cidrs = tuple(spec.pod_cidrs or ())
    if spec.pod_cidr and spec.pod_cidr not in cidrs[:1]:
        return (spec.pod_cidr,)  # as in Kubernetes, the singular field wins when they disagree
    return cidrs


def _decode_quantities(wire: dict[str, str | int | float | None] | None) -> dict[str, str]:
    # Like Kubernetes, accepts numbers and null besides the notation of quantities.
    listed = wire.items() if wire else ()
    return {name: "0" if amount is None else str(amount) for name, amount in listed}


def _decode_taint(wire: Taint) -> domain.Taint:
    return domain.Taint(
        key=wire.key or "",
        value=wire.value or "",
        effect=wire.effect or "",
        added_at=wire.time_added,
    )


def encode_node(node: domain.Node) -> dict[str, object]:
    """Encode the spec and status of a Node; its addresses and conditions are always lists."""
    spec: dict[str, object] = {}
    if node.pod_cidrs:
        spec["podCIDR"] = node.pod_cidrs[0]
        spec["podCIDRs"] = list(node.pod_cidrs)
    if node.provider_id:
        spec["providerID"] = node.provider_id
    if node.is_unschedulable:
        spec["unschedulable"] = True
    if node.taints:
        spec["taints"] = [_encode_taint(taint) for taint in node.taints]
    status: dict[str, object] = {
        "addresses": [{"type": entry.type, "address": entry.address} for entry in node.addresses],
        "conditions": encode_conditions(node.conditions),
    }
    if node.capacity:
        status["capacity"] = dict(node.capacity)
    if node.allocatable:
        status["allocatable"] = dict(node.allocatable)
    return {"spec": spec, "status": status}


def _encode_taint(taint: domain.Taint) -> dict[str, object]:
    wire: dict[str, object] = {"key": taint.key, "effect": taint.effect}
    if taint.value:
        wire["value"] = taint.value
    if taint.added_at is not None:
        wire["timeAdded"] = format_time(taint.added_at)
    return wire


WIRE = Wire(
    resource=domain.NODE,
    write=NodeWrite,
    read=read_model(domain.NODE, "A registered Node.", spec=NodeSpec, status=NodeStatus),
    decode=decode_node,
    encode=encode_node,
    linked=Linked("spec", "podCIDR", "podCIDRs"),
)
