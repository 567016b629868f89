"""The wire shape of a GadgetCount, which is only read."""

from typing import ClassVar, Literal

from app.domain.objects import gadget_count as domain
from app.schemas.base import Input, Output
from app.schemas.objects.metadata import ObjectMeta, ObjectMetaRead, decode_meta, encode_meta
from app.schemas.objects.wire import Wire


class GadgetCountWrite(Input):
    """A GadgetCount as another process reads it."""

    metadata: ObjectMeta | None = None
    count: int | None = None
    of_kind: ClassVar = "GadgetCount"


class GadgetCountRead(Output):
    """How many Gadgets of a colour there are."""

    api_version: Literal["example.dev/v1"]
    kind: Literal["GadgetCount"]
    metadata: ObjectMetaRead
    count: int


def _decode(wire: GadgetCountWrite) -> domain.GadgetCount:
    return domain.GadgetCount(metadata=decode_meta(wire.metadata), count=wire.count or 0)


def _encode(counted: domain.GadgetCount) -> dict[str, object]:
    return {
        "apiVersion": "example.dev/v1",
        "kind": "GadgetCount",
        "metadata": encode_meta(counted.metadata),
        "count": counted.count,
    }


WIRE = Wire(
    resource=domain.GADGET_COUNT,
    write=GadgetCountWrite,
    read=GadgetCountRead,
    decode=_decode,
    encode=_encode,
)
