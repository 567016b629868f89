"""The three patch languages.

    patch type, current wire shape, patch -> the patched wire shape

Source: RFC 7386 (merge patch), RFC 6902 (JSON patch), spec kubernetes-api 5.7.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from enum import StrEnum
from typing import cast

from jsonpatch import InvalidJsonPatch, JsonPatch, JsonPatchException, JsonPatchTestFailed
from jsonpointer import JsonPointer, JsonPointerException

from app.domain.errors import BadRequest, Invalid
from app.schemas.documents.body_bounds import DEPTH_MAX
from app.schemas.documents.containers import members_of
from app.schemas.documents.json_text import is_too_deep
from app.schemas.documents.paths import name_type
from app.schemas.objects.wires import in_step
from app.schemas.patches.keyed_lists import Wire, fields_in
from app.schemas.patches.strategic_merge import Inapplicable, strategic_merge

OPERATIONS_MAX = 10_000  # of one JSON patch
COPIED_MAX = 100_000  # values that the copy operations of one JSON patch may add
_MESSAGE_LENGTH_MAX = 300  # characters of a library's message that the client gets


class PatchType(StrEnum):
    """The patch languages."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"


def apply_patch(how: PatchType, current: Mapping[str, object], patch: object) -> Wire:
    """Make the patched wire shape; ``current`` is not altered.

    Raises BadRequest when the patch is malformed or changes the kind, and
    Invalid without causes when it does not fit the object.
    """
    try:
        patched = _patched(how, current, patch)
    except Inapplicable as error:
        raise _invalid(current, str(error)) from None
    except RecursionError:
        raise BadRequest("the patch makes an object that nests too deep") from None
    if is_too_deep(patched):
        raise BadRequest("the patch makes an object that nests too deep")
    for field in ("apiVersion", "kind"):
        if patched.get(field) != current.get(field):
            raise BadRequest(f"a patch cannot change the {field}")
    return in_step(current, patched)


def _patched(how: PatchType, current: Mapping[str, object], patch: object) -> Wire:
    if how is PatchType.JSON:
        return _json_patched(current, patch)
    if not isinstance(patch, dict):
        raise BadRequest(f"the patch must be an object, not {name_type(patch)}")
    if how is PatchType.MERGE:
        return _merged(current, cast("Wire", patch))
    return strategic_merge(str(current.get("kind")), current, cast("Wire", patch))


def _merged(current: Mapping[str, object], patch: Wire) -> Wire:
    result = dict(current)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(fields_in(result.get(key)), cast("Wire", value))
        else:
            result[key] = value
    return result


def _json_patched(current: Mapping[str, object], patch: object) -> Wire:
    operations = _operations(patch)
    result: object = deepcopy(dict(current))
    copied = 0
    for index, operation in enumerate(operations):
        try:
            change = JsonPatch([operation])
            if operation["op"] == "copy":
                copied += _size(_source(operation, result), COPIED_MAX - copied)
            result = change.apply(result, in_place=True)
        except (InvalidJsonPatch, KeyError, TypeError) as error:
            raise BadRequest(f"operation {index} is malformed: {_brief(error)}") from None
        except (JsonPatchException, JsonPointerException) as error:
            raise Inapplicable(_mismatch(index, operation, error)) from None
    if not isinstance(result, dict):
        raise Inapplicable(f"the patch makes {name_type(result)} of the object")
    return cast("Wire", result)


def _mismatch(index: int, operation: Wire, error: Exception) -> str:
    """Word why an operation does not apply; the library's message has the whole object."""
    places = [f"{name} {operation[name]}" for name in ("path", "from") if name in operation]
    if isinstance(error, JsonPatchTestFailed):
        return f"operation {index} ({', '.join(places)}): the value there is not the one tested for"
    return f"operation {index} ({operation['op']}, {', '.join(places)}) has no such place to act on"


def _source(operation: Wire, document: object) -> object:
    pointer = operation["from"]
    if not isinstance(pointer, str):
        raise TypeError("'from' must be a string")
    return cast("object", JsonPointer(pointer).resolve(document))


def _operations(patch: object) -> Sequence[Wire]:
    if not isinstance(patch, list):
        raise BadRequest(f"a JSON patch must be a list, not {name_type(patch)}")
    operations = cast("list[object]", patch)
    if len(operations) > OPERATIONS_MAX:
        raise BadRequest(f"a JSON patch may hold {OPERATIONS_MAX} operations, not more")
    for index, operation in enumerate(operations):
        if not isinstance(operation, dict):
            raise BadRequest(f"operation {index} must be an object, not {name_type(operation)}")
        named = cast("Wire", operation)
        if any(str(named.get(field, "")).count("/") > DEPTH_MAX for field in ("path", "from")):
            raise BadRequest(f"operation {index} points deeper than {DEPTH_MAX} levels")
    return cast("list[Wire]", operations)


def _size(value: object, bound: int) -> int:
    """Count the values within a value; raises BadRequest beyond the bound."""
    size, level = 0, [value]
    while level:
        size += len(level)
        if size > bound:
            raise BadRequest(f"the patch copies more than {COPIED_MAX} values")
        level = [member for container in level for member in members_of(container)]
    return size


def _brief(error: Exception) -> str:
    text = str(error)
    return text if len(text) <= _MESSAGE_LENGTH_MAX else f"{text[:_MESSAGE_LENGTH_MAX]}…"


def _invalid(current: Mapping[str, object], problem: str) -> Invalid:
    name = fields_in(current.get("metadata")).get("name", "")
    error = Invalid(str(current.get("kind")), str(name), ())
    error.message = f'{error.kind} "{error.name}" cannot be patched: {problem}'
    return error
