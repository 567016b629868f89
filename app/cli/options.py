"""The words that verbs share: options, and kinds; and the connection of a verb to its server.

    "svc", "Service", "services", "service/ent" -> AnyResource and, maybe, a name

A test replaces the network by a transport, as the object of typer's context.
Source: spec kubernetes-api 5.13 for the short names of kinds.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import httpx
import typer

from app.cli.client import Api
from app.cli.output import OutputFormat
from app.domain.objects.resource import AnyResource
from app.domain.resources import RESOURCES
from waypost.client.http.credentials import Credentials
from waypost.client.http.environment import API_DEFAULT, API_VARIABLE, TOKEN_VARIABLE
from waypost.client.paths import path_of

ApiOption = Annotated[
    str, typer.Option("--api", envvar=API_VARIABLE, metavar="URL", help="The server to talk to.")
]
NamespaceOption = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NS", help="The namespace.")
]
SelectorOption = Annotated[
    str,
    typer.Option("--selector", "-l", metavar="SEL", help="Labels, such as app=ent,tier!=test."),
]
FilesOption = Annotated[
    list[str],
    typer.Option(
        "--filename", "-f", metavar="FILE", help="A manifest, a folder of them, or - for stdin."
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Check and show what would happen; write nothing.")
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Refuse unknown kinds and unknown fields.")
]
OutputOption = Annotated[
    OutputFormat, typer.Option("--output", "-o", help="The form to print.", show_default=True)
]

API = API_DEFAULT
TOKEN_FILE = "waypost.token-file"  # noqa: S105  key of the command line's ``meta``

KINDS_BY_WORD: Mapping[str, AnyResource] = {
    word: resource
    for resource in RESOURCES
    for word in (resource.name.lower(), resource.plural, *resource.short_names)
}


def connect(context: typer.Context, url: str) -> Api:
    """Make the client of a verb, without sending anything."""
    transport: object = context.obj
    is_given = isinstance(transport, httpx.AsyncBaseTransport)
    file: object = context.meta.get(TOKEN_FILE)
    credentials = Credentials(
        os.environ.get(TOKEN_VARIABLE, ""), file if isinstance(file, Path) else None
    )
    return Api(url, transport=transport if is_given else None, credentials=credentials)


def kind_named(word: str) -> AnyResource:
    """Give the kind of a word; raises BadParameter for an unknown one."""
    kind = KINDS_BY_WORD.get(word.lower())
    if kind is None:
        names = {word for each in RESOURCES for word in (each.plural, *each.short_names)}
        known = ", ".join(sorted(names))
        raise typer.BadParameter(f"there is no kind {word!r}; there are {known}")
    return kind


def kind_and_name(word: str, name: str | None) -> tuple[AnyResource, str]:
    """Parse ``svc ent`` or ``svc/ent``; the name is empty when none is given."""
    kind_word, found = word_and_name(word, name)
    return kind_named(kind_word), found


def word_and_name(word: str, name: str | None) -> tuple[str, str]:
    """Parse the same, for a kind that only the server may know; raises BadParameter."""
    kind_word, slash, joined = word.partition("/")
    if slash and name:
        raise typer.BadParameter(f"{word!r} already says the name; {name!r} is one too many")
    return kind_word, joined or name or ""


def object_path(kind: AnyResource, namespace: str, name: str) -> str:
    """Give the path of one object."""
    return path_of(kind.plural, namespace if kind.is_namespaced else "", name)
