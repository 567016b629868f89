"""The wire shapes of a RoleBinding and a ClusterRoleBinding.

    RoleBindingWrite, ClusterRoleBindingWrite -> RoleBinding, ClusterRoleBinding (domain) -> dict

Source: Kubernetes `rbac/v1` types; access.md 2.8.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.objects import role_binding as domain
from app.domain.objects.role import API_GROUP
from app.schemas.base import Input, put_not_empty, words
from app.schemas.objects.metadata import decode_meta
from app.schemas.objects.wire import Manifest, Wire, read_model


class RoleRef(Input):
    """The role that is granted; it cannot be changed."""

    api_group: str | None = Field(default=None, examples=[API_GROUP])
    kind: Annotated[str, words(domain.RoleKind)] | None = None
    name: str | None = Field(default=None, examples=["view"])
    documented_required: ClassVar = ("kind", "name")


class Subject(Input):
    """Who has the role."""

    kind: Annotated[str, words(domain.SubjectKind)] | None = None
    api_group: str | None = Field(
        default=None, description="Empty for a service account.", examples=[API_GROUP]
    )
    name: str | None = Field(default=None, examples=["alice"])
    namespace: str | None = Field(
        default=None,
        description="Of a service account; a RoleBinding's own when absent.",
        examples=["prod"],
    )
    documented_required: ClassVar = ("kind", "name")


class RoleBindingWrite(Manifest):
    """A RoleBinding manifest."""

    role_ref: RoleRef | None = None
    subjects: list[Subject] | None = None
    of_kind: ClassVar = "RoleBinding"


class ClusterRoleBindingWrite(Manifest):
    """A ClusterRoleBinding manifest."""

    role_ref: RoleRef | None = None
    subjects: list[Subject] | None = None
    of_kind: ClassVar = "ClusterRoleBinding"


def decode_role_binding(wire: RoleBindingWrite) -> domain.RoleBinding:
    """Decode a RoleBinding."""
    return domain.RoleBinding(
        metadata=decode_meta(wire.metadata),
        role_ref=_decode_ref(wire.role_ref),
        subjects=_decode_subjects(wire.subjects),
    )


def decode_cluster_role_binding(wire: ClusterRoleBindingWrite) -> domain.ClusterRoleBinding:
    """Decode a ClusterRoleBinding."""
    return domain.ClusterRoleBinding(
        metadata=decode_meta(wire.metadata),
        role_ref=_decode_ref(wire.role_ref),
        subjects=_decode_subjects(wire.subjects),
    )


def encode_binding(binding: domain.AnyBinding) -> dict[str, object]:
    """Encode the role and the subjects of a binding."""
    ref = binding.role_ref
    return {
        "roleRef": {"apiGroup": ref.api_group, "kind": ref.kind, "name": ref.name},
        "subjects": [_encode_subject(subject) for subject in binding.subjects],
    }


def _decode_ref(wire: RoleRef | None) -> domain.RoleRef:
    wire = wire or RoleRef()
    return domain.RoleRef(
        api_group=wire.api_group or "", kind=wire.kind or "", name=wire.name or ""
    )


def _decode_subjects(wire: Sequence[Subject] | None) -> tuple[domain.Subject, ...]:
    return tuple(
        domain.Subject(
            kind=subject.kind or "",
            api_group=subject.api_group or "",
            name=subject.name or "",
            namespace=subject.namespace or "",
        )
        for subject in wire or ()
    )


def _encode_subject(subject: domain.Subject) -> dict[str, object]:
    wire: dict[str, object] = {"kind": subject.kind}
    put_not_empty(wire, subject, {"apiGroup": "api_group"})
    wire["name"] = subject.name
    put_not_empty(wire, subject, {"namespace": "namespace"})
    return wire


ROLE_BINDING_WIRE = Wire(
    resource=domain.ROLE_BINDING,
    write=RoleBindingWrite,
    read=read_model(
        domain.ROLE_BINDING,
        "Who has the rules of a role in one namespace.",
        role_ref=RoleRef,
        subjects=list[Subject],
    ),
    decode=decode_role_binding,
    encode=encode_binding,
)
CLUSTER_ROLE_BINDING_WIRE = Wire(
    resource=domain.CLUSTER_ROLE_BINDING,
    write=ClusterRoleBindingWrite,
    read=read_model(
        domain.CLUSTER_ROLE_BINDING,
        "Who has the rules of a ClusterRole everywhere.",
        role_ref=RoleRef,
        subjects=list[Subject],
    ),
    decode=decode_cluster_role_binding,
    encode=encode_binding,
)
