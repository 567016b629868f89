"""Where in a document something is wrong, in the client's own spelling.

    model -> the paths it holds that no model names
    ValidationError -> violations, one for each wrong value

Paths read ``spec.ports[1].name``; keys that are no plain word stand in
brackets.  Source: spec kubernetes-api 1.7; contract.md, "Errors".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.domain.errors import CauseReason, Violation
from app.schemas.base import Input

UNKNOWN_MAX = 100  # unknown paths named; more would not fit into header lines
VIOLATIONS_MAX = 1_000  # causes of one refusal
_SEGMENT_LENGTH_MAX = 128  # characters of a key that a path repeats
_WORD = re.compile(r"[A-Za-z0-9_-]+\Z")

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


def unknown_fields(model: BaseModel) -> tuple[str, ...]:
    """List the paths that the client sent and no model names, at most UNKNOWN_MAX of them."""
    return tuple(islice(_unknown(model, ""), UNKNOWN_MAX))


def _unknown(model: BaseModel, path: str) -> Iterator[str]:
    ignored = model.ignored if isinstance(model, Input) else frozenset[str]()
    for key in model.model_extra or ():
        if key not in ignored:
            yield join_path(path, key)
    for name, field in type(model).model_fields.items():
        value: object = getattr(model, name)
        if value is not None:
            yield from _unknown_below(value, join_path(path, field.alias or name))


def _unknown_below(value: object, path: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from _unknown(value, path)
    elif isinstance(value, list):
        for index, element in enumerate(cast("list[object]", value)):
            if not isinstance(element, BaseModel):
                return
            yield from _unknown(element, join_path(path, index))


def type_violations(error: ValidationError, document: object) -> tuple[Violation, ...]:
    """Turn what pydantic found into violations, in the order of the document's fields."""
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
    # Behind the value, pydantic names the branches of a union; they are not in the document.
    path, value = "", document
    for segment in location:
        try:
            value = _member(value, segment)
        except LookupError:
            break
        path = join_path(path, segment)
    return path, value


def _member(value: object, segment: str | int) -> object:
    if isinstance(value, dict):
        return cast("dict[str | int, object]", value)[segment]
    if isinstance(value, list) and isinstance(segment, int):
        return cast("list[object]", value)[segment]
    raise LookupError(segment)


def _message(faults: Sequence[ErrorDetails], value: object) -> str:
    for fault in faults:
        if fault["type"] in _RANGES:
            return "must fit into the range of its integer type"
        if fault["type"] not in _EXPECTED:
            return fault["msg"].removeprefix("Value error, ")
    wanted = dict.fromkeys(_EXPECTED[fault["type"]] for fault in faults)
    return f"must be {' or '.join(wanted)}, not {name_type(value)}"


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
