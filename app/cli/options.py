"""The options that verbs share, and the connection of a verb to its server.

A test replaces the network by a transport, as the object of typer's context.
"""

import os
from pathlib import Path
from typing import Annotated

import httpx
import typer

from app.cli.client import API_DEFAULT, Api
from app.cli.output import OutputFormat
from app.client.credentials import Credentials

ApiOption = Annotated[
    str, typer.Option("--api", envvar="WAYPOST_API", metavar="URL", help="The server to talk to.")
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
OutputOption = Annotated[
    OutputFormat, typer.Option("--output", "-o", help="The form to print.", show_default=True)
]

API = API_DEFAULT
TOKEN_VARIABLE = "WAYPOST_TOKEN"  # noqa: S105  the name of a variable
TOKEN_FILE = "waypost.token-file"  # noqa: S105  key of the command line's ``meta``


def connect(context: typer.Context, url: str) -> Api:
    """Make the client of a verb, without sending anything."""
    transport: object = context.obj
    is_given = isinstance(transport, httpx.AsyncBaseTransport)
    file: object = context.meta.get(TOKEN_FILE)
    credentials = Credentials(
        os.environ.get(TOKEN_VARIABLE, ""), file if isinstance(file, Path) else None
    )
    return Api(url, transport=transport if is_given else None, credentials=credentials)
