"""The wire shape of a Gadget."""

from typing import ClassVar, Literal

from pydantic import Field

from app.domain.objects import gadget as domain
from app.schemas.base import Input, Output
from app.schemas.objects.metadata import ObjectMeta, ObjectMetaRead, decode_meta, encode_meta
from app.schemas.objects.wire import Wire


class GadgetSpec(Input):
    """What a Gadget is to be."""

    colour: str | None = Field(default=None, examples=["red"])
    parts: list[str] | None = None


class GadgetStatus(Input):
    """What a Gadget is."""

    working: bool | None = None


class GadgetWrite(Input):
    """A Gadget manifest."""

    api_version: str | None = Field(default=None, examples=["example.dev/v1"])
    kind: str | None = Field(default=None, examples=["Gadget"])
    metadata: ObjectMeta | None = None
    spec: GadgetSpec | None = None
    status: GadgetStatus | None = None
    of_kind: ClassVar = "Gadget"


class GadgetRead(Output):
    """A registered Gadget."""

    api_version: Literal["example.dev/v1"]
    kind: Literal["Gadget"]
    metadata: ObjectMetaRead
    spec: GadgetSpec
    status: GadgetStatus


def decode_gadget(wire: GadgetWrite) -> domain.Gadget:
    """Read a Gadget."""
    spec, status = wire.spec or GadgetSpec(), wire.status or GadgetStatus()
    return domain.Gadget(
        metadata=decode_meta(wire.metadata),
        colour=spec.colour or "",
        parts=tuple(spec.parts or ()),
        is_working=status.working or False,
    )


def encode_gadget(gadget: domain.Gadget) -> dict[str, object]:
    """Spell a Gadget."""
    return {
        "apiVersion": "example.dev/v1",
        "kind": "Gadget",
        "metadata": encode_meta(gadget.metadata),
        "spec": {"colour": gadget.colour, "parts": list(gadget.parts)},
        "status": {"working": gadget.is_working},
    }


WIRE = Wire(
    resource=domain.GADGET,
    write=GadgetWrite,
    read=GadgetRead,
    decode=decode_gadget,
    encode=encode_gadget,
)
