"""The wire shape of a kind.

    WIRE of a kind: models for reading and writing, linked and hidden fields

Source: style.md 2; docs/decisions/0016.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, JsonValue, create_model

from app.domain.objects.resource import AnyResource
from app.domain.resources import RESOURCES_BY_KIND
from app.schemas.base import Input, Output, tidy
from app.schemas.objects.metadata import NamespacedObjectMetaRead, ObjectMeta, ObjectMetaRead


def _with_examples(schema: dict[str, JsonValue], model: type[BaseModel]) -> None:
    tidy(schema, model)
    properties = cast("dict[str, dict[str, JsonValue]]", schema["properties"])
    if resource := RESOURCES_BY_KIND.get(cast("type[Input]", model).of_kind):
        properties["apiVersion"]["examples"] = [resource.api_version]
        properties["kind"]["examples"] = [resource.name]


class Manifest(Input):
    """The head of every manifest."""

    model_config = ConfigDict(json_schema_extra=_with_examples)
    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None


def exactly(text: str) -> Any:  # noqa: ANN401  a type that is only known at run time
    """Give the type of a field with one possible value."""
    return cast("Any", Literal)[text]


def read_model(resource: AnyResource, description: str, **parts: object) -> type[Output]:
    """Describe an object as clients receive it.

    Every part is present, but those that are given as a type with a default.
    """
    types = {
        "api_version": exactly(resource.api_version),
        "kind": exactly(resource.name),
        "metadata": NamespacedObjectMetaRead if resource.is_namespaced else ObjectMetaRead,
        **parts,
    }
    fields: dict[str, Any] = {
        name: part if isinstance(part, tuple) else (part, ...) for name, part in types.items()
    }
    return create_model(f"{resource.name}Read", __base__=Output, __doc__=description, **fields)


class Linked(NamedTuple):
    """Two fields of ``part`` with the same content: a list, and its first entry alone."""

    part: str
    singular: str
    plural: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Wire:
    """The wire shape of one kind.

    ``write`` is what clients send, ``read`` what they receive.  ``stored_only`` are fields that
    the store keeps and clients do not see, with the attributes that have their values.  The
    rules of a kind that ``has_own_list_limits`` bound the length of its lists.
    """

    resource: AnyResource
    write: type[Manifest]
    read: type[Output]
    linked: Linked | None = None
    stored_only: Mapping[str, str] = field(default_factory=dict[str, str])
    has_own_list_limits: bool = False
