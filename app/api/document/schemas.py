"""The schemas of the document: each named once, and spelt as a person would write it.

    components of the framework, models of bodies -> components, and references to them

Source: OpenAPI 3.1.1, section 4.8.24; JSON Schema 2020-12; docs/decisions/0020.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.document.declared import reference
from app.schemas.base import COMPONENT
from app.schemas.heartbeats import Heartbeats
from app.schemas.objects.endpoint_slice import Endpoints
from app.schemas.objects.wires import WIRES
from app.schemas.resolution import QuestionBatch
from app.schemas.reviews import AccessReview
from app.schemas.rules.render_request import RenderRequest
from app.schemas.watch import Bookmark, WatchEvent

Schema = dict[str, Any]

MODELS: Final[Sequence[type[BaseModel]]] = (
    *(wire.model for wire in WIRES if not wire.resource.is_internal),
    Endpoints,
    Heartbeats,
    QuestionBatch,
    RenderRequest,
    AccessReview,
    Bookmark,
    WatchEvent,
)
"""Models that no route declares as its answer: of bodies, and of parts of unions."""
_TEMPLATE = "#/components/schemas/{model}"
_UNUSED = ("HTTPValidationError", "ValidationError")  # the framework's own refusals
_ORDER = (
    *("$ref", "description", "type", "format", "const", "enum", "default", "minimum", "maximum"),
    *("required", "properties", "additionalProperties", "items", "oneOf", "anyOf"),
    *("discriminator", "examples"),
)
_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')
_LITERAL = re.compile(r"``([^`]*)``")


def add_models(document: Schema) -> None:
    """Add the schemas of models that the framework has not seen."""
    _, derived = models_json_schema(
        [(model, "validation") for model in MODELS], ref_template=_TEMPLATE
    )
    known = document["components"]["schemas"]
    for name, schema in derived["$defs"].items():
        known.setdefault(name, schema)
    for name in _UNUSED:
        known.pop(name, None)


def name_schemas(document: Schema) -> None:
    """Move every schema that carries a name to the components; its place refers to it."""
    named: Schema = {}
    _name_within(document, named)
    document["components"]["schemas"].update(named)


def drop_unused(document: Schema) -> None:
    """Drop schemas that nothing refers to, such as vocabularies under their names in the code."""
    schemas = document["components"]["schemas"]
    while unused := schemas.keys() - set(_REFERENCE.findall(json.dumps(document))):
        for name in unused:
            del schemas[name]


def _name_within(part: object, named: Schema) -> None:
    if isinstance(part, list):
        for each in cast("list[object]", part):
            _name_within(each, named)
    elif isinstance(part, dict):
        schema = cast("Schema", part)
        if COMPONENT in schema:
            ((name, body),) = schema.pop(COMPONENT).items()
            named.setdefault(name, body)
            schema.update(reference("schemas", name))
            _name_within(body, named)
        for each in schema.values():
            _name_within(each, named)


def spell_schemas(document: Schema) -> None:
    """Spell the schemas of the components, and those of parameters, bodies and answers."""
    components = document["components"]["schemas"]
    document["components"]["schemas"] = {
        name: spelt(schema) for name, schema in sorted(components.items())
    }
    for holder in _holders(document["paths"]):
        holder["schema"] = spelt(holder["schema"])


def _holders(part: object) -> Iterator[Schema]:
    """Find what has a ``schema``: parameters, and the contents of bodies and answers."""
    if isinstance(part, list):
        for each in cast("list[object]", part):
            yield from _holders(each)
    elif isinstance(part, dict):
        found = cast("Schema", part)
        if isinstance(found.get("schema"), dict):
            yield found
        for name, each in found.items():
            if name != "schema":
                yield from _holders(each)


def spelt(schema: Mapping[str, Any]) -> Schema:
    """Spell a schema: no titles, whole bounds, a width for each number, keys in reading order."""
    found = {name: _spell_part(name, part) for name, part in schema.items() if name != "title"}
    if found.get("type") == "integer":
        found.setdefault("format", "int32")
    if (nullable := _nullable(found)) is not None:
        found = nullable
    ranks = {name: rank for rank, name in enumerate(_ORDER)}
    return dict(sorted(found.items(), key=lambda entry: ranks.get(entry[0], len(ranks))))


def _spell_part(name: str, part: Any) -> Any:  # noqa: ANN401  any value of a schema
    within: Mapping[str, Callable[[Any], Any]] = {
        "properties": lambda fields: {field: spelt(each) for field, each in fields.items()},
        "items": spelt,
        "additionalProperties": lambda each: each if isinstance(each, bool) else spelt(each),
        "oneOf": lambda branches: [spelt(each) for each in branches],
        "anyOf": lambda branches: [spelt(each) for each in branches],
        "description": plain,
        "minimum": int,
        "maximum": int,
    }
    return within[name](part) if name in within else part


def _nullable(schema: Schema) -> Schema | None:
    """Spell a simple type or null as a list of the two; None for any other schema."""
    match schema:
        case {"anyOf": [{"type": str(type_), **others}, {"type": "null"}]}:
            rest = {name: part for name, part in schema.items() if name != "anyOf"}
            return {**others, **rest, "type": [type_, "null"]}
        case _:
            return None


def plain(text: str) -> str:
    """Give a docstring in the form of a description: one line a paragraph, code in backticks."""
    paragraphs = [" ".join(each.split()) for each in text.split("\n\n")]
    return _LITERAL.sub(r"`\1`", "\n\n".join(paragraphs))
