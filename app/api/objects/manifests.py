"""Documents of an apply: each read once, and merged into the current object when written.

    document -> Manifest -> Item (registry)
    document of Endpoints, which are not merged -> EndpointsManifest -> Mirror (registry)
    manifests, outcomes -> warnings

Paths are those of the documents, ``documents[3].spec.ports[1].port``, also where the merge has
moved an element of a list.

Source: contract.md, "POST /apply"; spec kubernetes-api 3.8.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic

from app.api.objects.bodies import D, Draft, draft_of, drafted
from app.domain.copies import replace
from app.domain.errors import BadRequest, DomainError
from app.domain.names import NamespacedName
from app.domain.objects.endpoints import ENDPOINTS, Endpoints
from app.domain.objects.meta import LAST_APPLIED_ANNOTATION
from app.domain.objects.resource import AnyResource, Object
from app.domain.registration.validation.metadata import LAST_APPLIED_SIZE_MAX_BYTES
from app.registry.writes.apply import Item, Outcome
from app.registry.writes.mirroring import Mirror
from app.schemas.documents.kubernetes_fields import fields_of
from app.schemas.documents.paths import without
from app.schemas.documents.read import Document
from app.schemas.documents.remarks import Remarks, not_kept_line
from app.schemas.objects.codec import decode_known, encode_object, read_endpoints
from app.schemas.objects.wires import require_short_lists
from app.schemas.patches.object_merge import Places, document_path
from app.schemas.patches.three_way import (
    apply_document,
    is_remembered,
    names_server_owned,
    record_in,
)

_FIRST_WORD = re.compile(r"\w+")


@dataclass(slots=True, kw_only=True)
class _Read(Generic[D]):
    """One document: ``draft`` is its object before merging, or why it cannot be read."""

    position: int
    kind: AnyResource
    key: NamespacedName
    draft: Draft[D] | BadRequest

    @property
    def where(self) -> str:
        """Prefix of paths into the document."""
        return f"documents[{self.position}]"

    def warnings(self) -> Iterator[str]:
        """Yield warnings of mistyped and duplicate fields."""
        if isinstance(self.draft, Draft) and not self.draft.is_silent:
            yield from self.draft.remarks.mistakes(f"{self.where}.")

    def given(self) -> D:
        """Give the object of the document; raises BadRequest when it cannot be read."""
        if isinstance(self.draft, BadRequest):
            raise self.draft
        return self.draft.object


class EndpointsManifest(_Read[Endpoints]):
    """An Endpoints object, which the registry writes as slices."""

    def mirror(self) -> Mirror:
        """Make the registry's form of it."""
        return Mirror(position=self.position, key=self.key, read=self.given)


@dataclass(slots=True, kw_only=True)
class Manifest(_Read[Object]):
    """An object to merge into the current one."""

    content: dict[str, object]
    merged: dict[str, object] = field(default_factory=dict[str, object])
    _places: Places = field(default_factory=Places)
    _made: "tuple[Object | None, Object | DomainError] | None" = None

    def item(self) -> Item:
        """Make the registry's form of it."""
        return Item(
            position=self.position,
            kind=self.kind,
            key=self.key,
            amend=self._amend,
            place=self._place,
        )

    def warnings(self) -> Iterator[str]:
        """Yield warnings of mistyped and duplicate fields, and of a document too large to keep."""
        yield from _Read[Object].warnings(self)
        if self.merged and not is_remembered(self.merged):
            yield (
                f"{self.where}: what is applied has more than {LAST_APPLIED_SIZE_MAX_BYTES} bytes "
                "and is not remembered: what a later apply leaves out will stay"
            )

    def prepare(self, current: Object | None) -> None:
        """Merge the document into the current object ahead of the write."""
        try:
            self._made = current, self._merge(current)
        except DomainError as refusal:
            self._made = current, refusal

    def _amend(self, current: Object | None) -> Object:
        """Give the desired object in place of ``current``; raises BadRequest."""
        if self._made is None or self._made[0] is not current:
            self.prepare(current)
        assert self._made is not None
        made = self._made[1]
        if isinstance(made, DomainError):
            raise made
        return made

    def _merge(self, current: Object | None) -> Object:
        self.merged = {}
        given = self.given()
        wire = None if current is None else encode_object(current)
        wanted = apply_document(wire, self.content)
        if current is not None and wanted is wire:
            return current
        if current is not None:  # else it is as long as the document
            require_short_lists(wanted, self.kind)
        self.merged = wanted
        self._places.clear()
        is_plain = current is None and not names_server_owned(self.content)
        read = _recorded(given, record_in(wanted)) if is_plain else decode_known(wanted)
        return replace(read, metadata=replace(read.metadata, namespace=self.key.namespace))

    def _place(self, path: str) -> str:
        return document_path(self.kind.name, path, self.merged, self.content, self._places)


def _recorded(given: Object, record: object) -> Object:
    """Make a new object of its document, and the record of it, without decoding it again."""
    noted = {**given.metadata.annotations}
    noted.pop(LAST_APPLIED_ANNOTATION, None)
    if record is not None:
        noted[LAST_APPLIED_ANNOTATION] = str(record)
    return replace(given, metadata=replace(given.metadata, annotations=noted))


def read_manifest(
    position: int, kind: AnyResource, key: NamespacedName, document: Document, field_validation: str
) -> Manifest:
    """Read a document; a refusal is reported later, together with those of other documents."""
    content = document.content
    try:
        draft: Draft[Object] | BadRequest = drafted(document, kind, field_validation)
        content = without(content, draft.remarks.ignored_fields)
    except BadRequest as refusal:
        draft = refusal
    return Manifest(position=position, kind=kind, key=key, draft=draft, content=content)


def read_endpoints_manifest(
    position: int, key: NamespacedName, document: Document, field_validation: str
) -> EndpointsManifest:
    """Read a document of Endpoints; a refusal is reported later as well."""
    try:
        endpoints, ignored_fields = read_endpoints(document.content)
        remarks = Remarks(ignored_fields, document.duplicates)
        draft: Draft[Endpoints] | BadRequest = draft_of(
            endpoints, ENDPOINTS.name, remarks, field_validation
        )
    except BadRequest as refusal:
        draft = refusal
    return EndpointsManifest(position=position, kind=ENDPOINTS, key=key, draft=draft)


def warnings_of(
    manifests: Sequence[Manifest | EndpointsManifest], outcomes: Iterable[Outcome]
) -> Iterator[str]:
    """List warnings: mistakes first, then those of the write, then fields that are not stored."""
    for manifest in manifests:
        yield from manifest.warnings()
    for outcome in outcomes:
        for warning in outcome.warnings:
            yield _placed(outcome, warning)
    not_kept: dict[str, dict[str, None]] = {}
    for manifest in manifests:
        if isinstance(manifest.draft, Draft) and not manifest.draft.is_silent:
            of_kind = not_kept.setdefault(manifest.kind.name, {})
            of_kind.update(dict.fromkeys(manifest.draft.remarks.not_kept))
    for kind, paths in not_kept.items():
        yield from not_kept_line(kind, paths)


def _placed(outcome: Outcome, warning: str) -> str:
    """Prefix a warning with its document; most begin with the path of a field."""
    word = _FIRST_WORD.match(warning)
    is_path = word is not None and word[0] in fields_of(outcome.kind.name)
    return f"documents[{outcome.position}]{'.' if is_path else ': '}{warning}"
