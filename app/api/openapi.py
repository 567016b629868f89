"""The OpenAPI document: FastAPI's, with bodies, refusals and credentials that it does not know.

    FastAPI -> dict

Source: contract.md; access.md 1.1 and 1.5; the document is checked in as ``openapi.json``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.errors import (
    STATUSES,
    ForeignPage,
    HeadTooLarge,
    Misdirected,
    Overloaded,
    TargetTooLong,
    TooSlow,
    Unauthenticated,
    Unsupported,
    described,
)
from app.domain.errors import BadRequest, DomainError, Forbidden
from app.schemas.heartbeats import HeartbeatRequest
from app.schemas.objects.wires import WIRES
from app.schemas.resolution import ResolveBatch
from app.schemas.reviews import AccessReviewWrite
from app.schemas.rules.render_request import RenderRequest

_ANY_REQUEST: Sequence[type[DomainError]] = (
    BadRequest,
    Unauthenticated,
    Forbidden,
    TooSlow,
    TargetTooLong,
    Unsupported,
    Misdirected,
    Overloaded,
    HeadTooLarge,
)
_SECURITY: Mapping[str, Mapping[str, str]] = {
    "bearerToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of Waypost, or of an issuer that the server accepts.",
    },
    "clientCertificate": {
        "type": "mutualTLS",
        "description": "A certificate of an authority that the server accepts.",
    },
}
_TEMPLATE = "#/components/schemas/{model}"


_BODIES: Sequence[type[BaseModel]] = (
    *(wire.write for wire in WIRES if not wire.resource.is_derived),
    HeartbeatRequest,
    ResolveBatch,
    RenderRequest,
    AccessReviewWrite,
)


def add_bodies(app: FastAPI) -> None:
    """Add the schemas of bodies that FastAPI does not parse to the document's components."""
    derive = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            derived = derive()
            _, schemas = models_json_schema(
                [(model, "validation") for model in _BODIES], ref_template=_TEMPLATE
            )
            components = derived.setdefault("components", {}).setdefault("schemas", {})
            for name, schema in schemas["$defs"].items():
                components.setdefault(name, schema)
            _document_parameters(derived)
            _document_shared(derived)
            _document_security(derived)
            for unused in ("HTTPValidationError", "ValidationError"):
                components.pop(unused, None)
            derived["components"]["schemas"] = dict(sorted(components.items()))
            app.openapi_schema = derived
        return app.openapi_schema

    app.openapi = document


def _document_parameters(document: dict[str, Any]) -> None:
    """Document invalid parameters as BadRequest, where FastAPI would answer 422."""
    bad_request = {
        "description": f"`{BadRequest.reason}`: parameters that cannot be read.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Status"}}},
    }
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422", "")):
                del responses["422"]
                responses.setdefault("400", bad_request)


def _document_shared(document: dict[str, Any]) -> None:
    """Document the refusals that any request may get before its route, by reference."""
    shared = document["components"].setdefault("responses", {})
    for error in _ANY_REQUEST:
        words = described(error)
        if error is Forbidden:
            words = f"{words} {described(ForeignPage)}"
        code = str(STATUSES[error].value)
        shared[error.reason] = {
            "description": words,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Status"}}},
        }
        reference = {"$ref": f"#/components/responses/{error.reason}"}
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].setdefault(code, reference)


def _document_security(document: dict[str, Any]) -> None:
    """Document the credentials; without authentication a request needs none."""
    document["components"]["securitySchemes"] = {name: {**way} for name, way in _SECURITY.items()}
    document["security"] = [*({name: list[str]()} for name in _SECURITY), {}]
