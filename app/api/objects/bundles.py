"""The objects of an apply, read and merged before they are written.

    body, snapshot -> Bundle(manifests, mirrors, ignored objects)
    Bundle, outcomes -> entries of an ApplyResult

Reading and merging happen outside of the writer; large bodies are read in a thread.

Source: contract.md, "POST /apply".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from app.api.objects.manifests import (
    EndpointsManifest,
    Manifest,
    read_endpoints_manifest,
    read_manifest,
    warnings_of,
)
from app.domain.errors import BadRequest, CauseReason, Violation
from app.domain.names import NamespacedName
from app.domain.objects.endpoints import ENDPOINTS
from app.domain.objects.namespace import DEFAULT_NAMESPACE
from app.domain.objects.resource import AnyResource
from app.domain.resources import APPLIED, RESOURCES_BY_KIND
from app.domain.snapshot import Snapshot
from app.registry.writes.apply import Outcome
from app.schemas.apply import ApplyOperation
from app.schemas.documents.read import Document, MediaType, parse_documents
from app.schemas.documents.remarks import not_applied_line, not_held_line

Entry = dict[str, object]


@dataclass(slots=True)
class Bundle:
    """Content of a body; ``ignored`` are entries for objects of unknown kinds, by position."""

    manifests: list[Manifest] = field(default_factory=list[Manifest])
    mirrors: list[EndpointsManifest] = field(default_factory=list[EndpointsManifest])
    ignored: list[tuple[int, Entry]] = field(default_factory=list[tuple[int, Entry]])
    refused: list[tuple[int, Violation]] = field(default_factory=list[tuple[int, Violation]])
    """Violations found while reading, with the position of the document."""
    mistakes: tuple[str, ...] = ()
    """Warnings of mistyped and duplicate fields."""

    def __len__(self) -> int:
        return len(self.manifests) + len(self.mirrors)

    def keys_of(self, kind: AnyResource) -> list[NamespacedName]:
        """List the keys of the objects of a kind."""
        return [manifest.key for manifest in self.manifests if manifest.kind == kind]

    def entries(self, outcomes: Iterable[Outcome]) -> list[Entry]:
        """Make an entry for each object in the order of the body, and then for pruned objects."""
        entries = [(outcome.position, _entry(outcome)) for outcome in outcomes]
        placed = [(position, entry) for position, entry in entries if position is not None]
        placed.extend(self.ignored)
        placed.sort(key=lambda entry: entry[0])
        pruned = [entry for position, entry in entries if position is None]
        return [*(entry for _, entry in placed), *pruned]

    def warnings(self, outcomes: Iterable[Outcome]) -> tuple[str, ...]:
        """List the warnings for the client."""
        return tuple(warnings_of((*self.manifests, *self.mirrors), outcomes))

    def clear(self) -> None:
        """Free all objects one by one, as freeing all at once would block the interpreter."""
        for held in (self.manifests, self.mirrors, self.ignored):
            while held:
                held.pop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Options of reading: whether unknown kinds are refused, and the maximum of objects."""

    field_validation: str
    must_be_held: bool
    objects_max: int


def read_bundle(body: bytes, media: MediaType, snapshot: Snapshot, how: Reading) -> Bundle:
    """Read a body, and merge each object into the current one.

    Raises BadRequest when it is not valid in its language, or has too many objects.
    """
    bundle = Bundle()
    for position, document in enumerate(parse_documents(body, media, objects_max=how.objects_max)):
        _sort(bundle, position, document, how.field_validation)
    if not (bundle.ignored or bundle.refused or len(bundle)):
        raise BadRequest("no objects passed to apply")
    if how.must_be_held:
        bundle.refused.extend(
            (position, _not_held(position, entry)) for position, entry in bundle.ignored
        )
    read = (*bundle.manifests, *bundle.mirrors)
    bundle.mistakes = tuple(text for manifest in read for text in manifest.warnings())
    for manifest in bundle.manifests:
        manifest.prepare(snapshot.of(manifest.kind).get(manifest.key))
    return bundle


