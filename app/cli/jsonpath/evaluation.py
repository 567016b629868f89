"""The values that a JSONPath template finds, as kubectl finds them.

    Template, document -> groups of values, one for each text and action

A member that is missing gives no value; an index outside a list is an error.
Source: k8s.io/client-go `util/jsonpath/jsonpath.go`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

from app.cli.jsonpath.nodes import (
    Descent,
    Field,
    Filter,
    JSONPathError,
    Keyword,
    Literal,
    Slice,
    Step,
    Steps,
    Template,
    Text,
    Union,
    Wildcard,
)

_RANGE: Final = Keyword("range")
_END: Final = Keyword("end")

Values = list[object]


def found_in(template: Template, document: object) -> list[Values]:
    """Evaluate a template; raises JSONPathError."""
    groups, position = _block(template, 0, document, depth=0)
    assert position == len(template), "only the end of a loop ends a block"
    return groups


def values_of(template: Template, document: object) -> Values:
    """Give the values of all groups."""
    return [value for group in found_in(template, document) for value in group]


def _block(
    template: Template, position: int, document: object, *, depth: int
) -> tuple[list[Values], int]:
    """Evaluate up to the end of the template, or of the loop that it is in."""
    groups: list[Values] = []
    while position < len(template):
        part = template[position]
        position += 1
        if isinstance(part, Text):
            groups.append([part.text])
        elif part[:1] == (_END,):
            if not depth:
                raise JSONPathError("not in range, nothing to end")
            return groups, position
        elif part[:1] == (_RANGE,):
            after = _end_of_loop(template, position)
            for each in _walk([document], part[1:]):
                groups += _block(template, position, each, depth=depth + 1)[0]
            position = after
        else:
            groups.append(_walk([document], part))
    return groups, position


def _end_of_loop(template: Template, position: int) -> int:
    depth = 1
    while position < len(template) and depth:
        part = template[position]
        position += 1
        if not isinstance(part, Text):
            depth += (part[:1] == (_RANGE,)) - (part[:1] == (_END,))
    return position


def _walk(values: Values, steps: Steps) -> Values:
    for step in steps:
        values = _step(values, step)
    return values


def _step(values: Values, step: Step) -> Values:  # noqa: C901, PLR0911  one for each step
    match step:
        case Text(text):
            return [text]
        case Literal(value):
            return [value for _ in values]
        case Field(name):
            return list(_members(values, name))
        case Slice():
            return [each for value in values for each in _sliced(value, step)]
        case Wildcard():
            return [each for value in values for each in _children(value)]
        case Descent():
            return list(_below(values))
        case Union(paths):
            return [each for path in paths for each in _walk(values, path)]
        case Filter():
            return [each for value in values for each in _filtered(value, step)]
        case Keyword(name):
            raise JSONPathError(f"{name} must be the first word of its braces")


def _members(values: Iterable[object], name: str) -> Iterator[object]:
    for value in values:
        if isinstance(value, Mapping) and name in value:
            yield cast("Mapping[str, object]", value)[name]


def _children(value: object) -> Sequence[object]:
    match value:
        case Mapping():
            return list(cast("Mapping[str, object]", value).values())
        case list():
            return cast("list[object]", value)
        case _:
            return ()


def _below(values: Iterable[object]) -> Iterator[object]:
    for value in values:
        if isinstance(value, str) and value:
            yield value  # Go descends into its octets, too, which have nothing below
        elif children := _children(value):
            yield value
            yield from _below(children)


def _listed(value: object, verb: str) -> list[object]:
    if not isinstance(value, list):
        raise JSONPathError(f"{_called(value)} is not array or slice{verb}")
    return cast("list[object]", value)


def _called(value: object) -> str:
    return "an object" if isinstance(value, Mapping) else f"{value!r}"


def _sliced(value: object, asked: Slice) -> Sequence[object]:
    """Slice a list by the rules of Go, where an index outside is an error."""
    if value is None:
        return ()
    elements = _listed(value, "")
    length = len(elements)
    start = asked.start or 0
    start += length if start < 0 else 0
    if asked.is_single:
        stop = start + 1
    else:
        stop = length if asked.stop is None else asked.stop
        stop += length if stop < 0 else 0
    if start == stop:
        return ()
    for index in (start, stop - 1):
        if not 0 <= index < length:
            raise JSONPathError(f"array index out of bounds: index {index}, length {length}")
    if start > stop:
        raise JSONPathError(f"starting index {start} is greater than ending index {stop}")
    if asked.step is not None and asked.step <= 0:
        raise JSONPathError("step must be > 0")
    return elements[start : stop : asked.step or 1]


def _filtered(value: object, asked: Filter) -> Iterator[object]:
    for element in _listed(value, " and cannot be filtered"):
        lefts = _walk([element], asked.left)
        if asked.operator == "exists":
            if lefts:
                yield element
            continue
        if not lefts:
            continue
        rights = _walk([element], asked.right)
        if len(lefts) > 1 or len(rights) > 1:
            raise JSONPathError("can only compare one element at a time")
        if rights and _holds(lefts[0], asked.operator, rights[0]):
            yield element


def _holds(left: object, operator: str, right: object) -> bool:
    sort = _sort(left)
    if not sort or sort != _sort(right):
        raise JSONPathError(f"incompatible types for comparison: {left!r} and {right!r}")
    if operator in ("==", "!="):
        return (left == right) == (operator == "==")
    if sort == "bool":
        raise JSONPathError("invalid type for comparison: a truth value")
    is_less = cast("float", left) < cast("float", right)
    return {
        "<": is_less,
        "<=": is_less or left == right,
        ">": not is_less and left != right,
        ">=": not is_less,
    }[operator]


def _sort(value: object) -> str:
    """Name the sort of a value; only values of one sort are compared."""
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "text"
        case _:
            return ""
