"""Parser of bodies: the documents of a request, before they are decoded.

    bytes + media type -> values -> documents (lists expanded)

A body may have several objects one after another; empty documents and nulls are skipped.
For any bytes the result is documents or BadRequest, never another failure.
Source: contract.md, "Objects" and "POST /apply"; spec kubernetes-api 5.1 and 5.11.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import cast

from app.domain.errors import BadRequest
from app.schemas.documents.body_bounds import MEMBERS_MAX, OBJECTS_MAX
from app.schemas.documents.json_text import read_json, read_json_stream
from app.schemas.documents.paths import name_type
from app.schemas.documents.yaml_text import Parsed, read_yaml

_ITEMS = "items"
_MARK = re.compile(r"^---", re.MULTILINE)  # between the documents of YAML
_OF_LISTS = frozenset({"apiVersion", "kind", "metadata", _ITEMS})


class MediaType(StrEnum):
    """The two languages of bodies."""

    JSON = "application/json"
    YAML = "application/yaml"


_YAML_NAMES = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
_JSON_NAMES = frozenset({"application/json", "application/x-ndjson", "application/jsonl"})


def media_type(content_type: str) -> MediaType | None:
    """Give the language of a Content-Type; None for an unknown or empty one."""
    essence = content_type.partition(";")[0].strip().lower()
    if essence in _YAML_NAMES or essence.endswith("+yaml"):
        return MediaType.YAML
    if essence in _JSON_NAMES or essence.endswith("+json"):
        return MediaType.JSON
    return None


@dataclass(frozen=True, slots=True)
class Origin:
    """The position of an object in a body: the number of its value, and the path in that."""

    value: int = 0
    path: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One object as written, the paths of its duplicate keys, and its position."""

    content: dict[str, object]
    duplicates: tuple[str, ...] = ()
    origin: Origin = field(default=Origin(), compare=False)


def parse_value(body: bytes, media: MediaType) -> Parsed:
    """Parse the one value of a body; it may be of any type, as patches are."""
    text = _text(body)
    if not text or text.isspace():
        raise BadRequest("the body is empty")
    if media is MediaType.JSON:
        return read_json(text)
    values = list(islice((parsed for _, parsed in _values(text, media)), 2))
    if not values:
        raise BadRequest("the body is empty")
    if len(values) > 1:
        raise BadRequest("the body must hold one document, not several")
    return values[0]


def parse_document(body: bytes, media: MediaType) -> Document:
    """Parse the one object of a body."""
    parsed = parse_value(body, media)
    return Document(_object(parsed.value, "a document"), parsed.duplicates)


def parse_documents(
    body: bytes, media: MediaType, *, objects_max: int = OBJECTS_MAX
) -> tuple[Document, ...]:
    """Parse all objects of a body: one, those of a ``List``, or those of a stream.

    Raises BadRequest, also when there are more than ``objects_max``.
    """
    read = (
        Document(_object(parsed.value, "a document"), parsed.duplicates, Origin(number))
        for number, parsed in _values(_text(body), media)
    )
    expanded = (each for document in read for each in _expand(document))
    documents = tuple(islice(expanded, objects_max + 1))
    if len(documents) > objects_max:
        raise BadRequest(
            f"the body holds more than {objects_max} objects: send them in several, "
            "or have WAYPOST_APPLY_OBJECTS_MAX raised"
        )
    return documents


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        column = error.start - body.rfind(b"\n", 0, error.start)
        raise BadRequest(f"the body is not UTF-8: line {line}, column {column}") from None


def _values(text: str, media: MediaType) -> Iterator[tuple[int, Parsed]]:
    """Yield the values of a body that are not null, numbered with the nulls."""
    if media is MediaType.JSON:
        values = read_json_stream(text)
    else:
        values = read_yaml(text) if not is_json(text) else iter(_json_as_yaml(text))
    return ((number, each) for number, each in enumerate(_few(values)) if each.value is not None)


def _few(values: Iterable[Parsed]) -> Iterator[Parsed]:
    for number, each in enumerate(values):
        if number >= MEMBERS_MAX:
            raise BadRequest(f"the body holds more than {MEMBERS_MAX} values, nulls among them")
        yield each


def is_json(text: str) -> bool:
    """Whether a text that is declared as YAML looks like JSON, by its first character."""
    return text.lstrip()[:1] == "{"


def _json_as_yaml(text: str) -> list[Parsed]:
    """Parse a text that is declared as YAML and begins like JSON.

    As in Kubernetes: JSON is YAML except for tabs, some escapes, and objects that follow
    one another without ``---``.
    """
    found: list[Parsed] = []
    try:
        found.extend(_few(read_json_stream(text)))
    except BadRequest as in_json:
        try:
            return list(read_yaml(text))
        except BadRequest:
            if found and not _MARK.search(text):  # a stream of JSON up to the error
                raise in_json from None
            raise
    return found


def _object(value: object, called: str) -> dict[str, object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    raise BadRequest(f"{called} must be an object, not {name_type(value)}")


def _expand(document: Document) -> Iterator[Document]:
    """Yield the objects of a list, or the document itself if it is not a list."""
    content = document.content
    kind = content.get("kind")
    is_list = (
        isinstance(kind, str) and kind.endswith("List") and (kind == "List" or _ITEMS in content)
    )
    if not isinstance(kind, str) or not is_list:
        yield document
        return
    items = content.get(_ITEMS)
    if items is not None and not isinstance(items, list):
        raise BadRequest(f"{_ITEMS} must be a list, not {name_type(items)}")
    _require_whole(kind, document)
    # The items of a typed list need not repeat apiVersion and kind (spec 5.1).
    implied: dict[str, object] = (
        {}
        if kind == "List"
        else {"apiVersion": content.get("apiVersion"), "kind": kind.removesuffix("List")}
    )
    for index, item in enumerate(cast("list[object]", items or [])):
        path = f"{_ITEMS}[{index}]"
        duplicates = tuple(
            duplicate.removeprefix(f"{path}.")
            for duplicate in document.duplicates
            if duplicate.startswith(f"{path}.")
        )
        within = f"{document.origin.path}.{path}" if document.origin.path else path
        origin = Origin(document.origin.value, within)
        yield from _expand(Document(implied | _object(item, path), duplicates, origin))


def _require_whole(kind: str, document: Document) -> None:
    """Raise BadRequest for a list that would lose objects without a warning."""
    if _ITEMS in document.duplicates:
        raise BadRequest(f"{_ITEMS} of the {kind} is given twice")
    others = [key for key in document.content if key not in _OF_LISTS]
    if others and _ITEMS not in document.content:
        raise BadRequest(f"the {kind} has no {_ITEMS}, and an unknown field: {others[0][:64]}")