def _sort(bundle: Bundle, position: int, document: Document, field_validation: str) -> None:
    """Add a document to the part of the bundle that its kind belongs to."""
    content = document.content
    kind = _kind_of(content)
    name, namespace = _names(content)
    api_version, kind_name = content.get("apiVersion"), content.get("kind")
    if untyped := tuple(_untyped(position, content)):
        bundle.refused.extend((position, violation) for violation in untyped)
    elif (api_version, kind_name) == (ENDPOINTS.api_version, ENDPOINTS.name):
        key = NamespacedName(namespace or DEFAULT_NAMESPACE, name)
        bundle.mirrors.append(read_endpoints_manifest(position, key, document, field_validation))
    elif kind is None or kind not in APPLIED:
        bundle.ignored.append((position, _ignored(content, namespace, name, kind)))
    else:
        key = NamespacedName((namespace or DEFAULT_NAMESPACE) if kind.is_namespaced else "", name)
        bundle.manifests.append(read_manifest(position, kind, key, document, field_validation))
        if _is_unnamed(content):
            bundle.refused.append((position, _unnamed(position)))


def _kind_of(content: Mapping[str, object]) -> AnyResource | None:
    """Find the kind of a document; None when it is unknown here."""
    kind = content.get("kind")
    found = RESOURCES_BY_KIND.get(kind) if isinstance(kind, str) else None
    return found if found is not None and content.get("apiVersion") == found.api_version else None


def _names(content: Mapping[str, object]) -> tuple[str, str]:
    match content.get("metadata"):
        case {"name": str(name), "namespace": str(namespace)}:
            return name, namespace
        case {"name": str(name)}:
            return name, ""
        case _:
            return "", ""


def _is_unnamed(content: Mapping[str, object]) -> bool:
    """Whether a document has no name; a name of the wrong type is refused as such."""
    metadata = content.get("metadata")
    if not isinstance(metadata, dict):
        return metadata is None
    return cast("dict[str, object]", metadata).get("name") in (None, "")


def _ignored(
    content: Mapping[str, object], namespace: str, name: str, known: AnyResource | None
) -> dict[str, object]:
    kind = content.get("kind")
    kind_text = kind if isinstance(kind, str) else ""
    api_version = content.get("apiVersion")
    version_text = api_version if isinstance(api_version, str) else ""
    return {
        "apiVersion": version_text,
        "kind": kind_text,
        **_present("namespace", namespace),
        "name": name,
        "operation": ApplyOperation.IGNORED.value,
        "message": (
            not_held_line(kind_text, version_text) if known is None else not_applied_line(known)
        ),
    }


def _entry(outcome: Outcome) -> Entry:
    return {
        "apiVersion": outcome.kind.api_version,
        "kind": outcome.kind.name,
        **_present("namespace", outcome.key.namespace),
        "name": outcome.key.name,
        "operation": outcome.operation.value,
        **_present("message", outcome.message),
    }


def _present(field: str, text: str) -> Entry:
    """Give a field unless it is empty, when an answer does not have it."""
    return {field: text} if text else {}


def _untyped(position: int, content: Mapping[str, object]) -> Iterable[Violation]:
    """Refuse a document without apiVersion or kind, as it may be meant for this registry."""
    for name in ("apiVersion", "kind"):
        if not content.get(name):
            yield Violation(
                CauseReason.REQUIRED, f"documents[{position}].{name}", f"{name} is required"
            )


def _unnamed(position: int) -> Violation:
    field = f"documents[{position}].metadata.name"
    return Violation(CauseReason.REQUIRED, field, "name is required")


def _not_held(position: int, entry: Mapping[str, object]) -> Violation:
    return Violation(
        CauseReason.NOT_SUPPORTED, f"documents[{position}].kind", str(entry["message"])
    )
