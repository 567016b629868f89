"""The distance of a Pod's labels from a selector, and messages about it.

    requirements, labels -> the failed requirements, and their distance

Source: contract.md, "Routes": which requirement failed, and the Pod's label instead.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from app.domain.labels import Operator, Requirement
from app.domain.objects.service import Service

SPELLING_DISTANCE_MAX = 2  # letters by which a misspelt label may differ
_DISTANCES_MAX = 8_192  # cached pairs of words
_FAR = 64  # more than the distance of any two label values, which have at most 63 characters


class Misses(NamedTuple):
    """The requirements that labels do not meet; sorts by distance."""

    failed: int
    distance: int  # letters that would have to change, summed
    messages: tuple[str, ...]


def requirements_of(service: Service) -> tuple[Requirement, ...]:
    """Convert a Service's selector to requirements, those of ``selector`` first."""
    plain = (
        Requirement(key=key, operator=Operator.IN, values=(value,))
        for key, value in sorted((service.selector or {}).items())
    )
    return (*plain, *service.selector_expressions)


def misses(requirements: Iterable[Requirement], labels: Mapping[str, str]) -> Misses:
    """Find the requirements that labels fail; none means that they are selected."""
    failed = [entry for entry in requirements if not entry.matches(labels)]
    return Misses(
        len(failed),
        sum(_distance_of(entry, labels) for entry in failed),
        tuple(f"wants {wanted(entry)}, {_had(entry, labels)}" for entry in failed),
    )


def wanted(requirement: Requirement) -> str:
    """Write a requirement: ``app=web``, ``tier in (a, b)``, ``no label tier``."""
    key, values = requirement.key, requirement.values
    listed = ", ".join(values)
    match requirement.operator:
        case Operator.IN:
            return f"{key}={values[0]}" if len(values) == 1 else f"{key} in ({listed})"
        case Operator.NOT_IN:
            return f"{key} not in ({listed})"
        case Operator.DOES_NOT_EXIST:
            return f"no label {key}"
        case _:
            return f"a label {key}"


def _had(requirement: Requirement, labels: Mapping[str, str]) -> str:
    value = labels.get(requirement.key)
    if value is not None:
        return f"has {requirement.key}={value}"
    similar = similar_word(requirement.key, labels)
    if similar is None:
        return "has no such label"
    return f"has no such label but {similar}={labels[similar]}"


def _distance_of(requirement: Requirement, labels: Mapping[str, str]) -> int:
    value = labels.get(requirement.key)
    if value is None:
        similar = similar_word(requirement.key, labels)
        return _FAR if similar is None else distance(similar, requirement.key)
    if requirement.operator != Operator.IN:
        return 1
    return min((distance(value, entry) for entry in requirement.values), default=_FAR)


def similar_word(word: str, among: Iterable[str]) -> str | None:
    """Find the word of which ``word`` is most likely a misspelling; None when all are too far."""
    near = ((distance(word, other), other) for other in among)
    found = min((pair for pair in near if pair[0] <= SPELLING_DISTANCE_MAX), default=None)
    return None if found is None or len(word) <= SPELLING_DISTANCE_MAX else found[1]


@lru_cache(maxsize=_DISTANCES_MAX)
def distance(word: str, other: str) -> int:
    """Count the letters to insert, remove, change or swap; a difference in case costs nothing."""
    left, right = word.lower(), other.lower()
    above: list[int] = []
    row = list(range(len(right) + 1))
    for place, letter in enumerate(left):
        before, above, row = above, row, [place + 1]
        for column, other_letter in enumerate(right):
            cost = min(
                above[column] + (letter != other_letter), above[column + 1] + 1, row[column] + 1
            )
            # Two adjacent letters in the wrong order count as one typing error.
            is_swap = place and column and letter == right[column - 1]
            if is_swap and left[place - 1] == other_letter:
                cost = min(cost, before[column - 1] + 1)
            row.append(cost)
    return row[-1]
