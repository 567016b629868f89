"""The wire shape of a Gadget."""

from typing import ClassVar

from pydantic import Field

from app.domain.objects import gadget as domain
from app.schemas.base import Input
from app.schemas.objects.metadata import decode_meta
from app.schemas.objects.wire import Manifest, Wire, read_model


class GadgetSpec(Input):
    """The desired state of a Gadget."""

    colour: str | None = Field(default=None, examples=["red"])
    parts: list[str] | None = None


class GadgetStatus(Input):
    """The reported state of a Gadget."""

    working: bool | None = None


class GadgetWrite(Manifest):
    """A Gadget manifest."""

    spec: GadgetSpec | None = None
    status: GadgetStatus | None = None
    of_kind: ClassVar = "Gadget"


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
    """Encode the spec and status of a Gadget."""
    return {
        "spec": {"colour": gadget.colour, "parts": list(gadget.parts)},
        "status": {"working": gadget.is_working},
    }


WIRE = Wire(
    resource=domain.GADGET,
    write=GadgetWrite,
    read=read_model(domain.GADGET, "A registered Gadget.", spec=GadgetSpec, status=GadgetStatus),
    decode=decode_gadget,
    encode=encode_gadget,
)
