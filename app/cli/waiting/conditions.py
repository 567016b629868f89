"""What ``wait --for`` waits for, as a test of an object.

    "condition=Ready", "jsonpath={.spec.type}=NodePort", "delete", "create" -> Awaited
    Awaited, object | None -> whether it holds

Source: kubectl `pkg/cmd/wait/wait.go`, `condition.go` and `json.go`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import click

from app.cli.fields import Json, mappings, text
from app.cli.jsonpath.evaluation import values_of
from app.cli.jsonpath.nodes import JSONPathError
from app.cli.jsonpath.parsing import parse_path
from app.cli.jsonpath.text import go_text

WORDS: Final = ("condition=", "jsonpath=", "delete", "create")
_TRUE: Final = "true"


@dataclass(frozen=True, slots=True)
class Awaited:
    """A test of an object, which is None while it does not exist."""

    holds: Callable[[Json | None], bool]
    may_be_missing: bool = False
    """Whether it makes sense to wait for an object that does not exist."""


def awaited_of(given: str) -> Awaited:
    """Parse what is waited for; raises BadParameter."""
    word, equals, rest = given.partition("=")
    match word.lower():
        case "delete" if not equals:
            return Awaited(lambda found: found is None, may_be_missing=True)
        case "create" if not equals:
            return Awaited(lambda found: found is not None, may_be_missing=True)
        case "condition" if rest:
            type_, _, value = rest.partition("=")
            return Awaited(lambda found: _has_condition(found, type_, value or _TRUE))
        case "jsonpath" if rest:
            return _of_path(rest)
        case _:
            raise click.BadParameter(f"unrecognized condition: {given!r}: {', '.join(WORDS)}")


def _has_condition(found: Json | None, type_: str, value: str) -> bool:
    for condition in mappings(found, "status", "conditions"):
        if text(condition, "type").lower() == type_.lower():
            observed = text(condition, "observedGeneration", default="0")
            generation = text(found, "metadata", "generation", default="0")
            if int(observed) and int(observed) < int(generation):
                return False
            return text(condition, "status").lower() == value.lower()
    return False


def _of_path(given: str) -> Awaited:
    end = given.rfind("}") + 1
    path, equals, value = (
        (given[:end], *given[end:].partition("=")[1:]) if end else given.partition("=")
    )
    if end and given[end:] and not given[end:].startswith("="):
        raise click.BadParameter(
            f"jsonpath wait format must be --for=jsonpath='{{}}'=value: {given}"
        )
    if equals and not value:
        raise click.BadParameter("jsonpath wait value cannot be empty")
    try:
        template = parse_path(path)
    except JSONPathError as error:
        raise click.BadParameter(f"jsonpath: {error}") from None

    def holds(found: Json | None) -> bool:
        try:
            values = values_of(template, found) if found is not None else []
        except JSONPathError:
            return False
        if not equals:
            return bool(values)
        return len(values) == 1 and go_text(values[0]) == value.strip("'\"")

    return Awaited(holds)
