"""What the OpenAPI document declares, held more strictly than the document itself says it.

    document -> every schema closed -> validators by schema, by operation and status

An object may have more fields than the document names, as later versions will have; an answer of
this version may not.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

from jsonschema_rs import Draft202012Validator

from app.api import application
from app.api.document.answers import ANY_ROUTE, REFUSED
from app.main import VERSION

Wire = dict[str, Any]


@cache
def document() -> Wire:
    """Build the document once."""
    return application.build(version=VERSION).openapi()


def operations() -> Iterator[tuple[str, Wire]]:
    """Give every operation, under its method and path."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def resolved(part: Wire) -> Wire:
    """Follow a reference to a component that several operations share."""
    found = part
    while "$ref" in found:
        _, _, kind, name = found["$ref"].split("/")
        found = document()["components"][kind][name]
    return found


def may_answer(operation: Wire, status: int) -> bool:
    """Whether an operation declares a status, as an answer of its own or as a refusal."""
    return str(status) in operation["responses"] or status in refusals(operation)


def refusals(operation: Wire) -> frozenset[int]:
    """Give the statuses that the default answer of an operation stands for."""
    _, _, named = operation["description"].partition(f" {REFUSED} ")
    return ANY_ROUTE | {int(word) for word in re.findall(r"\d+", named)}


def strict_document() -> Wire:
    """Give the document with the statuses that the default answer stands for in place of it."""
    strict = cast("Wire", json.loads(json.dumps(document())))
    for methods in strict["paths"].values():
        for operation in methods.values():
            answers: Wire = operation["responses"]
            refused = map(str, sorted(refusals(operation)))
            answers.update(dict.fromkeys(refused, answers.pop("default")))
    return strict


def problems(schema: Mapping[str, Any], value: object) -> list[str]:
    """List what is wrong with a value; unknown fields are."""
    components = {"schemas": _closed()}
    validator = Draft202012Validator({**_close(schema), "components": components})
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]


def problems_as(name: str, value: object) -> list[str]:
    """List what is wrong with a value of a named schema."""
    return problems({"$ref": f"#/components/schemas/{name}"}, json.loads(json.dumps(value)))


@cache
def _closed() -> Wire:
    schemas: Wire = document()["components"]["schemas"]
    return {name: _close(schema) for name, schema in schemas.items()}


def _close(part: Any) -> Any:  # noqa: ANN401  any value of a schema
    """Forbid fields that a schema does not name."""
    if isinstance(part, list):
        return [_close(each) for each in cast("list[Any]", part)]
    if not isinstance(part, Mapping):
        return part
    schema = cast("Mapping[str, Any]", part)
    closed = {name: _close(each) for name, each in schema.items() if name != "discriminator"}
    if "properties" in closed and isinstance(schema.get("type"), str):
        closed.setdefault("additionalProperties", False)
    return closed
