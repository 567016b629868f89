"""A Namespace: the scope of names.

Values only.  Source: spec kubernetes-api 5.10.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.copies import replace
from app.domain.objects.meta import Condition
from app.domain.objects.resource import METADATA_NAME, Field, Object, Resource, T

NAME_LABEL = "kubernetes.io/metadata.name"
DEFAULT_NAMESPACE, SYSTEM = "default", "kube-system"
PERMANENT = frozenset({DEFAULT_NAMESPACE, SYSTEM, "kube-public"})
"""Namespaces that cannot be deleted."""


def in_default_namespace(found: T) -> T:
    """Put an object that names no namespace into the default one."""
    if found.metadata.namespace:
        return found
    return replace(found, metadata=replace(found.metadata, namespace=DEFAULT_NAMESPACE))


class NamespacePhase(StrEnum):
    """Whether a Namespace takes new objects."""

    ACTIVE = "Active"
    TERMINATING = "Terminating"


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace(Object):
    """One Namespace."""

    finalizers: tuple[str, ...] = ()
    phase: str = NamespacePhase.ACTIVE
    conditions: tuple[Condition, ...] = ()


NAMESPACE = Resource(
    name="Namespace",
    plural="namespaces",
    api_version="v1",
    type=Namespace,
    is_namespaced=False,
    short_names=("ns",),
    status_fields=("phase", "conditions"),
    subresources=("finalize",),
    fields={
        **METADATA_NAME,
        "status.phase": Field[Namespace](values=lambda namespace: (namespace.phase,)),
    },
)
