"""Bindings: who has the rules of a role, in one namespace or everywhere.

    RESOURCE of RoleBinding and ClusterRoleBinding

Values only.  Source: Kubernetes `rbac/v1` types; access.md 2.2 and 2.8.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from app.domain.objects.resource import METADATA_NAME, Object, Resource
from app.domain.objects.role import API_GROUP, API_VERSION, CLUSTER_ROLE, ROLE


class SubjectKind(StrEnum):
    """What a subject names."""

    USER = "User"
    GROUP = "Group"
    SERVICE_ACCOUNT = "ServiceAccount"


class RoleKind(StrEnum):
    """What a binding refers to; a ClusterRoleBinding only to ClusterRoles."""

    ROLE = ROLE.name
    CLUSTER_ROLE = CLUSTER_ROLE.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A user, group or service account; ``namespace`` is that of a service account.

    A RoleBinding may leave the namespace out, which is then its own.
    """

    kind: str = ""
    api_group: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRef:
    """The role of a binding; a Role is in the namespace of the binding."""

    api_group: str = ""
    kind: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleBinding(Object):
    """Grants a role in one namespace."""

    role_ref: RoleRef = field(default_factory=RoleRef)
    subjects: tuple[Subject, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRoleBinding(Object):
    """Grants a ClusterRole in all namespaces and for the cluster."""

    role_ref: RoleRef = field(default_factory=RoleRef)
    subjects: tuple[Subject, ...] = ()


AnyBinding = RoleBinding | ClusterRoleBinding
B = TypeVar("B", bound=AnyBinding)


def with_default_groups(binding: B) -> B:
    """Fill in the API groups that a client may leave out (`rbac/v1/defaults.go`)."""
    ref = binding.role_ref
    subjects = tuple(
        replace(subject, api_group=API_GROUP)
        if not subject.api_group and subject.kind in (SubjectKind.USER, SubjectKind.GROUP)
        else subject
        for subject in binding.subjects
    )
    return replace(
        binding, role_ref=replace(ref, api_group=ref.api_group or API_GROUP), subjects=subjects
    )


ROLE_BINDING = Resource(
    name="RoleBinding",
    plural="rolebindings",
    api_version=API_VERSION,
    type=RoleBinding,
    is_watched_by_default=False,
)
CLUSTER_ROLE_BINDING = Resource(
    name="ClusterRoleBinding",
    plural="clusterrolebindings",
    api_version=API_VERSION,
    type=ClusterRoleBinding,
    is_namespaced=False,
    is_watched_by_default=False,
    fields=METADATA_NAME,
)
