"""Objects and warnings of manifests that are decoded without a server.

    manifests -> objects, Endpoints and warnings, or every problem at once

Problems and warnings are those of ``POST /apply``, in the same words, after file and line.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from app.cli import kinds
from app.cli.fields import text
from app.cli.manifests import Manifest, unreadable
from app.domain.errors import DomainError, Invalid
from app.domain.objects.endpoints import ENDPOINTS, Endpoints
from app.domain.objects.namespace import in_default_namespace
from app.domain.objects.resource import Object
from app.domain.registration.slices.validation import endpoints_violations
from app.schemas.documents.remarks import Remarks, not_held_line, not_kept_line
from app.schemas.objects.codec import decode_object, read_endpoints


@dataclass(slots=True)
class Contents:
    """The objects of manifests, and what is wrong with them."""

    objects: list[Object] = field(default_factory=list[Object])
    endpoints: list[Endpoints] = field(default_factory=list[Endpoints])
    problems: list[str] = field(default_factory=list[str])
    mistakes: list[str] = field(default_factory=list[str])
    general: dict[str, str] = field(default_factory=dict[str, str])
    """Warnings about several manifests, each with the first place to which it applies."""
    not_kept: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Paths by kind."""

    def warnings(self) -> Iterator[str]:
        """Yield what does not keep the manifests from being rendered."""
        yield from self.mistakes
        yield from (f"{place}: {line}" for line, place in self.general.items())
        for kind, paths in self.not_kept.items():
            yield from not_kept_line(kind, paths)


def contents_of(manifests: Iterable[Manifest], *, is_strict: bool) -> Contents:
    """Decode manifests; raises Unreadable with every problem, and when strict every warning."""
    contents = Contents()
    for manifest in manifests:
        untyped = [*_untyped(manifest)]
        contents.problems += untyped
        if manifest.kind is not None:
            _read(manifest, contents)
        elif not untyped:
            line = not_held_line(
                text(manifest.content, "kind"), text(manifest.content, "apiVersion")
            )
            contents.general.setdefault(line, manifest.at("kind"))
    problems = [*contents.problems, *(contents.warnings() if is_strict else ())]
    if problems:
        raise unreadable(f"{len(problems)} things are wrong, nothing is rendered", problems)
    return contents


def _untyped(manifest: Manifest) -> Iterator[str]:
    for name in ("apiVersion", "kind"):
        if not manifest.content.get(name):
            yield f"{manifest.at(name)}: {name} is required"


def _read(manifest: Manifest, contents: Contents) -> None:
    contents.mistakes += manifest.repeated()
    try:
        if manifest.kind == kinds.ENDPOINTS:
            endpoints, ignored_fields = read_endpoints(manifest.content)
            endpoints = in_default_namespace(endpoints)
            if violations := endpoints_violations(endpoints):
                raise Invalid(ENDPOINTS.name, endpoints.metadata.name, violations)
            contents.endpoints.append(endpoints)
        else:
            decoded = decode_object(manifest.content)
            ignored_fields = decoded.ignored_fields
            contents.objects.append(decoded.object)
    except DomainError as refusal:
        contents.problems += _placed(manifest, refusal)
    else:
        remarks = Remarks(tuple(ignored_fields))
        for each, words in zip(remarks.mistyped(), remarks.mistakes(), strict=True):
            contents.mistakes.append(f"{manifest.at(each.path)}: {words}")
        kind = text(manifest.content, "kind")
        contents.not_kept.setdefault(kind, []).extend(remarks.not_kept)


def _placed(manifest: Manifest, refusal: DomainError) -> Iterator[str]:
    if not refusal.causes:
        yield f"{manifest.place}: {refusal.message}"
    for cause in refusal.causes:
        yield f"{manifest.at(cause.field)}: {cause}"
