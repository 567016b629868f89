"""The wire shape of a GadgetCount, which is only read."""

from typing import ClassVar

from app.domain.objects import gadget_count as domain
from app.schemas.objects.metadata import decode_meta
from app.schemas.objects.wire import Manifest, Wire, read_model


class GadgetCountWrite(Manifest):
    """A GadgetCount as another process reads it."""

    count: int | None = None
    of_kind: ClassVar = "GadgetCount"


def _decode(wire: GadgetCountWrite) -> domain.GadgetCount:
    return domain.GadgetCount(metadata=decode_meta(wire.metadata), count=wire.count or 0)


def _encode(counted: domain.GadgetCount) -> dict[str, object]:
    return {"count": counted.count}


WIRE = Wire(
    resource=domain.GADGET_COUNT,
    write=GadgetCountWrite,
    read=read_model(domain.GADGET_COUNT, "The number of Gadgets of a colour.", count=int),
    decode=_decode,
    encode=_encode,
)
