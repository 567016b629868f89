"""What a shell offers after TAB: kinds, and names that the server has.

    words so far, the beginning of the next -> what it may be

A server that does not answer soon, or refuses, has no names to offer: nobody waits for a TAB.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from app.cli.client import CLI_BOUNDS, Api
from app.cli.failures import Unreadable
from app.cli.fields import mappings, text
from app.cli.kinds import ALL, Kind, kind_named, short_words
from app.cli.options import TOKEN_FILE, credentials_of
from app.cli.setup.contexts import default_namespace, default_server
from waypost.client.errors import WaypostError
from waypost.client.http.queries import Parameters

NAMES_MAX: Final = 500
WAIT_S_MAX: Final = 2.0
_BOUNDS: Final = replace(
    CLI_BOUNDS, connect_s_max=WAIT_S_MAX, answer_s_max=WAIT_S_MAX, silence_s_max=WAIT_S_MAX
)


def words_completed(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete the words of a verb: kinds, then names; or KIND/NAME."""
    words: Sequence[str] = context.params.get("words") or ()
    with suppress(click.BadParameter):
        if "/" in begun:
            kind, _slash, name = begun.partition("/")
            return [f"{kind}/{each}" for each in _names(context, kind_named(kind), name)]
        if not words:
            return _kinds(begun)
        if "/" in words[0]:
            return [f"{each}/" for each in _kinds(begun)]
        given = set(words[1:])
        kind = kind_named(words[0].partition(",")[0])
        return [each for each in _names(context, kind, begun) if each not in given]
    return []


def namespaces_completed(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete a namespace."""
    return list(_names(context, kind_named("Namespace"), begun))


def nodes_completed(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a Node."""
    return list(_names(context, kind_named("Node"), begun))


def services_completed(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a Service."""
    return list(_names(context, kind_named("Service"), begun))


def _kinds(begun: str) -> list[str]:
    """Complete the last of kinds that commas separate."""
    before, comma, last = begun.rpartition(",")
    words = (*short_words(), ALL)
    return [f"{before}{comma}{each}" for each in words if each.startswith(last.lower())]


def _names(context: click.Context, kind: Kind, begun: str) -> Iterator[str]:
    with suppress(WaypostError, Unreadable):
        server = _server(context)
        query: Parameters = {"limit": NAMES_MAX}
        if kind.is_namespaced:
            namespace = context.params.get("namespace") or default_namespace()
            query = {**query, "namespace": str(namespace)}
        listed = server.ask("GET", f"/{kind.plural}", query=query, warn=_ignore)
        for each in mappings(listed, "items"):
            if (name := text(each, "metadata", "name")).startswith(begun):
                yield name


def _server(context: click.Context) -> Api:
    file: object = context.find_root().params.get("token_file")
    if isinstance(file, Path):
        context.meta[TOKEN_FILE] = file
    url = str(context.params.get("api") or default_server())
    credentials = credentials_of(context, url)
    return Api(url, transport=context.obj, bounds=_BOUNDS, credentials=credentials)


def _ignore(_: str) -> None:
    """Drop a warning: it would be in the middle of what is typed."""
