"""Warnings about fields that a client sent and that are ignored.

    ignored fields, duplicate keys -> warnings, or violations when they are refused

Each mistyped field has a warning of its own, with the most similar valid field.  Fields that
Kubernetes has and Waypost does not store share one line per kind.

Source: contract.md, "Objects"; spec kubernetes-facade 7.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from app.domain.errors import CauseReason, Violation
from app.domain.objects.endpoints import ENDPOINTS
from app.domain.objects.resource import AnyResource
from app.domain.resources import RESOURCES
from app.schemas.documents.nearest import nearest
from app.schemas.documents.paths import UNKNOWN_MAX, IgnoredField

NAMED_MAX = 12  # fields in the line about a kind
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Remarks:
    """The ignored fields and duplicate keys of a document."""

    ignored_fields: tuple[IgnoredField, ...] = ()
    duplicates: tuple[str, ...] = ()

    @property
    def not_kept(self) -> tuple[str, ...]:
        """The paths of the fields that Kubernetes has and Waypost does not store."""
        return tuple(each.path for each in self.ignored_fields if each.is_known)

    def mistyped(self) -> Iterator[IgnoredField]:
        """Yield the fields that Kubernetes does not have, at most UNKNOWN_MAX."""
        return islice((each for each in self.ignored_fields if not each.is_known), UNKNOWN_MAX)

    def mistakes(self, document: str = "") -> Iterator[str]:
        """Word the probable mistakes; ``document`` is a prefix of each path."""
        for each in self.mistyped():
            yield f'unknown field "{document}{each.path}"{_hint(each)}'
        for path in self.duplicates:
            yield f'duplicate field "{document}{path}"'

    def violations(self) -> Iterator[Violation]:
        """Make violations of everything, for a refusal."""
        for each in self.ignored_fields[:UNKNOWN_MAX]:
            problem = "not kept here" if each.is_known else f"unknown field{_hint(each)}"
            yield Violation(CauseReason.INVALID, each.path, problem)
        for path in self.duplicates:
            yield Violation(CauseReason.DUPLICATE, path, "given twice")


def not_kept_line(kind: str, paths: Iterable[str]) -> Iterator[str]:
    """List the fields of a kind that are not stored, in one line; no line if there are none."""
    places = dict.fromkeys(paths)
    general = dict.fromkeys(_INDEX.sub("[*]", path) for path in places)
    names = list(places) if len(places) == len(general) else list(general)
    if names:
        more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
        yield f"{kind}: known fields that are not kept here: {', '.join(names[:NAMED_MAX])}{more}"


def not_held_line(kind: str, api_version: str) -> str:
    """Word that a kind is unknown here, with the kind that was probably meant."""
    called = f"{kind} of {api_version}" if kind in _held() else kind or "an object without kind"
    return f"{called} is not held here{kind_meant(kind, api_version)}"


def kind_meant(kind: str, api_version: str) -> str:
    """Word which kind was probably meant by a mistyped one; empty when there is none."""
    meant = _held().get(nearest(kind, _held()))
    if meant is None or not _may_be_of(api_version.rpartition("/")[0], meant.group):
        return ""
    version = "" if api_version == meant.api_version else f" of {meant.api_version}"
    return f' (did you mean "{meant.name}"{version}?)'


def _held() -> Mapping[str, AnyResource]:
    return {each.name: each for each in (*RESOURCES, ENDPOINTS)}


def not_applied_line(kind: AnyResource) -> str:
    """Say that objects of a kind are derived from others, or created by a route of their own."""
    if kind.is_internal:
        return f"{kind.plural_name} are created by POST /{kind.plural}, and never applied"
    return f"{kind.plural_name} follow from other objects: they are read, never written"


def _may_be_of(group: str, meant: str) -> bool:
    """Whether a group was probably mistaken for another; vendors may have kinds of equal names."""
    own = {each.group for each in RESOURCES}
    return "." not in group or group in own or bool(nearest(group, [meant]))


def _hint(mistyped: IgnoredField) -> str:
    meant = nearest(str(mistyped.steps[-1]), mistyped.beside)
    return f' (did you mean "{meant}"?)' if meant else ""
