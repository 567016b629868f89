"""What a client is told of the fields that it sent and that are not kept.

    what was passed over, keys given twice -> warnings, or violations when they are refused

A mistyped field stands out: each is a warning of its own, with the nearest field that there
is.  Fields that Kubernetes has and Waypost does not keep share one line a kind.

Source: contract.md, "Objects"; spec kubernetes-facade 7.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

from app.domain.errors import CauseReason, Violation
from app.domain.objects.endpoints import ENDPOINTS
from app.domain.objects.resource import AnyResource
from app.domain.resources import RESOURCES
from app.schemas.documents.paths import UNKNOWN_MAX, PassedOver

NAMED_MAX = 12  # fields that one line about a kind names
_LIKENESS_MIN = 0.75  # below it, two names have little in common
_COMPARED_LENGTH_MAX = 64  # characters; no field has a longer name
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Remarks:
    """What is to be said of a document besides what it is."""

    passed_over: tuple[PassedOver, ...] = ()
    duplicates: tuple[str, ...] = ()

    @property
    def not_kept(self) -> tuple[str, ...]:
        """Name the fields that Kubernetes has and Waypost does not keep, by their paths."""
        return tuple(each.path for each in self.passed_over if each.is_known)

    def mistyped(self) -> Iterator[PassedOver]:
        """Yield the fields that Kubernetes does not have, UNKNOWN_MAX of them at most."""
        return islice((each for each in self.passed_over if not each.is_known), UNKNOWN_MAX)

    def mistakes(self, document: str = "") -> Iterator[str]:
        """Word what is probably not meant; ``document`` leads each path."""
        for each in self.mistyped():
            yield f'unknown field "{document}{each.path}"{_hint(each)}'
        for path in self.duplicates:
            yield f'duplicate field "{document}{path}"'

    def violations(self) -> Iterator[Violation]:
        """Word everything as a refusal."""
        for each in self.passed_over[:UNKNOWN_MAX]:
            problem = "not kept here" if each.is_known else f"unknown field{_hint(each)}"
            yield Violation(CauseReason.INVALID, each.path, problem)
        for path in self.duplicates:
            yield Violation(CauseReason.DUPLICATE, path, "given twice")


def not_kept_line(kind: str, paths: Iterable[str]) -> Iterator[str]:
    """Name the fields of a kind that are not kept, in one line; none where all are."""
    places = dict.fromkeys(paths)
    general = dict.fromkeys(_INDEX.sub("[*]", path) for path in places)
    names = list(places) if len(places) == len(general) else list(general)
    if names:
        more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
        yield f"{kind}: known fields that are not kept here: {', '.join(names[:NAMED_MAX])}{more}"


def not_held_line(kind: str, api_version: str) -> str:
    """Say that a kind is not held, and which one was probably meant."""
    held = {each.name: each for each in (*RESOURCES, ENDPOINTS)}
    called = f"{kind} of {api_version}" if kind in held else kind or "an object without kind"
    meant = held.get(nearest(kind, held))
    if meant is None or not _may_be_of(api_version.rpartition("/")[0], meant.group):
        return f"{called} is not held here"
    version = "" if api_version == meant.api_version else f" of {meant.api_version}"
    return f'{called} is not held here (did you mean "{meant.name}"{version}?)'


def derived_line(kind: AnyResource) -> str:
    """Say that objects of a kind cannot be written."""
    return f"{kind.plural_name} follow from other objects: they are read, never written"


def _may_be_of(group: str, meant: str) -> bool:
    """Whether one group stands for the other by mistake; a vendor has kinds of the same names."""
    own = {each.group for each in RESOURCES}
    return "." not in group or group in own or bool(nearest(group, [meant]))


def nearest(name: str, names: Collection[str]) -> str:
    """Find the name that was probably meant; empty when none is near."""
    if len(name) > _COMPARED_LENGTH_MAX:
        return ""
    by_lower = {each.lower(): each for each in sorted(names, reverse=True)}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=_LIKENESS_MIN)
    return by_lower[found[0]] if found else ""


def _hint(mistyped: PassedOver) -> str:
    meant = nearest(str(mistyped.steps[-1]), mistyped.beside)
    return f' (did you mean "{meant}"?)' if meant else ""
