"""Gadgets: every rule that one must obey."""

from collections.abc import Iterable
from dataclasses import replace

from app.domain.objects.gadget import Gadget

from app.domain.errors import Violation
from app.domain.registration.strategy import Strategy
from app.domain.violations import not_supported

COLOURS = frozenset({"red", "blue"})


def _rules(_: Gadget | None, gadget: Gadget) -> Iterable[Violation]:
    if gadget.colour not in COLOURS:
        yield not_supported("spec.colour", gadget.colour, COLOURS)


STRATEGY = Strategy(
    rules=_rules,
    complete=lambda draft: replace(draft, colour=draft.colour or "red"),
)
