"""The kinds of objects as users name them.

    "svc", "Service", "services", "service/ent" -> Kind and, maybe, a name

The table is generated, as the kinds themselves take longer to import than a request takes.
Source: spec kubernetes-api 5.13 for the short names of kinds.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import click

from app.cli.kind_table import ENDPOINTS, KINDS, Kind
from waypost.client.paths import path_of

SERVICE_NAME: Final = "Service"

ALL: Final = "all"
OF_ALL: Final = ("Pod", "Service")
"""The kinds of ``get all``: those of kubectl's category that there are here."""


def _words_of(kind: Kind) -> Iterator[str]:
    yield from (kind.name.lower(), kind.plural, *kind.short_names)
    version = kind.api_version.rpartition("/")[2]
    for word in (kind.name.lower(), kind.plural):
        yield f"{word}.{kind.group}" if kind.group else f"{word}.{version}."
        yield f"{word}.{version}.{kind.group}"


KINDS_BY_WORD: Mapping[str, Kind] = {word: kind for kind in KINDS for word in _words_of(kind)}
KINDS_BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in (*KINDS, ENDPOINTS)}
"""Every kind that manifests may state."""


def kind_named(word: str) -> Kind:
    """Give the kind of a word; raises BadParameter for an unknown one."""
    kind = KINDS_BY_WORD.get(word.lower())
    if kind is None:
        raise click.BadParameter(f"there is no kind {word!r}{_hint(word.lower())}")
    return kind


def short_words() -> list[str]:
    """List the words that people use for kinds."""
    return sorted({word for each in KINDS for word in (each.plural, *each.short_names)})


def _hint(word: str) -> str:
    from app.cli.nearest import did_you_mean  # noqa: PLC0415  for mistakes alone

    if word in (ENDPOINTS.plural, "ep"):
        return ": Endpoints are kept as EndpointSlices, which are eps"
    known = [each for each in KINDS_BY_WORD if "." not in each]
    return did_you_mean(word, known) or f"; there are {', '.join(short_words())}"


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
