"""Objects in the order of a field: ``--sort-by=.metadata.name``.

    path, objects -> the same objects, in order

Numbers in texts count as numbers: ``ent-2`` is before ``ent-10``.  Objects without the field come
first.  Source: kubectl `pkg/cmd/get/sorter.go`; github.com/fvbommel/sortorder, `NaturalLess`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import click

from app.cli.fields import Json
from app.cli.jsonpath.evaluation import values_of
from app.cli.jsonpath.nodes import JSONPathError
from app.cli.jsonpath.parsing import parse_path

_NUMBERS: Final = re.compile(r"(\d+)")
_Key = tuple[int, float, tuple[tuple[str, int, int], ...]]


def in_order(path: str, objects: Iterable[Json]) -> list[Json]:
    """Sort objects; raises BadParameter for a path that no object has."""
    listed = list(objects)
    try:
        template = parse_path(path)
        found = [values_of(template, each) for each in listed]
    except JSONPathError as error:
        raise click.BadParameter(f"--sort-by: {error}") from None
    if listed and not any(found):
        raise click.BadParameter(f"couldn't find any field with path {path!r} in the list")
    keyed = [
        (_key(values[0] if values else None), each)
        for values, each in zip(found, listed, strict=True)
    ]
    return [each for _, each in sorted(keyed, key=lambda pair: pair[0])]


def _key(value: object) -> _Key:
    match value:
        case None:
            return 0, 0, ()
        case bool() | int() | float():
            return 1, float(value), ()
        case str():
            return 2, 0, natural(value)
        case Mapping() | list():
            raise click.BadParameter("--sort-by: the field is a list or an object")
        case _:
            return 2, 0, natural(str(value))


def natural(text: str) -> tuple[tuple[str, int, int], ...]:
    """Give the key of a text in which numbers count as numbers.

    Each part is a text, or a number with its digits: fewer leading zeros come first.
    """
    parts = _NUMBERS.split(text)
    return tuple(
        # A digit stands before letters, as its character does.
        ("0", int(part), len(part)) if place % 2 else (part, -1, 0)
        for place, part in enumerate(parts)
        if part
    )
