"""Paths of ignored fields and of wrong values in a document, in the client's own spelling.

    model -> fields that no model has: mistyped, or known to Kubernetes and not stored here
    ValidationError -> violations, one for each wrong value

A path looks like ``spec.ports[1].name``; keys that are not plain words are in brackets.
Source: spec kubernetes-api 1.7; contract.md, "Objects" and "Errors".
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from typing import TypeAlias, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.domain.errors import CauseReason, Violation
from app.schemas.base import Input
from app.schemas.documents.kubernetes_fields import PLAIN, Held, fields_of

UNKNOWN_MAX = 100  # unknown paths listed; more would not fit into header lines
VIOLATIONS_MAX = 1_000  # causes of one refusal
_SEGMENT_LENGTH_MAX = 128  # characters of a key in a path; longer keys are cut
_STEP = re.compile(r"\[(\d+)\]|\[([^\]]*)\]|\.?([^.\[\]]+)")
_WORD = re.compile(r"[A-Za-z0-9_-]+\Z")

Steps: TypeAlias = tuple[str | int, ...]

_Object: TypeAlias = Mapping[str, object]

_Places: TypeAlias = "dict[str | int, _Places]"
"""A tree of steps into a document; its leaves are the fields to remove."""

_EXPECTED = {
    "bool_type": "a boolean",
    "dict_type": "an object",
    "float_type": "a number",
    "int_from_float": "an integer",
    "int_type": "an integer",
    "list_type": "a list",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "string_type": "a string",
}
_RANGES = ("greater_than_equal", "less_than_equal")


def join_path(path: str, segment: str | int) -> str:
    """Extend a path by an index or a key."""
    if isinstance(segment, int):
        return f"{path}[{segment}]"
    key = segment if len(segment) <= _SEGMENT_LENGTH_MAX else f"{segment[:_SEGMENT_LENGTH_MAX]}…"
    if not _WORD.match(segment):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def steps_of(path: str) -> Steps:
    """Split a path; the inverse of ``join_path`` for keys without a bracket."""
    return tuple(
        int(index) if index else key or word
        for index, key, word in (found.groups(default="") for found in _STEP.finditer(path))
    )


@dataclass(frozen=True, slots=True)
class IgnoredField:
    """A field that the client sent and that is ignored.

    ``is_known`` says that Kubernetes has it; ``beside`` are the valid fields of the object.
    """

    steps: Steps
    is_known: bool
    beside: Collection[str] = ()

    @property
    def path(self) -> str:
        """The path as in violations."""
        return reduce(join_path, self.steps, "")


def ignored_fields(
    model: type[BaseModel], document: _Object, type_name: str = "", steps: Steps = ()
) -> Iterator[IgnoredField]:
    """Yield the fields that the client sent and no model has, in the order of the models.

    ``document`` is one that ``model`` accepts, or a part at ``steps`` of such a one, whose type
    is ``type_name``.
    """
    ignored = frozenset[str]()
    if issubclass(model, Input):
        ignored, type_name = model.ignored, model.of_kind or type_name
    kubernetes, parts = fields_of(type_name), _parts(model)
    for key, value in document.items():
        if key in parts or key in ignored:
            continue
        known = kubernetes.get(key)
        yield IgnoredField((*steps, key), known is not None, _names(model, type_name))
        yield from _mistyped(value, known or PLAIN, (*steps, key))
    for alias, part in parts.items():
        value = document.get(alias)
        if part is not None and isinstance(value, dict | list):
            held = kubernetes.get(alias, PLAIN)
            below = cast("_Object | list[_Object | None]", value)
            yield from _ignored_below(part, below, held, (*steps, alias))


def _ignored_below(
    model: type[BaseModel], value: "_Object | list[_Object | None]", held: Held, steps: Steps
) -> Iterator[IgnoredField]:
    if isinstance(value, list):
        for index, element in enumerate(value):
            yield from ignored_fields(model, element or {}, held.type, (*steps, index))
        return
    yield from ignored_fields(model, value, held.type, steps)


@cache
def _parts(model: type[BaseModel]) -> Mapping[str, type[BaseModel] | None]:
    """Map each field to the model of its value or its elements, None where that is no model."""
    return {
        field.alias or name: next(_models_in(field.annotation), None)
        for name, field in model.model_fields.items()
    }


def _models_in(hint: object) -> Iterator[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for inner in get_args(hint):
        yield from _models_in(inner)


def _mistyped(value: object, held: Held, steps: Steps) -> Iterator[IgnoredField]:
    """Yield mistyped fields below one that Kubernetes has and Waypost does not store."""
    if not held.type:
        return
    if isinstance(value, list):
        for index, element in enumerate(cast("list[object]", value)):
            yield from _mistyped(element, Held(held.type), (*steps, index))
    elif isinstance(value, dict):
        fields = fields_of(held.type)
        for key, inner in cast("dict[str, object]", value).items():
            below = Held(held.type) if held.is_map else fields.get(key)
            if below is None:
                yield IgnoredField((*steps, key), is_known=False, beside=fields)
            else:
                yield from _mistyped(inner, below, (*steps, key))


@cache
def _names(model: type[BaseModel], type_name: str) -> frozenset[str]:
    """List every valid field of an object, stored or not."""
    return frozenset(_parts(model)) | frozenset(fields_of(type_name))


def without(document: Mapping[str, object], gone: Iterable[IgnoredField]) -> dict[str, object]:
    """Copy a document without the given fields; the copy shares the rest with it."""
    places: _Places = {}
    for each in gone:
        inner = places
        for step in each.steps:
            if inner.get(step) == {}:
                break  # a field in one that is removed anyway
            inner = inner.setdefault(step, {})
    return cast("dict[str, object]", _pruned(dict(document), places))


def _pruned(value: object, places: _Places) -> object:
    if not places:
        return value
    if isinstance(value, list):
        elements = enumerate(cast("list[object]", value))
        return [_pruned(element, places.get(index, {})) for index, element in elements]
    members = cast("dict[str, object]", value)
    return {
        key: _pruned(inner, places.get(key, {}))
        for key, inner in members.items()
        if places.get(key) != {}
    }


def type_violations(error: ValidationError, document: object) -> tuple[Violation, ...]:
    """Turn pydantic's errors into violations, in the order of the document's fields."""
    found: dict[str, list[ErrorDetails]] = {}
    values: dict[str, object] = {}
    details = error.errors(include_url=False, include_context=True, include_input=False)
    for detail in details:
        path, value = _locate(detail["loc"], document)
        found.setdefault(path, []).append(detail)
        values[path] = value
        if len(found) == VIOLATIONS_MAX:
            break
    return tuple(
        Violation(CauseReason.TYPE_INVALID, path, _message(faults, values[path]))
        for path, faults in found.items()
    )


def _locate(location: Sequence[str | int], document: object) -> tuple[str, object]:
    # Pydantic's location may end with branches of a union, which are not in the document.
    path, value = "", document
    for segment in location:
        try:
            value = member_of(value, segment)
        except LookupError:
            break
        path = join_path(path, segment)
    return path, value


def member_of(value: object, segment: str | int) -> object:
    """Get a member of a container; raises LookupError when there is none."""
    if isinstance(value, dict):
        return cast("dict[str | int, object]", value)[segment]
    if isinstance(value, list) and isinstance(segment, int):
        return cast("list[object]", value)[segment]
    raise LookupError(segment)


def named_members_of(value: object) -> Iterable[tuple[str | int, object]]:
    """Give the members of a container with their steps; any other value has none."""
    if isinstance(value, dict):
        return cast("dict[str, object]", value).items()
    return enumerate(cast("list[object]", value)) if isinstance(value, list) else ()


def _message(faults: Sequence[ErrorDetails], value: object) -> str:
    for fault in faults:
        if fault["type"] in _RANGES:
            return "must fit into the range of its integer type"
        if fault["type"] not in _EXPECTED:
            return fault["msg"].removeprefix("Value error, ")
    wanted = dict.fromkeys(_EXPECTED[fault["type"]] for fault in faults)
    # YAML reads an unquoted 12, 1.0 or yes as a number or boolean.
    is_unquoted = list(wanted) == [_EXPECTED["string_type"]] and isinstance(value, int | float)
    hint = ": put it in quotes" if is_unquoted else ""
    return f"must be {' or '.join(wanted)}, not {name_type(value)}{hint}"


_TYPE_NAMES: Mapping[type[object], str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
}


def name_type(value: object) -> str:
    """Name the JSON type of a value, with its article."""
    return _TYPE_NAMES.get(type(value), "an object")
