"""Objects and warnings of manifests that are decoded without a server.

    manifests -> objects, Endpoints and warnings, or every problem at once

Problems and warnings are those of ``POST /apply``, in the same words, after file and line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from app.cli.fields import text
from app.cli.manifests import Manifest, unreadable
from app.domain.errors import DomainError, Invalid
from app.domain.objects.endpoints import ENDPOINTS, Endpoints
from app.domain.objects.namespace import in_default_namespace
from app.domain.objects.resource import Object
from app.domain.registration.slices.endpoints_validation import validate as validate_endpoints
from app.schemas.documents.paths import IgnoredField
from app.schemas.documents.remarks import Remarks, not_held_line, not_kept_line
from app.schemas.objects.codec import decode_object, read_endpoints


@dataclass(slots=True)
class Contents:
    """The objects of manifests, and the warnings about them."""

    objects: list[Object] = field(default_factory=list[Object])
    endpoints: list[Endpoints] = field(default_factory=list[Endpoints])
    warnings: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Findings:
    """Problems and warnings; ``general`` ones have the first place to which they apply."""

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
    """Decode manifests; raises Unreadable with every problem, and when strict every warning."""
    contents, findings = Contents(), _Findings()
    for manifest in manifests:
        untyped = [*_untyped(manifest)]
        findings.problems += untyped
        if manifest.kind is not None:
            _read(manifest, contents, findings)
        elif not untyped:
            line = not_held_line(
                text(manifest.content, "kind"), text(manifest.content, "apiVersion")
            )
            findings.general.setdefault(line, manifest.at("kind"))
    contents.warnings = [*findings.warnings()]
    problems = findings.problems + (contents.warnings if is_strict else [])
    if problems:
        raise unreadable(f"{len(problems)} things are wrong, nothing is rendered", problems)
    return contents


def _untyped(manifest: Manifest) -> Iterator[str]:
    """List the missing apiVersion and kind of a manifest."""
    for name in ("apiVersion", "kind"):
        if not manifest.content.get(name):
            yield f"{manifest.at(name)}: {name} is required"


def _read(manifest: Manifest, contents: Contents, findings: _Findings) -> None:
    findings.mistakes += manifest.repeated()
    try:
        if manifest.kind is ENDPOINTS:
            endpoints, ignored_fields = read_endpoints(manifest.content)
            contents.endpoints.append(_validated(endpoints))
        else:
            decoded = decode_object(manifest.content)
            ignored_fields = decoded.ignored_fields
            contents.objects.append(decoded.object)
    except DomainError as refusal:
        findings.problems += _placed(manifest, refusal)
    else:
        _add_ignored(manifest, ignored_fields, findings)


def _add_ignored(
    manifest: Manifest, ignored_fields: Sequence[IgnoredField], findings: _Findings
) -> None:
    remarks = Remarks(tuple(ignored_fields))
    for each, words in zip(remarks.mistyped(), remarks.mistakes(), strict=True):
        findings.mistakes.append(f"{manifest.at(each.path)}: {words}")
    findings.not_kept.setdefault(text(manifest.content, "kind"), []).extend(remarks.not_kept)


def _placed(manifest: Manifest, refusal: DomainError) -> Iterator[str]:
    if not refusal.causes:
        yield f"{manifest.place}: {refusal.message}"
    for cause in refusal.causes:
        yield f"{manifest.at(cause.field)}: {cause}"


def _validated(endpoints: Endpoints) -> Endpoints:
    """Fill in the namespace; raises Invalid."""
    endpoints = in_default_namespace(endpoints)
    if violations := validate_endpoints(endpoints):
        raise Invalid(ENDPOINTS.name, endpoints.metadata.name, violations)
    return endpoints
