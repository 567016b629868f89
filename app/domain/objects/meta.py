"""Metadata, conditions and references, the parts that all kinds share, and the text of times.

Values only: how uids and revisions are assigned is not known here.
Source: spec kubernetes-api 1.2, the ``metadata`` rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.domain.names import REVISION_ZERO, UNASSIGNED_UID, NamespacedName, Revision, Uid

NOTHING: Mapping[str, str] = {}
"""Shared by all objects without labels or annotations; treat it as immutable."""


LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
"""The manifest of the last apply; the next apply compares with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerReference:
    """A reference to an owner, with which the object is deleted."""

    api_version: str
    kind: str
    name: str
    uid: str
    is_controller: bool | None = None
    blocks_owner_deletion: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMeta:
    """Identity, history and labels; times are UTC with whole seconds.

    ``generation`` 0 and ``revision`` 0 mean not assigned.  ``resource_version``
    is what a client sent with a write: the revision that it has read.
    """

    name: str = ""
    namespace: str = ""
    generate_name: str = ""
    uid: Uid = UNASSIGNED_UID
    revision: Revision = REVISION_ZERO
    resource_version: str = ""
    generation: int = 0
    created_at: datetime | None = None
    deleted_at: datetime | None = None
    deletion_grace_s: int | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    annotations: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()

    @property
    def key(self) -> NamespacedName:
        """The key of the object within its kind."""
        return NamespacedName(self.namespace, self.name)

    @property
    def is_terminating(self) -> bool:
        """Whether deletion has been requested and has not finished."""
        return self.deleted_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One observed aspect of an object: ``status`` is True, False or Unknown, as text."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_at: datetime | None = None
    last_probe_at: datetime | None = None
    observed_generation: int | None = None


def is_condition_true(conditions: tuple[Condition, ...], type_: str) -> bool:
    """Whether the condition is present and True, not Unknown."""
    return any(condition.status == "True" for condition in conditions if condition.type == type_)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectReference:
    """A pointer to another object, such as an endpoint's Pod."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    resource_version: str = ""
    field_path: str = ""


def format_time(moment: datetime) -> str:
    """Format a time by RFC 3339, in UTC with whole seconds."""
    return f"{moment.astimezone(UTC).isoformat()[:19]}Z"
