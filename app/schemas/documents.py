"""Bodies to documents: the objects that a request holds, before they mean anything.

    bytes + media type -> values -> documents (lists expanded)

For any bytes the answer is documents or BadRequest, never another failure.
Source: contract.md, "Objects" and "POST /apply"; spec kubernetes-api 5.1 and 5.11.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import cast

from app.domain.errors import BadRequest
from app.schemas.json_text import read_json
from app.schemas.paths import name_type
from app.schemas.yaml_text import Parsed, read_yaml

DOCUMENTS_MAX = 50_000  # objects of one body
_ITEMS = "items"


class MediaType(StrEnum):
    """The two languages a body may be written in."""

    JSON = "application/json"
    YAML = "application/yaml"


_YAML_NAMES = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})


def media_type(content_type: str) -> MediaType | None:
    """Tell the language from a Content-Type; an absent one means JSON, None an unknown one."""
    essence = content_type.partition(";")[0].strip().lower()
    if essence in _YAML_NAMES or essence.endswith("+yaml"):
        return MediaType.YAML
    if essence in ("", "application/json") or essence.endswith("+json"):
        return MediaType.JSON
    return None


@dataclass(frozen=True, slots=True)
class Document:
    """One object as written, and the paths of keys that it gives more than once."""

    content: dict[str, object]
    duplicates: tuple[str, ...] = ()


def parse_value(body: bytes, media: MediaType) -> Parsed:
    """Read the one value that a body must hold; it may be of any type, as patches are."""
    values = list(islice(_values(body, media), 2))
    if not values:
        raise BadRequest("the body is empty")
    if len(values) > 1:
        raise BadRequest("the body must hold one document, not several")
    return values[0]


def parse_document(body: bytes, media: MediaType) -> Document:
    """Read the one object that a body must hold."""
    return _document(parse_value(body, media))


def parse_documents(body: bytes, media: MediaType) -> tuple[Document, ...]:
    """Read all objects of a body: one, those of a ``List``, or those of a YAML stream."""
    expanded = (each for parsed in _values(body, media) for each in _expand(_document(parsed)))
    documents = tuple(islice(expanded, DOCUMENTS_MAX + 1))
    if len(documents) > DOCUMENTS_MAX:
        raise BadRequest(f"the body holds more than {DOCUMENTS_MAX} objects")
    return documents


def _values(body: bytes, media: MediaType) -> Iterator[Parsed]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        column = error.start - body.rfind(b"\n", 0, error.start)
        raise BadRequest(f"the body is not UTF-8: line {line}, column {column}") from None
    if media is MediaType.JSON:
        if text and not text.isspace():
            yield read_json(text)
        return
    if text.lstrip()[:1] == "{":
        # As Kubernetes does: JSON is YAML except for its tabs and some escapes.
        try:
            parsed = read_json(text)
        except BadRequest:
            pass
        else:
            yield parsed
            return
    yield from (parsed for parsed in read_yaml(text) if parsed.value is not None)


def _document(parsed: Parsed) -> Document:
    return Document(_object(parsed.value, "a document"), parsed.duplicates)


def _object(value: object, called: str) -> dict[str, object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    raise BadRequest(f"{called} must be an object, not {name_type(value)}")


def _expand(document: Document) -> Iterator[Document]:
    """Yield the objects of a list; anything else is itself."""
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
    # The items of a typed list need not repeat what its kind says (spec 5.1).
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
        yield from _expand(Document(implied | _object(item, path), duplicates))
