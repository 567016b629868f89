"""A GadgetCount: how many Gadgets of a colour there are; it follows from them."""

from dataclasses import dataclass

from app.domain.objects.resource import Object, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class GadgetCount(Object):
    """The count for the colour that is its name."""

    count: int = 0


GADGET_COUNT = Resource(
    name="GadgetCount",
    plural="gadgetcounts",
    api_version="example.dev/v1",
    type=GadgetCount,
    is_namespaced=False,
    is_derived=True,
)
