"""The wire shape of a GadgetCount, which is only read."""

from typing import ClassVar

from app.domain.objects import gadget_count as domain
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest, Wire, read_model


@shape_of(domain.GadgetCount)
class GadgetCountWrite(Manifest):
    """A GadgetCount as another process reads it."""

    count: int | None = None
    of_kind: ClassVar = "GadgetCount"


WIRE = Wire(
    resource=domain.GADGET_COUNT,
    write=GadgetCountWrite,
    read=read_model(domain.GADGET_COUNT, "The number of Gadgets of a colour.", count=int),
)
