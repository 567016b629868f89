"""The kinds of objects as users name them.

    "svc", "Service", "services", "service/ent" -> Kind and, maybe, a name

The table is generated, as the kinds themselves take longer to import than a request takes.
Source: spec kubernetes-api 5.13 for the short names of kinds.
"""

from collections.abc import Mapping
from typing import Final

import click

from app.cli.kind_table import ENDPOINTS, KINDS, Kind
from waypost.client.paths import path_of

SERVICE_NAME: Final = "Service"

KINDS_BY_WORD: Mapping[str, Kind] = {
    word: kind for kind in KINDS for word in (kind.name.lower(), kind.plural, *kind.short_names)
}
KINDS_BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in (*KINDS, ENDPOINTS)}
"""Every kind that manifests may state."""


def kind_named(word: str) -> Kind:
    """Give the kind of a word; raises BadParameter for an unknown one."""
    kind = KINDS_BY_WORD.get(word.lower())
    if kind is None:
        names = {word for each in KINDS for word in (each.plural, *each.short_names)}
        known = ", ".join(sorted(names))
        raise click.BadParameter(f"there is no kind {word!r}; there are {known}")
    return kind


def kind_and_name(word: str, name: str | None) -> tuple[Kind, str]:
    """Parse ``svc ent`` or ``svc/ent``; the name is empty when none is given."""
    kind_word, found = word_and_name(word, name)
    return kind_named(kind_word), found


def word_and_name(word: str, name: str | None) -> tuple[str, str]:
    """Parse the same, for a kind that only the server may know; raises BadParameter."""
    kind_word, slash, joined = word.partition("/")
    if slash and name:
        raise click.BadParameter(f"{word!r} already says the name; {name!r} is one too many")
    return kind_word, joined or name or ""


def object_path(kind: Kind, namespace: str, name: str) -> str:
    """Give the path of one object."""
    return path_of(kind.plural, namespace if kind.is_namespaced else "", name)
