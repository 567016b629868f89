"""The command line: the client's verbs, and the commands that run servers.

    waypost get ...    -> app.cli, without the server's code
    waypost serve ...  -> app.commands.servers, then app.main, with all of it
    waypost dns ...    -> app.commands.servers, then app.replica, with the DNS
    waypost agent ...  -> app.commands.agent, with the agent
    waypost register … -> app.commands.register, with what registers others; so is registrar

A command is imported when it runs, or is described, and a composition root only when it runs:
scripts run the client's verbs in loops.
"""
# ruff: noqa: PLC0415  imports wait until a command needs them, as said above

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from app.cli.application import VERBS, Commands
from app.cli.options import BREAK_GLASS, TOKEN_FILE
from app.cli.output import print_text, print_warning
from app.cli.setup.variables import mistyped

SERVERS: Final = "app.commands.servers"
COMMANDS: Final[Mapping[str, str]] = {
    **{name: module for name, module in VERBS.items() if name != "token"},
    **dict.fromkeys(("serve", "api-worker", "dns"), SERVERS),
    "agent": "app.commands.agent",
    "register": "app.commands.register",
    "registrar": "app.commands.registrar",
    **dict.fromkeys(("migrate", "backup", "restore", "check", "openapi"), SERVERS),
    "token": VERBS["token"],
}
"""The module of each command, in the order in which the help lists them."""


def main() -> None:
    """Run the command that the arguments name."""
    application(prog_name="waypost")  # also as ``python -m app``: completion goes by the name


@click.pass_context
def _root(context: click.Context, *, version: bool, token_file: Path | None) -> None:
    context.meta[TOKEN_FILE] = token_file
    context.meta[BREAK_GLASS] = administrator_token
    for words in mistyped(os.environ):
        print_warning(words)
    if version:
        from importlib.metadata import version as installed_version

        print_text(f"waypost {installed_version('waypost')}")
    elif context.invoked_subcommand is None:
        print_text(context.get_help())


application = Commands(
    COMMANDS,
    callback=_root,
    params=[
        click.Option(["--version"], is_flag=True, help="Print the version and end."),
        click.Option(
            ["--token-file"],
            envvar="WAYPOST_TOKEN_FILE",
            show_envvar=True,
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The token to send; or WAYPOST_TOKEN.",
        ),
    ],
)


def administrator_token() -> dict[str, object]:
    """Issue a token for everything by the database alone, in the form of an answer of the API."""
    from app import database_commands
    from app.command_runs import run_to_end, settings_of_environment
    from app.schemas.issued_token import encode_issued

    token, text = run_to_end(database_commands.administrator_token(settings_of_environment()))
    return encode_issued(token, text)


if __name__ == "__main__":
    main()
