"""The wire shape of a Namespace.

    Namespace <-> Namespace (domain)

Source: spec kubernetes-api 5.10.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.objects import namespace as domain
from app.schemas.base import Input, words
from app.schemas.objects.metadata import Condition
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest, Wire


@shape_of(domain.Namespace)
class NamespaceSpec(Input):
    """The finalizers that delay the deletion of a Namespace."""

    finalizers: list[str] | None = Field(
        default=None,
        description="Set on creation, with `kubernetes` added; later only `/finalize` "
        "changes them.",
        examples=[["kubernetes"]],
    )


@shape_of(domain.Namespace)
class NamespaceStatus(Input):
    """Whether a Namespace takes new objects."""

    phase: Annotated[str, words(domain.NamespacePhase)] | None = Field(
        default=None, description="Set by the server."
    )
    conditions: list[Condition] | None = Field(
        default=None, description="What keeps a terminating Namespace, if anything does."
    )


@shape_of(domain.Namespace)
class Namespace(Manifest):
    """A scope of names, which is deleted with all objects in it."""

    spec: NamespaceSpec | None = None
    status: NamespaceStatus | None = None
    of_kind: ClassVar = "Namespace"
    example: ClassVar = {"metadata": {"name": "prod"}}


WIRE = Wire(resource=domain.NAMESPACE, model=Namespace)
