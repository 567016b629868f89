"""An example of the body and of the answer of every operation.

    kinds -> their manifests and objects;  ``examples.json`` -> the examples of other operations

Those of the file are what a server answered, in part: lists and texts are shortened.  A test asks
a server for each of them again.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from app.api.document.declared import reference
from app.api.document.kind_examples import issued_token, manifest_of, registered
from app.domain.objects.token import TOKEN
from app.domain.registration.strategies import strategy_for
from app.schemas.objects.codec import encode_object
from app.schemas.objects.wire import Manifest, Wire
from app.schemas.objects.wires import WIRES
from app.schemas.status import success_of

Document = dict[str, Any]

FILE: Final = "examples.json"
_PATCH: Final = "Patch"
_RULES: Final = "NodeRules"
_OF_RULES: Final[Mapping[str, str]] = {"read_node_ipvs": _RULES, "render": _RULES}
"""Operations with the same answer, for which the file has it once."""
_DELETED: Final = "Deleted"  # of any kind, so that the answer is a component


@dataclass(frozen=True, slots=True)
class Example:
    """The examples of one operation; those with a ``name`` are components of the document."""

    request: object = None
    answer: object = None
    request_name: str = ""
    answer_name: str = ""


def add_examples(document: Document) -> None:
    """Add examples to the bodies and answers of all operations."""
    known = {**dict(_of_file()), **{name: each for wire in WIRES for name, each in _of_kind(wire)}}
    shared: Document = {}
    for methods in document["paths"].values():
        for operation in methods.values():
            example = known.get(operation["operationId"], Example())
            body = operation.get("requestBody", {})
            _show(body, example.request, example.request_name, shared)
            for code in ("200", "201"):
                answer = operation["responses"].get(code, {})
                _show(answer, example.answer, example.answer_name, shared)
    document["components"]["examples"] = dict(sorted(shared.items()))


def _show(part: Document, value: object, name: str, shared: Document) -> None:
    """Add an example to the first form of a body or an answer."""
    if value is None or "content" not in part:
        return
    content = next(iter(part["content"].values()))
    if name:
        shared.setdefault(name, {"value": value})
        content["examples"] = {name: reference("examples", name)}
    else:
        content["example"] = value


def _of_file() -> Iterator[tuple[str, Example]]:
    text = files("app.api.document").joinpath(FILE).read_text(encoding="utf-8")
    known: Document = json.loads(text)
    rules = known["read_node_ipvs"]["answer"]
    for name, parts in known.items():
        shared = _OF_RULES.get(name, "")
        answer = rules if shared else parts.get("answer")
        yield name, Example(parts.get("request"), answer, answer_name=shared)


def _of_kind(wire: Wire) -> Iterator[tuple[str, Example]]:
    resource = wire.resource
    manifest = manifest_of(wire)
    object_ = registered(wire, manifest)
    stored = encode_object(object_)
    name, word = resource.name, resource.word
    shown = f"Registered{name}"
    page = {
        "apiVersion": resource.api_version,
        "kind": f"{name}List",
        "metadata": {"resourceVersion": str(object_.metadata.revision)},
        "items": [stored],
    }
    yield f"list_{resource.plural_word}", Example(answer=page)
    written = Example(manifest, stored, name, shown)
    change = wire.model.change_example
    is_usual = change is Manifest.change_example
    patch = Example(change, stored, _PATCH if is_usual else "", shown)
    created = Example(manifest, issued_token(wire), name) if resource is TOKEN else written
    yield f"create_{word}", created
    for suffix in ("", "_status", "_finalize"):
        yield f"read_{word}{suffix}", Example(answer=stored, answer_name=shown)
        yield f"replace_{word}{suffix}", written
        yield f"patch_{word}{suffix}", patch
    if resource.is_derived or strategy_for(resource).is_returned_when_deleted:
        yield f"delete_{word}", Example(answer=stored, answer_name=shown)
    else:
        yield f"delete_{word}", Example(answer=success_of(object_), answer_name=_DELETED)
