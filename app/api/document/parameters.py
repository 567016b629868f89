"""The parameters of the document: those that several operations share stand there once.

    parameters of all operations -> components named by parameter and place, NamespacePath

No parameter has a default: one that is absent is the same as one that is not sent, and a client
would send its default with every request.
"""

from collections.abc import Iterator
from typing import Any

from app.api.document.declared import reference
from app.api.document.sharing import Shared
from app.schemas.queries import NAMED

Parameter = dict[str, Any]


def share_parameters(document: dict[str, Any]) -> None:
    """Spell the parameters of every operation, and refer to those that are repeated."""
    named = [[*map(_named, parameters)] for parameters in _parameters(document)]
    shared = Shared(each for parameters in named for each in parameters)
    for parameters, listed in zip(_parameters(document), named, strict=True):
        parameters[:] = [
            reference("parameters", name) if shared.has(name, parameter) else parameter
            for name, parameter in listed
        ]
    document["components"]["parameters"] = {**shared.components()}


def _parameters(document: dict[str, Any]) -> Iterator[list[Parameter]]:
    for methods in document["paths"].values():
        for operation in methods.values():
            if "parameters" in operation:
                yield operation["parameters"]


def _named(parameter: Parameter) -> tuple[str, Parameter]:
    """Spell a parameter, and name its component so that no schema has the same name."""
    schema = _without_null(parameter["schema"])
    words = schema.pop(NAMED, parameter["name"]).replace("-", "")
    name = f"{words[0].upper()}{words[1:]}{parameter['in'].capitalize()}"
    return name, _spelt(parameter, schema)


def _spelt(parameter: Parameter, schema: dict[str, Any]) -> Parameter:
    inner = schema.pop("description", "")
    schema.pop("default", None)
    shown: Parameter = {
        "name": parameter["name"],
        "in": parameter["in"],
        "description": parameter.get("description", inner),
    }
    if parameter.get("required"):
        shown["required"] = True
    if schema.get("type") == "array":
        shown |= {"style": "form", "explode": False}
    return {**shown, "schema": schema}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    match schema:
        case {"anyOf": [{**only}, {"type": "null"}]}:
            rest = {name: part for name, part in schema.items() if name != "anyOf"}
            return {**only, **rest}
        case {"type": [str(only), "null"]}:
            return {**schema, "type": only}
        case _:
            return {**schema}
