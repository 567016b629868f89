"""Endpoints objects of an apply: read here, and written as slices by the registry.

    document -> EndpointsManifest -> Mirror (registry)

Source: contract.md, "POST /apply"; spec kubernetes-api 3.8.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.api.objects.bodies import IGNORE, Draft, required
from app.domain.errors import BadRequest
from app.domain.names import NamespacedName
from app.domain.objects.endpoints import ENDPOINTS, Endpoints
from app.domain.objects.resource import AnyResource
from app.registry.writes.mirroring import Mirror
from app.schemas.documents.read import Document
from app.schemas.documents.remarks import Remarks
from app.schemas.objects.codec import read_endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsManifest:
    """One document: ``draft`` is its object, or why it cannot be read."""

    position: int
    key: NamespacedName
    draft: Draft[Endpoints] | BadRequest
    kind: AnyResource = ENDPOINTS

    def mirror(self) -> Mirror:
        """Make the registry's form of it."""
        return Mirror(position=self.position, key=self.key, read=self._read)

    def warnings(self) -> Iterator[str]:
        """Yield warnings of mistyped and duplicate fields."""
        if isinstance(self.draft, Draft) and not self.draft.is_silent:
            yield from self.draft.remarks.mistakes(f"documents[{self.position}].")

    def _read(self) -> Endpoints:
        if isinstance(self.draft, BadRequest):
            raise self.draft
        return self.draft.object


def is_endpoints(content: Mapping[str, object]) -> bool:
    """Whether a document is an Endpoints object."""
    return (content.get("apiVersion"), content.get("kind")) == (
        ENDPOINTS.api_version,
        ENDPOINTS.name,
    )


def read_endpoints_manifest(
    position: int, key: NamespacedName, document: Document, field_validation: str
) -> EndpointsManifest:
    """Read a document; a refusal is reported later, together with those of other documents."""
    try:
        endpoints, ignored_fields = read_endpoints(document.content)
        draft: Draft[Endpoints] | BadRequest = required(
            Draft(
                endpoints,
                ENDPOINTS.name,
                Remarks(ignored_fields, document.duplicates),
                is_silent=field_validation == IGNORE,
            ),
            field_validation,
        )
    except BadRequest as refusal:
        draft = refusal
    return EndpointsManifest(position=position, key=key, draft=draft)
