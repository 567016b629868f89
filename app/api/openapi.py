"""The OpenAPI document: FastAPI's, with bodies and refusals that FastAPI does not know.

    FastAPI -> dict

Source: contract.md; the document is checked in as ``openapi.json``.
"""

from collections.abc import Sequence
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
    Unsupported,
    described,
)
from app.domain.errors import BadRequest, DomainError
from app.schemas.heartbeats import HeartbeatRequest
from app.schemas.objects.wires import WIRES
from app.schemas.resolution import ResolveBatch
from app.schemas.reviews import AccessReviewWrite
from app.schemas.rules.render_request import RenderRequest

_ANY_REQUEST: Sequence[type[DomainError]] = (
    BadRequest,
    TooSlow,
    TargetTooLong,
    Unsupported,
    Misdirected,
    Overloaded,
    HeadTooLarge,
)
_ANY_WRITE: Sequence[type[DomainError]] = (ForeignPage,)
_READ = "get"
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
    for error in (*_ANY_REQUEST, *_ANY_WRITE):
        code = str(STATUSES[error].value)
        shared[error.reason] = {
            "description": described(error),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Status"}}},
        }
        reference = {"$ref": f"#/components/responses/{error.reason}"}
        for path in document["paths"].values():
            for method, operation in path.items():
                if error in _ANY_REQUEST or method != _READ:
                    operation["responses"].setdefault(code, reference)
