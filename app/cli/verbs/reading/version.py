"""``waypost version``: the versions of this program and of the server.

GET /version -> two lines, or a document

Source: kubectl `pkg/cmd/version/version.go`.
"""

import click

from app.cli.fields import Json, text
from app.cli.options import api_option, connect, output_option
from app.cli.output import OutputFormat, print_result, say
from app.cli.verb import verb

_EXAMPLES = """
waypost version             of this program and of the server
waypost version --client    of this program alone
waypost version -o json
"""


@verb(examples=_EXAMPLES)
@click.option("--client", is_flag=True, help="Only of this program; no server is asked.")
@output_option()
@api_option
@click.pass_context
def version(context: click.Context, *, client: bool, output: OutputFormat, api: str) -> None:
    """Show the versions of this program and of the server."""
    from importlib.metadata import version as installed_version  # noqa: PLC0415  slow to load

    result: dict[str, object] = {"clientVersion": {"version": installed_version("waypost")}}
    if not client:
        result["serverVersion"] = connect(context, api).ask("GET", "/version")
    print_result(result, output, _print)


def _print(result: Json) -> None:
    say(f"Client Version: {text(result, 'clientVersion', 'version')}")
    if "serverVersion" in result:
        server = text(result, "serverVersion", "version") or text(
            result, "serverVersion", "gitVersion"
        )
        say(f"Server Version: {server}")
