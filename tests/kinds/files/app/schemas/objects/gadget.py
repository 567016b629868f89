"""The wire shape of a Gadget."""

from typing import ClassVar

from pydantic import Field

from app.domain.objects import gadget as domain
from app.schemas.base import Input
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest, Wire


@shape_of(domain.Gadget, always=("colour", "parts"))
class GadgetSpec(Input):
    """The desired state of a Gadget."""

    colour: str | None = Field(default=None, examples=["red"])
    parts: list[str] | None = None


@shape_of(domain.Gadget, always=("working",), working="is_working")
class GadgetStatus(Input):
    """The reported state of a Gadget."""

    working: bool | None = None


@shape_of(domain.Gadget)
class Gadget(Manifest):
    """A thing with a colour, and parts."""

    spec: GadgetSpec | None = None
    status: GadgetStatus | None = None
    of_kind: ClassVar = "Gadget"


WIRE = Wire(resource=domain.GADGET, model=Gadget)
