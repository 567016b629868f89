"""The wire shape of a GadgetCount, which is only read."""

from typing import ClassVar

from app.domain.objects import gadget_count as domain
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest, Wire


@shape_of(domain.GadgetCount)
class GadgetCount(Manifest):
    """The number of Gadgets of a colour."""

    count: int | None = None
    of_kind: ClassVar = "GadgetCount"


WIRE = Wire(resource=domain.GADGET_COUNT, model=GadgetCount)
