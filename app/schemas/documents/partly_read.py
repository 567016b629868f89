"""Validation of the rest of a document in which some values have the wrong type.

    document, the paths of those values -> the document without them -> violations in the rest

A refusal lists as many violations as possible.  Only given values are validated: a missing one
may be stored already, or be one of those with a wrong type.  Violations of the containers of
such a value are left out, and so are those beside one that others depend on (``spec.type``).

Source: contract.md, "Errors".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar, cast

from pydantic import ValidationError

from app.domain.errors import Violation
from app.schemas.base import Input
from app.schemas.documents.paths import VIOLATIONS_MAX, Steps, member_of, steps_of, type_violations

W = TypeVar("W", bound=Input)

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
"""Fields that determine whether and how fields beside and below them may be set."""

_OF_OBJECTS = frozenset({"dict_type", "model_attributes_type", "model_type"})


def all_violations(
    error: ValidationError,
    document: dict[str, object],
    model: type[W],
    violations_of: Callable[[W], Iterable[Violation]],
) -> tuple[Violation, ...]:
    """List the wrong types, then what ``violations_of`` finds in the rest of the document.

    If the rest cannot be decoded either, the wrong types are all.
    """
    mistyped = type_violations(error, document)
    places = dict(_places(error, document))
    try:
        rest = _without(document, places)
        wire = model.model_validate(rest)
    except ValidationError:
        return mistyped
    excluded = _excluded(places)
    others = (each for each in violations_of(wire) if _is_certain(each.field, rest, excluded))
    return tuple(islice((*mistyped, *others), VIOLATIONS_MAX))


def _places(error: ValidationError, document: object) -> Iterator[tuple[Steps, object]]:
    """Yield the path of each value with a wrong type, and an empty value to replace it."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    for detail in islice(details, VIOLATIONS_MAX):
        steps: list[str | int] = []
        value = document
        for step in detail["loc"]:
            try:
                value = member_of(value, step)
            except LookupError:
                break  # the rest of the location names branches of a union
            steps.append(step)
        yield tuple(steps), {} if detail["type"] in _OF_OBJECTS else ""


def _without(document: dict[str, object], places: Mapping[Steps, object]) -> dict[str, object]:
    """Copy a document without the values at the given paths; elements of lists become empty."""
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
    """Find the value at a path and copy every container on the way; None if it was removed."""
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


def _excluded(places: Iterable[Steps]) -> tuple[frozenset[Steps], frozenset[Steps]]:
    """List the paths without reports: the containers of the values, and all at or below them."""
    holders: set[Steps] = set()
    below: set[Steps] = set()
    for steps in places:
        holders.update(steps[:depth] for depth in range(len(steps)))
        below.add(steps[:-1] if steps and steps[-1] in DECIDING else steps)
    return frozenset(holders), frozenset(below)


def _is_certain(
    path: str, rest: object, excluded: tuple[frozenset[Steps], frozenset[Steps]]
) -> bool:
    holders, below = excluded
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
