"""The wire shape of one kind, and how its objects are read and written.

    WIRE of a kind: models for reading and writing, codec, fields that are linked or not shown

Source: style.md 2; docs/decisions/0016.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from app.domain.objects.resource import Resource, T
from app.schemas.base import Input, Output

W = TypeVar("W", bound=Input)


class Linked(NamedTuple):
    """Two fields of ``part`` that say one thing: a list, and its first entry by itself."""

    part: str
    singular: str
    plural: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Wire(Generic[T, W]):
    """The wire shape of one kind.

    ``write`` is what clients send, ``read`` what they are sent; ``encode`` makes the dict
    that ``read`` describes.  ``stored_only`` are fields that the store keeps and clients are
    not shown, with the attributes that they hold.  A kind that ``judges_lists`` has rules of
    its own for how long they may be.
    """

    resource: Resource[T]
    write: type[W]
    read: type[Output]
    decode: Callable[[W], T]
    encode: Callable[[T], dict[str, object]]
    linked: Linked | None = None
    stored_only: Mapping[str, str] = field(default_factory=dict[str, str])
    judges_lists: bool = False


AnyWire = Wire[Any, Any]
"""The wire shape of a kind, where it does not matter which."""
