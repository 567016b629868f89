"""The parameters of the document: those that several operations share stand there once.

    parameters of all operations -> components named by parameter and place, NamespacePath

No parameter has a default: one that is absent is the same as one that is not sent, and a client
would send its default with every request.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from app.api.document.declared import reference
from app.schemas.queries import NAMED

Parameter = dict[str, Any]


def share_parameters(document: dict[str, Any]) -> None:
    """Spell the parameters of every operation, and refer to those that are repeated."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for parameters in _parameters(document):
        for place, parameter in enumerate(parameters):
            parameters[place] = _spelt(parameter)
            counts[_name(parameters[place])][json.dumps(parameters[place])] += 1
    shared = {name: texts.most_common(1)[0] for name, texts in counts.items()}
    known = {name: text for name, (text, count) in shared.items() if count > 1}
    for parameters in _parameters(document):
        for place, parameter in enumerate(parameters):
            name, text = _name(parameter), json.dumps(parameter)
            parameter.pop(NAMED, None)
            if known.get(name) == text:
                parameters[place] = reference("parameters", name)
                document["components"].setdefault("parameters", {})[name] = parameter


def _parameters(document: dict[str, Any]) -> Iterator[list[Parameter]]:
    for methods in document["paths"].values():
        for operation in methods.values():
            if "parameters" in operation:
                yield operation["parameters"]


def _name(parameter: Parameter) -> str:
    """Name the component of a parameter so that no schema has the same name."""
    words = parameter.get(NAMED, parameter["name"]).replace("-", "")
    return f"{words[0].upper()}{words[1:]}{parameter['in'].capitalize()}"


def _spelt(parameter: Parameter) -> Parameter:
    schema = _without_null(parameter["schema"])
    inner = schema.pop("description", "")
    schema.pop("default", None)
    shown: Parameter = {
        "name": parameter["name"],
        "in": parameter["in"],
        "description": parameter.get("description", inner),
    }
    if NAMED in schema:
        shown[NAMED] = schema.pop(NAMED)
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
