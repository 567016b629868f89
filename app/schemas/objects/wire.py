"""The wire shape of a kind.

    WIRE of a kind: its model, linked and hidden fields

Source: style.md 2; docs/decisions/0016.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, JsonValue

from app.domain.objects.resource import AnyResource
from app.domain.resources import RESOURCES_BY_KIND
from app.schemas.base import Input, tidy
from app.schemas.objects.metadata import ObjectMeta

_HEAD = ("apiVersion", "kind", "metadata")


def _with_head(schema: dict[str, JsonValue], model: type[BaseModel]) -> None:
    """Document the head of a manifest: clients that know the kind fill it in.

    It is required where objects of several kinds are told apart by it; the routes of a kind
    accept objects without it.
    """
    tidy(schema, model)
    properties = cast("dict[str, dict[str, JsonValue]]", schema["properties"])
    kind = cast("type[Input]", model).of_kind
    versions = {name: each.api_version for name, each in RESOURCES_BY_KIND.items()}
    for name, text in (("apiVersion", versions.get(kind, "v1")), ("kind", kind)):
        properties[name] = {"type": "string", "const": text, "default": text}
    others = cast("list[str]", schema.get("required", []))
    schema["required"] = [*_HEAD, *others]


class Manifest(Input):
    """The head of every manifest; ``example`` is one without ``apiVersion`` and ``kind``.

    Without an ``example`` those of the fields are put together.  ``change_example`` is a merge
    patch of the example.
    """

    model_config = ConfigDict(json_schema_extra=_with_head)
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    example: ClassVar[Mapping[str, Any]] = {}
    change_example: ClassVar[Mapping[str, Any]] = {"metadata": {"labels": {"tier": "web"}}}


def exactly(text: str) -> Any:  # noqa: ANN401  a type that is only known at run time
    """Give the type of a field with one possible value."""
    return cast("Any", Literal)[text]


class Linked(NamedTuple):
    """Two fields of ``part`` with the same content: a list, and its first entry alone."""

    part: str
    singular: str
    plural: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Wire:
    """The wire shape of one kind.

    ``model`` is what clients send and receive.  ``stored_only`` are fields that the store keeps
    and clients do not see, with the attributes that have their values.  The rules of a kind
    that ``has_own_list_limits`` bound the length of its lists.
    """

    resource: AnyResource
    model: type[Manifest]
    linked: Linked | None = None
    stored_only: Mapping[str, str] = field(default_factory=dict[str, str])
    has_own_list_limits: bool = False
