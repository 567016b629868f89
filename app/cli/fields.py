"""Typed looks into JSON documents: what is absent or of another type reads as empty.

    document, path -> text | texts | mapping | mappings

The command line shows what a server sent, and must not fall over a server that
is newer or older than itself; so it reads leniently and knows no schema.
"""

from collections.abc import Mapping, Sequence
from typing import cast

Json = Mapping[str, object]


def at(document: object, *path: str) -> object:
    """Follow keys into a document; None when they lead nowhere."""
    for key in path:
        if not isinstance(document, Mapping):
            return None
        document = cast("Json", document).get(key)
    return document


def text(document: object, *path: str, default: str = "") -> str:
    """Read a scalar as it is written in JSON, text without its quotes."""
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
    """Read an object."""
    found = at(document, *path)
    return cast("Json", found) if isinstance(found, Mapping) else {}


def sequence(document: object, *path: str) -> Sequence[object]:
    """Read a list."""
    found = at(document, *path)
    return cast("list[object]", found) if isinstance(found, list) else ()


def mappings(document: object, *path: str) -> tuple[Json, ...]:
    """Read a list of objects, leaving out what is none."""
    return tuple(
        cast("Json", entry) for entry in sequence(document, *path) if isinstance(entry, Mapping)
    )


def texts(document: object, *path: str) -> tuple[str, ...]:
    """Read a list of scalars."""
    return tuple(text(entry) for entry in sequence(document, *path))
