"""The command line: the client's verbs, and the commands that run servers.

    waypost get ...    -> app.cli, without the server's code
    waypost serve ...  -> app.main, with all of it
    waypost dns ...    -> app.replica, with the DNS
    waypost agent ...  -> app.agent_command, with the agent

A composition root is imported only when a command needs it: that takes a second,
which clients should not have to wait.
"""
# ruff: noqa: PLC0415  imports wait until a command needs them, as said above

from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.agent_command import agent
from app.cli.application import EXIT_REFUSED, client_verbs
from app.cli.options import API, TOKEN_FILE, ApiOption
from app.cli.output import print_failure, print_text, print_warning
from app.cli.verbs.token import BREAK_GLASS
from app.command_runs import (
    log_from,
    refusing,
    run_to_end,
    settings_of_client,
    settings_of_environment,
    until_interrupted,
)
from waypost.client.http.credentials import is_loopback
from waypost.client.http.environment import urls_of

if TYPE_CHECKING:
    from app.config import Settings

application = client_verbs()


def main() -> None:
    """Run the command that the arguments name."""
    application()


@application.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="WAYPOST_TOKEN_FILE", metavar="FILE", help="The token to send; or WAYPOST_TOKEN."
        ),
    ] = None,
) -> None:
    """Run the Kubernetes service network without Kubernetes."""
    context.meta[TOKEN_FILE] = token_file
    context.meta[BREAK_GLASS] = administrator_token
    if version:
        print_text(f"waypost {installed_version('waypost')}")
    elif context.invoked_subcommand is None:
        print_text(context.get_help())


@application.command()
def serve(
    *,
    auth: Annotated[
        bool, typer.Option("--auth", help="Authenticate and authorise every request.")
    ] = False,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Serve the API to other machines, unauthenticated."),
    ] = False,
    behind_tls_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-tls-proxy", help="With --auth: a proxy encrypts the connections of clients."
        ),
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Run the readiness probes of all Pods as well.")
    ] = False,
) -> None:
    """Run the API and cluster DNS in this process."""
    settings = settings_of_environment()
    if auth:
        settings = settings.model_copy(update={"auth": True})
    if not is_loopback(settings.api_host):
        _require_safe(settings, insecure=insecure, behind_tls_proxy=behind_tls_proxy)
    from app import main as composition
    from app.welcome import welcome

    log_from(settings.log_level)
    run_to_end(composition.serve(settings, lambda: welcome(settings), probes=probe))


@application.command(hidden=True)
def api_worker(
    line: Annotated[int, typer.Argument(help="The socket to the process that starts this one.")],
    metrics: Annotated[Path, typer.Argument(help="The folder of the metrics of all processes.")],
    *,
    probe: Annotated[bool, typer.Option("--probe")] = False,
) -> None:
    """Run the API beside the process that starts this one, on the same port."""
    import socket

    from app import main as composition
    from app.api.transport.workers import FirstProcess

    settings = settings_of_environment()
    log_from(settings.log_level)
    first = FirstProcess(socket.socket(fileno=line))
    run_to_end(composition.serve_beside(settings, first, metrics, probes=probe))


@application.command()
def dns(context: typer.Context, api: ApiOption = API) -> None:
    """Run a DNS replica that follows an API; --api may list several, separated by commas."""
    from app import replica

    settings = settings_of_client(context)
    urls = urls_of(api)
    words = (
        f"DNS on {settings.dns_host} port {settings.dns_port}, following {' or '.join(urls)}; "
        f"health on port {settings.dns_metrics_port}"
    )
    log_from(settings.log_level)
    with refusing(OSError, ValueError):
        until_interrupted(replica.serve(settings, urls, lambda: print_text(words)))


application.command()(agent)


@application.command()
def migrate() -> None:
    """Migrate the database's schema to this version."""
    from app import database_commands

    before, after = run_to_end(database_commands.migrate(settings_of_environment()))
    if before == after:
        print_text(f"the database is at {after} already")
    else:
        print_text(f"the database is at {after} now; it was {before or 'empty'}")


@application.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; - is the standard output.")],
) -> None:
    """Write everything registered to a file, at one revision, while writes go on."""
    from app import database_commands
    from app.store.keeping.backup_file import STANDARD

    written = run_to_end(database_commands.back_up(settings_of_environment(), file))
    place = "the backup" if file == STANDARD else file
    typer.echo(f"{written} objects are in {place}", err=file == STANDARD)


@application.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What backup wrote; - is the standard input.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace everything that is registered.")
    ] = False,
    lose_all: Annotated[
        bool,
        typer.Option("--lose-all", help="Accept a backup without objects, or ServiceCIDRs."),
    ] = False,
) -> None:
    """Restore the objects of a backup; running servers load them immediately."""
    from app import database_commands

    settings = settings_of_environment()
    restoring = database_commands.restore(settings, file, replace=replace, loses_all=lose_all)
    count, revision = run_to_end(restoring)
    print_text(f"{count} objects are back, at revision {revision}")


@application.command()
def check(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Correct the allocations to match the Services.")
    ] = False,
) -> None:
    """Compare allocations with Services, and settings with registered objects."""
    from app import database_commands

    finding = database_commands.found_wrong(settings_of_environment(), repairs=repair)
    allocations, contradicting = run_to_end(finding)
    for words in (*allocations, *contradicting):
        print_text(words)
    if repair and allocations:
        print_text(f"{len(allocations)} allocations are repaired")
    elif not allocations:
        print_text("every allocation has its owner, and every owner its allocation")
    if contradicting or (allocations and not repair):
        raise typer.Exit(EXIT_REFUSED)


@application.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    from app.api import application as http
    from app.api.document.text import document_text
    from app.replica import VERSION

    print_text(document_text(http.build(version=VERSION).openapi()))


def administrator_token() -> dict[str, object]:
    """Issue a token for everything by the database alone, in the form of an answer of the API."""
    from app import database_commands
    from app.schemas.issued_token import encode_issued

    token, text = run_to_end(database_commands.administrator_token(settings_of_environment()))
    return encode_issued(token, text)


def _require_safe(settings: "Settings", *, insecure: bool, behind_tls_proxy: bool) -> None:
    """Exit unless other machines may reach the API, given its settings."""
    host = settings.api_host
    if settings.auth and not settings.tls_cert and not behind_tls_proxy:
        print_failure(
            f"WAYPOST_API_HOST={host} lets other machines in, and tokens would be sent "
            "unencrypted: set WAYPOST_TLS_CERT, or run it --behind-tls-proxy"
        )
        raise typer.Exit(EXIT_REFUSED)
    if settings.auth:
        return
    if not insecure:
        print_failure(
            f"WAYPOST_API_HOST={host} lets other machines in, and the API has no "
            "authentication: listen on 127.0.0.1, add --auth, or accept that with --insecure"
        )
        raise typer.Exit(EXIT_REFUSED)
    print_warning(f"clients that reach {host} may change anything (--insecure)")


if __name__ == "__main__":
    main()
