"""The OpenAPI document: the framework's, completed and shortened.

    FastAPI -> its document -> schemas named -> parameters and answers shared -> described

Source: contract.md; docs/decisions/0020; the document is checked in as ``openapi.json``.
"""

from typing import Any

from fastapi import FastAPI

from app.api.document.about import describe_api
from app.api.document.answers import share_answers
from app.api.document.examples import add_examples
from app.api.document.parameters import share_parameters
from app.api.document.schemas import add_models, drop_unused, name_schemas, spell_schemas
from app.api.document.unions import add_unions, mark_kinds

_PARTS = ("openapi", "info", "servers", "security", "tags", "paths", "components")


def complete(app: FastAPI) -> None:
    """Make the application give the complete document in place of the framework's."""
    derive = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(derive())
        return app.openapi_schema

    app.openapi = document


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    add_models(document)
    name_schemas(document)
    add_unions(document)
    spell_schemas(document)
    mark_kinds(document)
    drop_unused(document)
    add_examples(document)
    share_parameters(document)
    share_answers(document)
    describe_api(document)
    return {part: document[part] for part in _PARTS}
