"""Schemas as a person would write them."""

from typing import Any

import pytest

from app.api.document.schemas import drop_unused, name_schemas, plain, spelt
from app.schemas.base import COMPONENT

Schema = dict[str, Any]


@pytest.mark.parametrize(
    ("derived", "spelling"),
    [
        ({"title": "Port", "type": "integer"}, {"type": "integer", "format": "int32"}),
        ({"type": "integer", "format": "int64"}, {"type": "integer", "format": "int64"}),
        ({"minimum": 1.0, "type": "string"}, {"type": "string", "minimum": 1}),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "A number."},
            {"description": "A number.", "type": ["integer", "null"], "format": "int32"},
        ),
        (
            {"properties": {"title": {"title": "Title", "type": "string"}}},
            {"properties": {"title": {"type": "string"}}},
        ),
        (
            {"items": {"title": "X", "type": "string"}},
            {"items": {"type": "string"}},
        ),
    ],
)
def test_a_schema_says_what_counts(derived: Schema, spelling: Schema) -> None:
    assert spelt(derived) == spelling
    assert list(spelt(derived)) == list(spelling)


def test_a_docstring_becomes_a_description() -> None:
    assert (
        plain("A revision, ``42``,\n    of one.\n\n  More.") == "A revision, `42`, of one.\n\nMore."
    )


def test_a_schema_with_a_name_stands_once_with_the_components() -> None:
    colour: Schema = {"type": "string", "enum": ["red", "blue"]}
    field: Schema = {COMPONENT: {"Colour": colour}, "description": "Of a thing."}
    document: Schema = {
        "paths": {"/": {"$ref": "#/components/schemas/Thing"}},
        "components": {"schemas": {"Thing": {"properties": {"colour": field}}, "Other": {}}},
    }
    name_schemas(document)
    drop_unused(document)
    reference = {"description": "Of a thing.", "$ref": "#/components/schemas/Colour"}
    assert document["components"]["schemas"] == {
        "Thing": {"properties": {"colour": reference}},
        "Colour": colour,
    }
