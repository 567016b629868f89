"""The wire shapes of a RoleBinding and a ClusterRoleBinding.

    RoleBinding, ClusterRoleBinding -> RoleBinding, ClusterRoleBinding (domain) -> dict

Source: Kubernetes `rbac/v1` types; access.md 2.8.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.objects import role_binding as domain
from app.domain.objects.role import API_GROUP
from app.schemas.base import Input, words
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest, Wire


@shape_of(domain.RoleRef, always=("api_group",))
class RoleRef(Input):
    """The role that is granted; it cannot be changed."""

    api_group: str | None = Field(
        default=None, description="The API group of the role.", examples=[API_GROUP]
    )
    kind: Annotated[str, words(domain.RoleKind, "RoleRefKind")] | None = None
    name: str | None = Field(default=None, description="The name of the role.", examples=["view"])
    documented_required: ClassVar = ("kind", "name")


@shape_of(domain.Subject)
class Subject(Input):
    """Who has the role."""

    kind: Annotated[str, words(domain.SubjectKind)] | None = None
    api_group: str | None = Field(
        default=None, description="Empty for a service account.", examples=[API_GROUP]
    )
    name: str | None = Field(
        default=None,
        description="The name of the user, group or service account.",
        examples=["alice"],
    )
    namespace: str | None = Field(
        default=None,
        description="Of a service account; a RoleBinding's own when absent.",
        examples=["prod"],
    )
    documented_required: ClassVar = ("kind", "name")


@shape_of(domain.RoleBinding)
class RoleBinding(Manifest):
    """Who has the rules of a role in one namespace."""

    role_ref: RoleRef | None = Field(default=None, description="The role whose rules are granted.")
    subjects: list[Subject] | None = Field(default=None, description="Who has them.")
    of_kind: ClassVar = "RoleBinding"
    example: ClassVar = {
        "metadata": {"name": "readers", "namespace": "default"},
        "roleRef": {"apiGroup": API_GROUP, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": API_GROUP, "kind": "User", "name": "alice"}],
    }


@shape_of(domain.ClusterRoleBinding)
class ClusterRoleBinding(Manifest):
    """Who has the rules of a ClusterRole everywhere."""

    role_ref: RoleRef | None = Field(
        default=None, description="The ClusterRole whose rules are granted."
    )
    subjects: list[Subject] | None = Field(default=None, description="Who has them.")
    of_kind: ClassVar = "ClusterRoleBinding"
    example: ClassVar = {
        "metadata": {"name": "developers"},
        "roleRef": {"apiGroup": API_GROUP, "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"apiGroup": API_GROUP, "kind": "Group", "name": "developers"}],
    }


ROLE_BINDING_WIRE = Wire(resource=domain.ROLE_BINDING, model=RoleBinding)
CLUSTER_ROLE_BINDING_WIRE = Wire(resource=domain.CLUSTER_ROLE_BINDING, model=ClusterRoleBinding)
