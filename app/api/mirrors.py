"""The Endpoints objects of a body: read for what they say, to be written as slices.

    documents -> Mirrors

Source: contract.md, "POST /apply"; spec kubernetes-api 3.8.
"""

from collections.abc import Mapping, Sequence

from app.api.bodies import told_of
from app.domain.names import NamespacedName
from app.domain.objects.endpoints import Endpoints
from app.domain.objects.kinds import ENDPOINTS
from app.registry.mirroring import Mirror
from app.schemas.codec import identify, read_endpoints
from app.schemas.documents import Document


def is_endpoints(content: Mapping[str, object]) -> bool:
    """Whether a document is an Endpoints object."""
    return (content.get("apiVersion"), content.get("kind")) == (
        ENDPOINTS.api_version,
        ENDPOINTS.name,
    )


def read_mirrors(
    documents: Sequence[Document], *, default_namespace: str, is_strict: bool
) -> tuple[Mirror, ...]:
    """Find the Endpoints objects of a body; what is wrong with one is told when it is written."""
    return tuple(
        Mirror(
            position=position,
            key=_key_of(document.content, default_namespace),
            read=lambda document=document: _read(document, is_strict=is_strict),
        )
        for position, document in enumerate(documents)
        if is_endpoints(document.content)
    )


def _read(document: Document, *, is_strict: bool) -> Endpoints:
    endpoints, unknown = read_endpoints(document.content)
    told_of(document, unknown, is_strict=is_strict)
    return endpoints


def _key_of(content: Mapping[str, object], default_namespace: str) -> NamespacedName:
    named = identify(content)
    return NamespacedName(named.namespace or default_namespace, named.name)
