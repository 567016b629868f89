"""Strict parser of JSON text.

    text -> value and the paths of duplicate keys
    text -> such values, one after another

NaN and Infinity, lone surrogates and NUL characters are refused: the database cannot
store them.  Source: RFC 8259.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import cast

from app.domain.errors import BadRequest
from app.schemas.documents.body_bounds import (
    DEPTH_MAX,
    DUPLICATES_MAX,
    MEMBERS_MAX,
    NODES_MAX,
    TOO_WIDE,
)
from app.schemas.documents.containers import levels_of, members_of
from app.schemas.documents.paths import join_path, named_members_of
from app.schemas.documents.yaml_text import Parsed

_UNREADABLE = "the JSON cannot be read: "
_BETWEEN = re.compile("[ \\t\\r\\n\\ufeff]*")
_BEGIN_VALUES = ",[{"  # before the next value of a container, and before the first
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_LONG_NUMBER = re.compile(r"[0-9]{4000}")
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")  # escapes that need a check

_Pairs = list[tuple[str, object]]
_Repeated = list[tuple[dict[str, object], _Pairs]]
"""Objects with duplicate keys, with all of their pairs."""


def read_json(text: str) -> Parsed:
    """Parse one JSON value; raises BadRequest, with line and column where possible."""
    _require_bounded(text)
    parsed, end = _value_at(text, _next(text, 0))
    if (rest := _next(text, end)) < len(text):
        raise _refused(text, rest, "Extra data")
    return parsed


def read_json_stream(text: str) -> Iterator[Parsed]:
    """Parse the values that follow one another in a text, as ``jq`` writes them.

    White space between them is optional.  Raises BadRequest as ``read_json`` does; from the
    second value on, with the number of the value.
    """
    _require_bounded(text)
    number, position = 1, _next(text, 0)
    while position < len(text):
        try:
            parsed, position = _value_at(text, position)
        except BadRequest as refusal:
            raise _numbered(refusal, number) from None
        yield parsed
        number, position = number + 1, _next(text, position)


def _require_bounded(text: str) -> None:
    """Refuse a text with too many values before parsing it, which is one long call."""
    if sum(map(text.count, _BEGIN_VALUES)) > NODES_MAX and _has_too_many_values(text):
        raise BadRequest(f"{_UNREADABLE}it holds more than {NODES_MAX} values")


def _has_too_many_values(text: str) -> bool:
    """Count the characters that begin a value, except in strings."""
    begun = end = 0
    for string in _STRING.finditer(text):
        begun += sum(text.count(mark, end, string.start()) for mark in _BEGIN_VALUES)
        end = string.end()
        if begun > NODES_MAX:
            return True
    return begun + sum(text.count(mark, end) for mark in _BEGIN_VALUES) > NODES_MAX


def _next(text: str, position: int) -> int:
    """Find where the next value begins, after white space and byte-order marks."""
    found = _BETWEEN.match(text, position)
    return position if found is None else found.end()


def _value_at(text: str, position: int) -> tuple[Parsed, int]:
    repeated: _Repeated = []

    def build(pairs: _Pairs) -> dict[str, object]:
        members = dict(pairs)
        if len(members) < len(pairs) and len(repeated) < DUPLICATES_MAX:
            repeated.append((members, pairs))
        return members

    value, end = _load(text, position, build)
    if _may_exceed(text, position, end):
        _require_compact(value)
    suspect = _SUSPECT.search(text, position, end)
    if suspect and not all(_is_acceptable(string) for string in _strings(value)):
        problem = "it holds a NUL character or half a surrogate pair"
        raise _refused(text, suspect.start(), problem)
    return Parsed(value, _duplicates(value, repeated) if repeated else ()), end


def _load(
    text: str, position: int, build: Callable[[_Pairs], dict[str, object]]
) -> tuple[object, int]:
    decoder = json.JSONDecoder(
        object_pairs_hook=build, parse_constant=_constant, parse_float=_finite
    )
    try:
        return decoder.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise _refused(text, error.pos, error.msg) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        found = _LONG_NUMBER.search(text, position)
        raise _refused(text, found.start() if found else 0, "the number is too long") from None


def _numbered(refusal: BadRequest, number: int) -> BadRequest:
    if number == 1:
        return refusal
    return BadRequest(
        f"{_UNREADABLE}document {number}, {refusal.message.removeprefix(_UNREADABLE)}"
    )


def _constant(name: str) -> object:
    raise BadRequest(f"{_UNREADABLE}{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadRequest(f"{_UNREADABLE}the number {digits[:40]} is too large")
    return number


def _refused(text: str, position: int, problem: str) -> BadRequest:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return BadRequest(f"{_UNREADABLE}line {line}, column {column}: {problem}")


def _too_deep() -> BadRequest:
    return BadRequest(f"{_UNREADABLE}it nests deeper than {DEPTH_MAX} levels")


def is_too_deep(value: object) -> bool:
    """Whether containers nest deeper than DEPTH_MAX."""
    return any(depth == DEPTH_MAX for depth, _ in enumerate(levels_of(value)))


def _may_exceed(text: str, start: int, end: int) -> bool:
    """Whether a text has enough brackets to be too deep, or enough commas to be too wide."""
    opened = text.count("{", start, end) + text.count("[", start, end)
    return opened > DEPTH_MAX or text.count(",", start, end) >= MEMBERS_MAX


def _require_compact(value: object) -> None:
    """Raise BadRequest when containers nest too deep, or one holds more than MEMBERS_MAX."""
    is_too_wide = False
    for depth, level in enumerate(levels_of(value)):
        if depth == DEPTH_MAX:
            raise _too_deep()
        is_too_wide = is_too_wide or max(map(len, level)) > MEMBERS_MAX
    if is_too_wide:
        raise BadRequest(f"{_UNREADABLE}{TOO_WIDE}")


def _strings(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        member = pending.pop()
        pending.extend(members_of(member))
        if isinstance(member, str):
            yield member
        elif isinstance(member, dict):
            yield from cast("dict[str, object]", member)


def _is_acceptable(string: str) -> bool:
    return "\0" not in string and not any("\ud800" <= letter <= "\udfff" for letter in string)


def _duplicates(value: object, repeated: _Repeated) -> tuple[str, ...]:
    """List the paths of duplicate keys, also in values that later duplicates replace."""
    pairs_by_id = {id(members): pairs for members, pairs in repeated}
    found: dict[str, None] = {}
    pending = [("", value, 0)]
    while pending and len(found) < DUPLICATES_MAX:
        path, member, depth = pending.pop()
        if depth > DEPTH_MAX:
            continue  # in a replaced value: the depth of the others has been checked
        pairs = pairs_by_id.get(id(member))
        counts = Counter(key for key, _ in pairs or ())
        found |= {join_path(path, key): None for key, count in counts.items() if count > 1}
        named = [*(named_members_of(member) if pairs is None else pairs)]
        pending += [(join_path(path, key), below, depth + 1) for key, below in reversed(named)]
    return tuple(islice(found, DUPLICATES_MAX))
