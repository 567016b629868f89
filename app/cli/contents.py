"""Manifests that are read here, with no server: what they hold, and what is to be said of them.

    manifests -> objects, Endpoints and warnings, or every problem at once

The words are those of ``POST /apply``, and what is a warning there is one here; file and line
lead them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from app.cli.fields import text
from app.cli.manifests import Manifest, unreadable
from app.domain.errors import DomainError, Invalid
from app.domain.objects.endpoints import ENDPOINTS, Endpoints
from app.domain.objects.namespace import DEFAULT_NAMESPACE
from app.domain.objects.resource import Object
from app.domain.registration.slices.endpoints_validation import validate as validate_endpoints
from app.schemas.documents.paths import PassedOver
from app.schemas.documents.remarks import Remarks, not_held_line, not_kept_line
from app.schemas.objects.codec import decode_object, read_endpoints


@dataclass(slots=True)
class Contents:
    """What manifests hold, and what they are warned of."""

    objects: list[Object] = field(default_factory=list[Object])
    endpoints: list[Endpoints] = field(default_factory=list[Endpoints])
    warnings: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Told:
    """What is said of manifests: ``general`` with the place where it holds first."""

    problems: list[str] = field(default_factory=list[str])
    mistakes: list[str] = field(default_factory=list[str])
    general: dict[str, str] = field(default_factory=dict[str, str])
    not_kept: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def warnings(self) -> Iterator[str]:
        yield from self.mistakes
        yield from (f"{place}: {line}" for line, place in self.general.items())
        for kind, paths in self.not_kept.items():
            yield from not_kept_line(kind, paths)


def contents_of(manifests: Iterable[Manifest], *, is_strict: bool) -> Contents:
    """Read manifests; raises Unreadable with every problem, and when strict every warning."""
    contents, told = Contents(), _Told()
    for manifest in manifests:
        untyped = [*_untyped(manifest)]
        told.problems += untyped
        if manifest.kind is not None:
            _read(manifest, contents, told)
        elif not untyped:
            line = not_held_line(
                text(manifest.content, "kind"), text(manifest.content, "apiVersion")
            )
            told.general.setdefault(line, manifest.at("kind"))
    contents.warnings = [*told.warnings()]
    problems = told.problems + (contents.warnings if is_strict else [])
    if problems:
        raise unreadable(f"{len(problems)} things are wrong, nothing is rendered", problems)
    return contents


def _untyped(manifest: Manifest) -> Iterator[str]:
    """Refuse what does not say what it is."""
    for name in ("apiVersion", "kind"):
        if not manifest.content.get(name):
            yield f"{manifest.at(name)}: {name} is required"


def _read(manifest: Manifest, contents: Contents, told: _Told) -> None:
    told.mistakes += manifest.repeated()
    try:
        if manifest.kind is ENDPOINTS:
            endpoints, passed_over = read_endpoints(manifest.content)
            contents.endpoints.append(_validated(endpoints))
        else:
            decoded = decode_object(manifest.content)
            passed_over = decoded.passed_over
            contents.objects.append(decoded.object)
    except DomainError as refusal:
        told.problems += _placed(manifest, refusal)
    else:
        _tell(manifest, passed_over, told)


def _tell(manifest: Manifest, passed_over: Sequence[PassedOver], told: _Told) -> None:
    remarks = Remarks(tuple(passed_over))
    for each, words in zip(remarks.mistyped(), remarks.mistakes(), strict=True):
        told.mistakes.append(f"{manifest.at(each.path)}: {words}")
    told.not_kept.setdefault(text(manifest.content, "kind"), []).extend(remarks.not_kept)


def _placed(manifest: Manifest, refusal: DomainError) -> Iterator[str]:
    if not refusal.causes:
        yield f"{manifest.place}: {refusal.message}"
    for cause in refusal.causes:
        yield f"{manifest.at(cause.field)}: {cause}"


def _validated(endpoints: Endpoints) -> Endpoints:
    """Fill in the namespace; raises Invalid."""
    meta = endpoints.metadata
    meta = replace(meta, namespace=meta.namespace or DEFAULT_NAMESPACE)
    endpoints = replace(endpoints, metadata=meta)
    if violations := validate_endpoints(endpoints):
        raise Invalid(ENDPOINTS.name, meta.name, violations)
    return endpoints
