"""A Gadget: a kind that nobody needs, to show what a kind takes."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.objects.resource import METADATA_FIELDS, Field, Object, Resource, Term


@dataclass(frozen=True, slots=True, kw_only=True)
class Gadget(Object):
    """A thing with a colour, and parts."""

    colour: str = ""
    parts: tuple[str, ...] = ()
    is_working: bool = False


def _index_terms(gadget: Gadget) -> Iterator[Term]:
    yield ("gadget-colour", gadget.colour)


GADGET = Resource(
    name="Gadget",
    plural="gadgets",
    api_version="example.dev/v1",
    type=Gadget,
    short_names=("gd",),
    status_fields=("is_working",),
    subresources=("status",),
    fields={
        **METADATA_FIELDS,
        "spec.colour": Field[Gadget](values=lambda each: (each.colour,), index="gadget-colour"),
    },
    index_terms=_index_terms,
)
