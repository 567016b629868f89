"""What else is wrong with a document in which some values have the wrong type.

    document, the places of those values -> the document without them -> violations in the rest

A refusal names every mistake that can be told.  Only values that are given are judged: one that
is missing may be there already, or be spelt by what cannot be read.  Nothing is said of what
holds such a value, nor of what stands beside one that decides what others mean (``spec.type``).

Source: contract.md, "Errors".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeAlias, TypeVar, cast

from pydantic import ValidationError

from app.domain.errors import Violation
from app.schemas.base import Input
from app.schemas.documents.paths import VIOLATIONS_MAX, member_of, type_violations

W = TypeVar("W", bound=Input)

Steps: TypeAlias = tuple[str | int, ...]

DECIDING = frozenset(
    {
        "addressType",
        "clusterIP",
        "clusterIPs",
        "dnsPolicy",
        "externalTrafficPolicy",
        "hostNetwork",
        "ipFamilies",
        "ipFamilyPolicy",
        "restartPolicy",
        "sessionAffinity",
        "type",
    }
)
"""Fields on which it depends whether and how those beside and below them may be set."""

_OF_OBJECTS = frozenset({"dict_type", "model_attributes_type", "model_type"})
_STEP = re.compile(r"\[(\d+)\]|\[([^\]]*)\]|\.?([^.\[\]]+)")


def all_violations(
    error: ValidationError,
    document: dict[str, object],
    model: type[W],
    judge: Callable[[W], Iterable[Violation]],
) -> tuple[Violation, ...]:
    """List what has the wrong type, then what ``judge`` finds in the rest of the document.

    When the rest cannot be read either, the types are all that is told.
    """
    mistyped = type_violations(error, document)
    places = dict(_places(error, document))
    try:
        rest = _without(document, places)
        wire = model.model_validate(rest)
    except ValidationError:
        return mistyped
    silent = _silent(places)
    besides = (each for each in judge(wire) if _can_be_told(each.field, rest, silent))
    return tuple(islice((*mistyped, *besides), VIOLATIONS_MAX))


def _places(error: ValidationError, document: object) -> Iterator[tuple[Steps, object]]:
    """Yield where a value has the wrong type, and an empty one of the right type for a list."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    for detail in islice(details, VIOLATIONS_MAX):
        steps: list[str | int] = []
        value = document
        for step in detail["loc"]:
            try:
                value = member_of(value, step)
            except LookupError:
                break  # pydantic goes on with the branches of a union
            steps.append(step)
        yield tuple(steps), {} if detail["type"] in _OF_OBJECTS else ""


def _without(document: dict[str, object], places: Mapping[Steps, object]) -> dict[str, object]:
    """Copy a document without the values at the places; elements of lists become empty."""
    rest = dict(document)
    copied: set[Steps] = {()}
    for steps in sorted(places, key=len):
        if not steps:
            continue
        holder = _opened(rest, steps[:-1], copied)
        last = steps[-1]
        if isinstance(holder, dict):
            cast("dict[str | int, object]", holder).pop(last, None)
        elif isinstance(holder, list) and isinstance(last, int):
            cast("list[object]", holder)[last] = places[steps]
    return rest


def _opened(rest: dict[str, object], steps: Steps, copied: set[Steps]) -> object:
    """Find what is at a place, with all that leads there copied; None where it went."""
    holder: object = rest
    for depth, step in enumerate(steps, start=1):
        try:
            inner = member_of(holder, step)
        except LookupError:
            return None
        if steps[:depth] not in copied:
            copied.add(steps[:depth])
            inner = _copy(inner)
            cast("dict[str | int, object]", holder)[step] = inner
        holder = inner
    return holder


def _copy(value: object) -> object:
    if isinstance(value, dict):
        return dict(cast("dict[str, object]", value))
    return list(cast("list[object]", value)) if isinstance(value, list) else value


def _silent(places: Iterable[Steps]) -> tuple[frozenset[Steps], frozenset[Steps]]:
    """Name what nothing is said of: what holds a place, and what lies at or below another."""
    holders: set[Steps] = set()
    below: set[Steps] = set()
    for steps in places:
        holders.update(steps[:depth] for depth in range(len(steps)))
        below.add(steps[:-1] if steps and steps[-1] in DECIDING else steps)
    return frozenset(holders), frozenset(below)


def _can_be_told(
    path: str, rest: object, silent: tuple[frozenset[Steps], frozenset[Steps]]
) -> bool:
    holders, below = silent
    steps = steps_of(path)
    if steps in holders or any(steps[:depth] in below for depth in range(len(steps) + 1)):
        return False
    return _is_given(rest, steps)


def _is_given(document: object, steps: Sequence[str | int]) -> bool:
    value = document
    for step in steps:
        try:
            value = member_of(value, step)
        except LookupError:
            return False
    return value is not None


def steps_of(path: str) -> Steps:
    """Take a path apart; the inverse of ``join_path`` for keys without a bracket."""
    return tuple(
        int(index) if index else key or word
        for index, key, word in (found.groups(default="") for found in _STEP.finditer(path))
    )
