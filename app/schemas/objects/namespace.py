"""The wire shape of a Namespace.

    NamespaceWrite -> Namespace (domain) -> dict that NamespaceRead describes

Source: spec kubernetes-api 5.10.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.domain.objects import namespace as domain
from app.schemas.base import Input, Output, words
from app.schemas.objects.metadata import (
    Condition,
    ObjectMeta,
    ObjectMetaRead,
    decode_conditions,
    decode_meta,
    encode_conditions,
    encode_meta,
)
from app.schemas.objects.wire import Wire


class NamespaceSpec(Input):
    """Who must act before a Namespace may go."""

    finalizers: list[str] | None = Field(
        default=None,
        description="Taken when the Namespace is made, `kubernetes` added; only `/finalize` "
        "changes them later.",
        examples=[["kubernetes"]],
    )


class NamespaceStatus(Input):
    """Whether a Namespace takes new objects."""

    phase: Annotated[str, words(domain.NamespacePhase)] | None = None
    conditions: list[Condition] | None = None


class NamespaceWrite(Input):
    """A Namespace manifest."""

    api_version: str | None = Field(default=None, examples=["v1"])
    kind: str | None = Field(default=None, examples=["Namespace"])
    metadata: ObjectMeta | None = None
    spec: NamespaceSpec | None = None
    status: NamespaceStatus | None = None
    of_kind: ClassVar = "Namespace"


class NamespaceRead(Output):
    """A Namespace."""

    api_version: Literal["v1"]
    kind: Literal["Namespace"]
    metadata: ObjectMetaRead
    spec: NamespaceSpec
    status: NamespaceStatus


def decode_namespace(wire: NamespaceWrite) -> domain.Namespace:
    """Read a Namespace."""
    status = wire.status or NamespaceStatus()
    return domain.Namespace(
        metadata=decode_meta(wire.metadata),
        finalizers=tuple((wire.spec.finalizers if wire.spec else None) or ()),
        phase=status.phase or domain.NamespacePhase.ACTIVE,
        conditions=decode_conditions(status.conditions),
    )


def encode_namespace(namespace: domain.Namespace) -> dict[str, object]:
    """Spell a Namespace."""
    status: dict[str, object] = {"phase": namespace.phase}
    if namespace.conditions:
        status["conditions"] = encode_conditions(namespace.conditions)
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": encode_meta(namespace.metadata),
        "spec": {"finalizers": list(namespace.finalizers)} if namespace.finalizers else {},
        "status": status,
    }


WIRE = Wire(
    resource=domain.NAMESPACE,
    write=NamespaceWrite,
    read=NamespaceRead,
    decode=decode_namespace,
    encode=encode_namespace,
)
