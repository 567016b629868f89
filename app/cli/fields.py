"""Typed access to JSON documents: a value that is absent or of another type is empty.

    document, path -> text | texts | mapping | mappings

The command line must work with servers that are newer or older than itself, so it reads
answers leniently and without a schema.
"""

from collections.abc import Mapping, Sequence
from typing import cast

Json = Mapping[str, object]


def at(document: object, *path: str) -> object:
    """Get the value at a path of keys; None when there is none."""
    for key in path:
        if not isinstance(document, Mapping):
            return None
        document = cast("Json", document).get(key)
    return document


def text(document: object, *path: str, default: str = "") -> str:
    """Get a scalar as it is written in JSON, text without its quotes."""
    match at(document, *path):
        case str(found):
            return found
        case bool(found):
            return "true" if found else "false"
        case int(found) | float(found):
            return str(found)
        case _:
            return default


def mapping(document: object, *path: str) -> Json:
    """Get an object."""
    found = at(document, *path)
    return cast("Json", found) if isinstance(found, Mapping) else {}


def sequence(document: object, *path: str) -> Sequence[object]:
    """Get a list."""
    found = at(document, *path)
    return cast("list[object]", found) if isinstance(found, list) else ()


def mappings(document: object, *path: str) -> tuple[Json, ...]:
    """Get the objects of a list, without its other values."""
    return tuple(
        cast("Json", entry) for entry in sequence(document, *path) if isinstance(entry, Mapping)
    )


def texts(document: object, *path: str) -> tuple[str, ...]:
    """Get a list of scalars."""
    return tuple(text(entry) for entry in sequence(document, *path))
