"""The wire shape of a Namespace.

    NamespaceWrite -> Namespace (domain) -> dict

Source: spec kubernetes-api 5.10.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.objects import namespace as domain
from app.schemas.base import Input, words
from app.schemas.objects.metadata import (
    Condition,
    decode_conditions,
    decode_meta,
    encode_conditions,
)
from app.schemas.objects.wire import Manifest, Wire, read_model


class NamespaceSpec(Input):
    """The finalizers that delay the deletion of a Namespace."""

    finalizers: list[str] | None = Field(
        default=None,
        description="Set on creation, with `kubernetes` added; later only `/finalize` "
        "changes them.",
        examples=[["kubernetes"]],
    )


class NamespaceStatus(Input):
    """Whether a Namespace takes new objects."""

    phase: Annotated[str, words(domain.NamespacePhase)] | None = None
    conditions: list[Condition] | None = None


class NamespaceWrite(Manifest):
    """A Namespace manifest."""

    spec: NamespaceSpec | None = None
    status: NamespaceStatus | None = None
    of_kind: ClassVar = "Namespace"


def decode_namespace(wire: NamespaceWrite) -> domain.Namespace:
    """Decode a Namespace."""
    status = wire.status or NamespaceStatus()
    return domain.Namespace(
        metadata=decode_meta(wire.metadata),
        finalizers=tuple((wire.spec.finalizers if wire.spec else None) or ()),
        phase=status.phase or domain.NamespacePhase.ACTIVE,
        conditions=decode_conditions(status.conditions),
    )


def encode_namespace(namespace: domain.Namespace) -> dict[str, object]:
    """Encode the spec and status of a Namespace."""
    status: dict[str, object] = {"phase": namespace.phase}
    if namespace.conditions:
        status["conditions"] = encode_conditions(namespace.conditions)
    return {
        "spec": {"finalizers": list(namespace.finalizers)} if namespace.finalizers else {},
        "status": status,
    }


WIRE = Wire(
    resource=domain.NAMESPACE,
    write=NamespaceWrite,
    read=read_model(domain.NAMESPACE, "A Namespace.", spec=NamespaceSpec, status=NamespaceStatus),
    decode=decode_namespace,
    encode=encode_namespace,
)
