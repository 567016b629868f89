"""The wire shapes of metadata, conditions and references.

    ObjectMeta (wire) <-> ObjectMeta (domain)

Source: spec kubernetes-api 1.2, 5.1 and 5.2.
"""

from typing import ClassVar

from pydantic import Field

from app.domain.errors import BadRequest, CauseReason, Violation
from app.domain.names import Revision, is_revision, parse_revision
from app.domain.objects import meta as domain
from app.schemas.base import Annotations, Input, Int64, Labels, Output, Time
from app.schemas.objects.shapes import Derived, shape_of


@shape_of(
    domain.OwnerReference,
    controller="is_controller",
    block_owner_deletion="blocks_owner_deletion",
)
class OwnerReference(Input):
    """A reference to an owner, with which the object is deleted."""

    api_version: str | None = Field(
        default=None, description="The API version of its kind.", examples=["v1"]
    )
    kind: str | None = Field(
        default=None, description="The kind of the owner.", examples=["Service"]
    )
    name: str | None = Field(default=None, description="The name of the owner.", examples=["ent"])
    uid: str | None = Field(default=None, description="The uid of the owner.")
    controller: bool | None = Field(
        default=None, description="Whether the owner manages the object."
    )
    block_owner_deletion: bool | None = Field(default=None, description="Stored as given.")
    documented_required: ClassVar = ("apiVersion", "kind", "name", "uid")


def asked_revision(text: str, field: str = "resourceVersion") -> Revision:
    """Parse the revision in a request; raises BadRequest."""
    if not is_revision(text):
        cause = Violation(CauseReason.INVALID, field, f'Invalid value: "{text}": must be decimal')
        raise BadRequest(f"invalid resource version: {cause}", causes=(cause,))
    return parse_revision(text)


def _resource_version(meta: domain.ObjectMeta) -> str:
    return str(meta.revision) if meta.revision else meta.resource_version


@shape_of(
    domain.ObjectMeta,
    derived={"revision": Derived(parse_revision, {"resource_version": ""}, of_requests=True)},
    take={"resource_version": _resource_version},
    creation_timestamp="created_at",
    deletion_timestamp="deleted_at",
    deletion_grace_period_seconds="deletion_grace_s",
)
class ObjectMeta(Input):
    """Identity, history and labels of an object; set partly by the server."""

    name: str | None = Field(
        default=None,
        description="Unique among objects of the kind in the namespace. In every answer.",
        examples=["ent"],
    )
    generate_name: str | None = Field(
        default=None,
        description="Prefix of a name that the server completes when `name` is absent.",
    )
    namespace: str | None = Field(
        default=None,
        description="`default` when absent; kinds without namespaces do not have it.",
        examples=["default"],
    )
    uid: str | None = Field(
        default=None,
        description="Set by the server: a UUID, another one when the object is deleted and created "
        "again. In every answer. On a write: the one that the object must have.",
        examples=["4b0a1bd2-6f0e-4c0a-9d3a-0c1c6a1e9b11"],
    )
    generation: Int64 | None = Field(
        default=None, description="Set by the server: counts the changes of the spec.", examples=[1]
    )
    finalizers: list[str] | None = Field(
        default=None, description="Names of controllers that delay the deletion of the object."
    )
    resource_version: str | None = Field(
        default=None,
        description="Set by the server: the revision of the last change. In every answer. On a "
        "write: the revision that the client last saw; a newer object is 409.",
        examples=["42"],
    )
    creation_timestamp: Time | None = Field(
        default=None,
        description="Set by the server. In every answer.",
        examples=["2026-01-02T03:04:05Z"],
    )
    deletion_timestamp: Time | None = Field(
        default=None,
        description="Set by the server: when the grace period of a terminating object ends.",
    )
    deletion_grace_period_seconds: Int64 | None = Field(
        default=None, description="Set by the server: the grace period of a terminating object."
    )
    labels: Labels | None = Field(
        default=None, description="Words to select the object by.", examples=[{"app": "ent"}]
    )
    annotations: Annotations | None = Field(
        default=None, description="What tools note on the object."
    )
    owner_references: list[OwnerReference] | None = Field(
        default=None, description="Objects with which this one is deleted."
    )
    ignored: ClassVar = frozenset({"clusterName", "managedFields", "selfLink"})


class NamespacedName(Output):
    """The name of an object in a namespace."""

    namespace: str = Field(description="The namespace of the object.", examples=["default"])
    name: str = Field(description="The name of the object.", examples=["ent"])


@shape_of(
    domain.Condition, last_transition_time="last_transition_at", last_probe_time="last_probe_at"
)
class Condition(Input):
    """One observed aspect of an object."""

    type: str | None = Field(default=None, description="The aspect, in a word.", examples=["Ready"])
    status: str | None = Field(
        default=None, description="True, False or Unknown.", examples=["True"]
    )
    observed_generation: Int64 | None = Field(
        default=None, description="The generation of the object that was observed."
    )
    last_probe_time: Time | None = Field(
        default=None, description="When the aspect was last looked at."
    )
    last_transition_time: Time | None = Field(
        default=None, description="When `status` last changed."
    )
    reason: str | None = Field(default=None, description="A word for programs.")
    message: str | None = Field(default=None, description="A sentence for people.")
    ignored: ClassVar = frozenset({"lastHeartbeatTime", "lastUpdateTime"})
    documented_required: ClassVar = ("type", "status")


@shape_of(domain.ObjectReference)
class ObjectReference(Input):
    """A pointer to another object."""

    kind: str | None = Field(default=None, description="The kind of the object.", examples=["Pod"])
    namespace: str | None = Field(
        default=None, description="The namespace of the object.", examples=["default"]
    )
    name: str | None = Field(
        default=None, description="The name of the object.", examples=["ent-1"]
    )
    uid: str | None = Field(default=None, description="The uid of the object.")
    api_version: str | None = Field(default=None, description="The API version of the kind.")
    resource_version: str | None = Field(default=None, description="The revision of the object.")
    field_path: str | None = Field(default=None, description="A part of the object.")
