"""Gadgets: every rule that one must obey."""

from collections.abc import Iterable
from dataclasses import replace

from app.domain.objects.gadget import Gadget

from app.domain.errors import Violation
from app.domain.names import subdomain_problems
from app.domain.registration.strategy import Strategy
from app.domain.registration.validation.metadata import (
    metadata_update_violations,
    metadata_violations,
)
from app.domain.violations import not_supported

COLOURS = frozenset({"red", "blue"})


def _validate(draft: Gadget) -> tuple[Violation, ...]:
    return (*metadata_violations(draft.metadata, subdomain_problems), *_colour_violations(draft))


def _validate_update(current: Gadget, desired: Gadget) -> tuple[Violation, ...]:
    return (
        *metadata_update_violations(current.metadata, desired.metadata),
        *_colour_violations(desired),
    )


def _colour_violations(gadget: Gadget) -> Iterable[Violation]:
    if gadget.colour not in COLOURS:
        yield not_supported("spec.colour", gadget.colour, COLOURS)


STRATEGY = Strategy(
    validate=_validate,
    validate_update=_validate_update,
    complete=lambda draft: replace(draft, colour=draft.colour or "red"),
)
