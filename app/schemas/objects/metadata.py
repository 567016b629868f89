"""The wire shapes of metadata, conditions and references.

    ObjectMeta (wire) <-> ObjectMeta (domain)

Source: spec kubernetes-api 1.2, 5.1 and 5.2.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from app.domain.errors import BadRequest, CauseReason, Violation
from app.domain.names import REVISION_ZERO, Revision, Uid
from app.domain.objects import meta as domain
from app.domain.objects.meta import format_time
from app.schemas.base import (
    Input,
    Int64,
    Output,
    TextMap,
    Time,
    put_not_empty,
    text_map,
)

_REVISION_DIGITS_MAX = 18  # below 2**63


class OwnerReference(Input):
    """A reference to an owner, with which the object is deleted."""

    api_version: str | None = Field(default=None, examples=["v1"])
    kind: str | None = Field(default=None, examples=["Service"])
    name: str | None = Field(default=None, examples=["ent"])
    uid: str | None = None
    controller: bool | None = Field(
        default=None, description="Whether the owner manages the object."
    )
    block_owner_deletion: bool | None = None
    documented_required: ClassVar = ("apiVersion", "kind", "name", "uid")


class ObjectMeta(Input):
    """Identity and labels of an object, as a client sends them."""

    name: str | None = Field(
        default=None,
        description="Unique among objects of the kind in the namespace.",
        examples=["ent"],
    )
    generate_name: str | None = Field(
        default=None,
        description="Prefix of a name that the server completes when `name` is absent.",
    )
    namespace: str | None = Field(default=None, examples=["default"])
    labels: TextMap | None = Field(default=None, examples=[{"app": "ent"}])
    annotations: TextMap | None = None
    finalizers: list[str] | None = Field(
        default=None, description="Names of controllers that delay the deletion of the object."
    )
    owner_references: list[OwnerReference] | None = None
    resource_version: str | None = Field(
        default=None,
        description="On a write: the revision the client last saw; a newer object is 409.",
        examples=["42"],
    )
    uid: str | None = Field(
        default=None, description="On a write: the uid that the object must have."
    )
    generation: Int64 | None = Field(default=None, description="Set by the server.")
    creation_timestamp: Time | None = Field(default=None, description="Set by the server.")
    deletion_timestamp: Time | None = Field(default=None, description="Set by the server.")
    deletion_grace_period_seconds: Int64 | None = Field(
        default=None, description="Set by the server."
    )
    ignored: ClassVar = frozenset({"clusterName", "managedFields", "selfLink"})


class ObjectMetaRead(Output):
    """Identity, history and labels of a cluster-scoped object."""

    name: str = Field(examples=["n1"])
    uid: str = Field(
        description="A UUID; a new one when the object is deleted and made again.",
        examples=["4b0a1bd2-6f0e-4c0a-9d3a-0c1c6a1e9b11"],
    )
    resource_version: str = Field(
        description="The revision of the last change, in decimal.", examples=["42"]
    )
    creation_timestamp: Time = Field(examples=["2026-01-02T03:04:05Z"])
    generate_name: str | None = None
    generation: Int64 | None = Field(default=None, description="Counts the changes of the spec.")
    deletion_timestamp: Time | None = Field(
        default=None, description="When deletion was requested; absent otherwise."
    )
    deletion_grace_period_seconds: Int64 | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: list[str] | None = None
    owner_references: list[OwnerReference] | None = None


class NamespacedObjectMetaRead(ObjectMetaRead):
    """Identity, history and labels of an object in a namespace."""

    name: str = Field(examples=["ent"])
    namespace: str = Field(examples=["default"])


class Condition(Input):
    """One observed aspect of an object."""

    type: str | None = Field(default=None, examples=["Ready"])
    status: str | None = Field(
        default=None, description="True, False or Unknown.", examples=["True"]
    )
    reason: str | None = Field(default=None, description="A word for programs.")
    message: str | None = Field(default=None, description="A sentence for people.")
    last_transition_time: Time | None = None
    last_probe_time: Time | None = None
    observed_generation: Int64 | None = None
    ignored: ClassVar = frozenset({"lastHeartbeatTime", "lastUpdateTime"})
    documented_required: ClassVar = ("type", "status")


class ObjectReference(Input):
    """A pointer to another object."""

    kind: str | None = Field(default=None, examples=["Pod"])
    namespace: str | None = Field(default=None, examples=["default"])
    name: str | None = Field(default=None, examples=["ent-1"])
    uid: str | None = None
    api_version: str | None = None
    resource_version: str | None = None
    field_path: str | None = None


def decode_meta(wire: ObjectMeta | None) -> domain.ObjectMeta:
    """Decode metadata as sent, with the server-owned parts, which use cases override."""
    if wire is None:
        return domain.ObjectMeta()
    resource_version = wire.resource_version or ""
    return domain.ObjectMeta(
        name=wire.name or "",
        namespace=wire.namespace or "",
        generate_name=wire.generate_name or "",
        uid=Uid(wire.uid or ""),
        revision=parse_revision(resource_version),
        resource_version=resource_version,
        generation=wire.generation or 0,
        created_at=wire.creation_timestamp,
        deleted_at=wire.deletion_timestamp,
        deletion_grace_s=wire.deletion_grace_period_seconds,
        labels=text_map(wire.labels) or domain.NOTHING,
        annotations=text_map(wire.annotations) or domain.NOTHING,
        finalizers=tuple(wire.finalizers or ()),
        owner_references=tuple(_decode_owner(owner) for owner in wire.owner_references or ()),
    )


def parse_revision(text: str) -> Revision:
    """Parse a resourceVersion; 0 for text that cannot be a revision of this registry."""
    return Revision(int(text)) if is_revision(text) else REVISION_ZERO


def is_revision(text: str) -> bool:
    """Whether the text has the form of a revision."""
    return text.isascii() and text.isdecimal() and len(text) <= _REVISION_DIGITS_MAX


def asked_revision(text: str, field: str = "resourceVersion") -> Revision:
    """Parse the revision in a request; raises BadRequest."""
    if not is_revision(text):
        cause = Violation(CauseReason.INVALID, field, f'Invalid value: "{text}": must be decimal')
        raise BadRequest(f"invalid resource version: {cause}", causes=(cause,))
    return parse_revision(text)


_IDENTITY = {
    "name": "name",
    "generateName": "generate_name",
    "namespace": "namespace",
    "uid": "uid",
    "generation": "generation",
    "finalizers": "finalizers",
}


def encode_meta(meta: domain.ObjectMeta) -> dict[str, object]:
    """Encode metadata without the fields that are not assigned."""
    wire: dict[str, object] = {}
    put_not_empty(wire, meta, _IDENTITY)
    if meta.revision or meta.resource_version:
        wire["resourceVersion"] = str(meta.revision) if meta.revision else meta.resource_version
    if meta.created_at is not None:
        wire["creationTimestamp"] = format_time(meta.created_at)
    if meta.deleted_at is not None:
        wire["deletionTimestamp"] = format_time(meta.deleted_at)
    if meta.deletion_grace_s is not None:
        wire["deletionGracePeriodSeconds"] = meta.deletion_grace_s
    if meta.labels:
        wire["labels"] = dict(meta.labels)
    if meta.annotations:
        wire["annotations"] = dict(meta.annotations)
    if meta.owner_references:
        wire["ownerReferences"] = [_encode_owner(owner) for owner in meta.owner_references]
    return wire


def _decode_owner(wire: OwnerReference) -> domain.OwnerReference:
    return domain.OwnerReference(
        api_version=wire.api_version or "",
        kind=wire.kind or "",
        name=wire.name or "",
        uid=wire.uid or "",
        is_controller=wire.controller,
        blocks_owner_deletion=wire.block_owner_deletion,
    )


def _encode_owner(owner: domain.OwnerReference) -> dict[str, object]:
    wire: dict[str, object] = {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
    }
    if owner.is_controller is not None:
        wire["controller"] = owner.is_controller
    if owner.blocks_owner_deletion is not None:
        wire["blockOwnerDeletion"] = owner.blocks_owner_deletion
    return wire


def decode_conditions(wire: Sequence[Condition] | None) -> tuple[domain.Condition, ...]:
    """Decode conditions, in the order sent."""
    return tuple(
        domain.Condition(
            type=condition.type or "",
            status=condition.status or "",
            reason=condition.reason or "",
            message=condition.message or "",
            last_transition_at=condition.last_transition_time,
            last_probe_at=condition.last_probe_time,
            observed_generation=condition.observed_generation,
        )
        for condition in wire or ()
    )


def encode_conditions(conditions: tuple[domain.Condition, ...]) -> list[dict[str, object]]:
    """Encode conditions."""
    return [_encode_condition(condition) for condition in conditions]


def _encode_condition(condition: domain.Condition) -> dict[str, object]:
    wire: dict[str, object] = {"type": condition.type, "status": condition.status}
    if condition.observed_generation is not None:
        wire["observedGeneration"] = condition.observed_generation
    if condition.last_probe_at is not None:
        wire["lastProbeTime"] = format_time(condition.last_probe_at)
    if condition.last_transition_at is not None:
        wire["lastTransitionTime"] = format_time(condition.last_transition_at)
    if condition.reason:
        wire["reason"] = condition.reason
    if condition.message:
        wire["message"] = condition.message
    return wire


def decode_reference(wire: ObjectReference | None) -> domain.ObjectReference | None:
    """Decode a reference to another object."""
    if wire is None:
        return None
    return domain.ObjectReference(
        kind=wire.kind or "",
        namespace=wire.namespace or "",
        name=wire.name or "",
        uid=wire.uid or "",
        api_version=wire.api_version or "",
        resource_version=wire.resource_version or "",
        field_path=wire.field_path or "",
    )


_RARELY_REFERRED = {
    "apiVersion": "api_version",
    "resourceVersion": "resource_version",
    "fieldPath": "field_path",
}


def encode_reference(reference: domain.ObjectReference) -> dict[str, object]:
    """Encode a reference to another object."""
    wire: dict[str, object] = {"kind": reference.kind} if reference.kind else {}
    if reference.namespace:
        wire["namespace"] = reference.namespace
    if reference.name:
        wire["name"] = reference.name
    if reference.uid:
        wire["uid"] = reference.uid
    if reference.api_version or reference.resource_version or reference.field_path:
        put_not_empty(wire, reference, _RARELY_REFERRED)
    return wire
