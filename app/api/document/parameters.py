"""The parameters of the document: those that several operations share stand there once.

    parameters of all operations -> components, NamespaceParameter, IfMatchHeader

What only clients of Kubernetes send is not shown; the server reads it all the same.

No parameter has a default: one that is absent is the same as one that is not sent, and a client
would send its default with every request.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from app.api.document.declared import reference
from app.api.document.sharing import Shared
from app.schemas.objects.wires import WIRES
from app.schemas.queries import NAMED, UNSHOWN

Parameter = dict[str, Any]

_OF_NAMESPACES: Final = frozenset({"namespace", "visible"})
_CLUSTER_WIDE: Final = frozenset(
    f"list_{wire.resource.plural_word}" for wire in WIRES if not wire.resource.is_namespaced
)
"""Lists of kinds without namespaces, for which parameters about namespaces have no effect."""


def share_parameters(document: dict[str, Any]) -> None:
    """Spell the parameters of every operation, and refer to those that are repeated."""
    for operation in _operations(document):
        operation["parameters"] = [*filter(_is_shown_in(operation), operation["parameters"])]
    named = [[*map(_named, parameters)] for parameters in _parameters(document)]
    shared = Shared(each for parameters in named for each in parameters)
    for parameters, listed in zip(_parameters(document), named, strict=True):
        parameters[:] = [
            reference("parameters", name) if shared.has(name, parameter) else parameter
            for name, parameter in listed
        ]
    document["components"]["parameters"] = {**shared.components()}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from (operation for operation in methods.values() if "parameters" in operation)


def _parameters(document: dict[str, Any]) -> Iterator[list[Parameter]]:
    yield from (operation["parameters"] for operation in _operations(document))


def _is_shown_in(operation: dict[str, Any]) -> Callable[[Parameter], bool]:
    """Give the test that a parameter of an operation is of use to generated clients."""
    hidden = _OF_NAMESPACES if operation["operationId"] in _CLUSTER_WIDE else frozenset[str]()
    return lambda parameter: parameter["name"] not in hidden and UNSHOWN not in parameter["schema"]


def _named(parameter: Parameter) -> tuple[str, Parameter]:
    """Spell a parameter, and name its component so that no schema has the same name."""
    schema = _without_null(parameter["schema"])
    words = schema.pop(NAMED, parameter["name"]).replace("-", "")
    suffix = "Header" if parameter["in"] == "header" else "Parameter"
    name = f"{words[0].upper()}{words[1:]}{suffix}"
    return name, _spelt(parameter, schema)


def _spelt(parameter: Parameter, schema: dict[str, Any]) -> Parameter:
    """Describe a parameter, and its schema alike: generators read either."""
    schema.pop("default", None)
    words = parameter.get("description", schema.pop("description", ""))
    shown: Parameter = {"name": parameter["name"], "in": parameter["in"], "description": words}
    if parameter.get("required"):
        shown["required"] = True
    if schema.get("type") == "array":
        shown |= {"style": "form", "explode": False}
    return {**shown, "schema": schema if "$ref" in schema else {"description": words, **schema}}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    match schema:
        case {"anyOf": [{**only}, {"type": "null"}]}:
            rest = {name: part for name, part in schema.items() if name != "anyOf"}
            return {**only, **rest}
        case {"type": [str(only), "null"]}:
            return {**schema, "type": only}
        case _:
            return {**schema}
