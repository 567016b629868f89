"""Unions of whole objects, told apart by their kind, and the schemas around them.

    kinds -> Manifest, ManifestList, WatchedObject

Source: contract.md, "POST /apply" and "GET /watch"; OpenAPI 3.1.1, section 4.8.25.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.api.document.declared import PATCH_SCHEMA, reference
from app.api.errors import STATUSES
from app.domain.resources import APPLIED
from app.schemas.objects.wires import WIRES
from app.schemas.status import REASON
from app.schemas.watch import OBJECT

Schema = dict[str, Any]

MANIFEST: Final = "Manifest"
_LIST: Final = "ManifestList"
_INTERNAL_ERROR: Final = "InternalError"  # of an unexpected exception, which is no refusal
_MIRRORED: Final = "Endpoints"


def add_unions(document: Schema) -> None:
    """Add the schemas that follow from the tables of kinds and of refusals."""
    schemas = document["components"]["schemas"]
    schemas[_LIST] = _list_schema()
    applied = [wire.resource.name for wire in WIRES if wire.resource in APPLIED]
    schemas[MANIFEST] = _union(
        "An object of any kind that can be applied, or a list of such objects.",
        {name: name for name in (*applied, _MIRRORED)} | {"List": _LIST},
    )
    shown = [wire.resource.name for wire in WIRES if not wire.resource.is_internal]
    schemas[OBJECT] = _union(
        "What an event of a watch is about: an object, the bookmark of a watch of several kinds, "
        "or the refusal that ends the stream.",
        {name: name for name in (*shown, "Bookmark", "Status")},
    )
    schemas[PATCH_SCHEMA] = {
        "description": "Parts of an object to change, as in RFC 7396: null removes a field, and a "
        "list replaces the whole list. JSON patches (`application/json-patch+json`) and strategic "
        "merge patches (`application/strategic-merge-patch+json`) are accepted in its place.",
        "type": "object",
        "additionalProperties": True,
        "examples": [{"metadata": {"labels": {"tier": "web", "canary": None}}}],
    }
    reasons = {kind.reason for kind in STATUSES} | {_INTERNAL_ERROR}
    schemas[REASON] = {
        "description": "Why a request was refused, in a word for programs.",
        "type": "string",
        "enum": sorted(reasons),
    }


def mark_kinds(document: Schema) -> None:
    """Say which schemas are kinds of Kubernetes, as Kubernetes' own document does."""
    for wire in WIRES:
        resource = wire.resource
        _, _, version = resource.api_version.rpartition("/")
        document["components"]["schemas"][resource.name]["x-kubernetes-group-version-kind"] = [
            {
                "group": resource.group,
                "version": version or resource.api_version,
                "kind": resource.name,
            }
        ]


def _union(description: str, schemas: Mapping[str, str]) -> Schema:
    references = {kind: reference("schemas", name) for kind, name in schemas.items()}
    return {
        "description": description,
        "oneOf": [*references.values()],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {kind: each["$ref"] for kind, each in references.items()},
        },
    }


def _list_schema() -> Schema:
    head: Iterable[tuple[str, str]] = (("apiVersion", "v1"), ("kind", "List"))
    return {
        "description": "Several objects in one body.",
        "type": "object",
        "required": ["apiVersion", "kind", "items"],
        "properties": {
            **{name: {"type": "string", "const": text, "default": text} for name, text in head},
            "items": {
                "description": "The objects, of any kinds.",
                "type": "array",
                "items": reference("schemas", MANIFEST),
            },
        },
    }
