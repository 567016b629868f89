"""The commands that run servers, and those that work on the database.

    options, settings -> app.main | app.replica | app.database_commands

A composition root is imported only when a command needs it.
"""
# ruff: noqa: PLC0415  imports wait until a command needs them, as said above

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.failures import EXIT_REFUSED
from app.cli.options import api_option
from app.cli.output import print_failure, print_text, print_warning
from app.cli.printing.progress import waiting
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


@click.command()
@click.option("--auth", is_flag=True, help="Authenticate and authorise every request.")
@click.option("--insecure", is_flag=True, help="Serve the API to other machines, unauthenticated.")
@click.option(
    "--behind-tls-proxy",
    is_flag=True,
    help="With --auth: a proxy encrypts the connections of clients.",
)
@click.option("--probe", is_flag=True, help="Run the readiness probes of all Pods as well.")
def serve(*, auth: bool, insecure: bool, behind_tls_proxy: bool, probe: bool) -> None:
    """Run the API and cluster DNS in this process."""
    settings = settings_of_environment()
    if auth:
        settings = settings.model_copy(update={"auth": True})
    if not is_loopback(settings.api_host):
        _require_safe(settings, insecure=insecure, behind_tls_proxy=behind_tls_proxy)
    from app import main as composition
    from app.welcome import welcome

    log_from(settings.log_level, settings.log_format)
    run_to_end(composition.serve(settings, lambda: welcome(settings), probes=probe))


@click.command(hidden=True)
@click.argument("line", type=int, help="The socket to the process that starts this one.")
@click.argument(
    "metrics", type=click.Path(path_type=Path), help="The folder of the metrics of all processes."
)
@click.option("--probe", is_flag=True)
def api_worker(*, line: int, metrics: Path, probe: bool) -> None:
    """Run the API beside the process that starts this one, on the same port."""
    import socket

    from app import main as composition
    from app.api.transport.workers import FirstProcess

    settings = settings_of_environment()
    log_from(settings.log_level, settings.log_format)
    first = FirstProcess(socket.socket(fileno=line))
    run_to_end(composition.serve_beside(settings, first, metrics, probes=probe))


@click.command()
@api_option
@click.pass_context
def dns(context: click.Context, *, api: str) -> None:
    """Run a DNS replica that follows an API; --api may list several, separated by commas."""
    from app import replica

    settings = settings_of_client(context)
    urls = urls_of(api)
    words = (
        f"DNS on {settings.dns_host} port {settings.dns_port}, following {' or '.join(urls)}; "
        f"health on port {settings.dns_metrics_port}"
    )
    log_from(settings.log_level, settings.log_format)
    with refusing(OSError, ValueError):
        until_interrupted(replica.serve(settings, urls, lambda: print_text(words)))


@click.command()
def migrate() -> None:
    """Migrate the database's schema to this version."""
    from app import database_commands

    before, after = run_to_end(database_commands.migrate(settings_of_environment()))
    if before == after:
        print_text(f"the database is at {after} already")
    else:
        print_text(f"the database is at {after} now; it was {before or 'empty'}")


@click.command()
@click.argument(
    "file",
    type=click.Path(allow_dash=True, path_type=Path),
    help="Where to write it; - is the standard output.",
)
def backup(file: Path) -> None:
    """Write everything registered to a file, at one revision, while writes go on."""
    from app import database_commands
    from app.store.keeping.backup_file import STANDARD

    with waiting("the backup begins") as tell:
        written = run_to_end(database_commands.back_up(settings_of_environment(), file, tell))
    place = "the backup" if file == STANDARD else file
    click.echo(f"{written} objects are in {place}", err=file == STANDARD)


@click.command()
@click.argument(
    "file",
    type=click.Path(allow_dash=True, path_type=Path),
    help="What backup wrote; - is the standard input.",
)
@click.option("--replace", is_flag=True, help="Replace everything that is registered.")
@click.option("--lose-all", is_flag=True, help="Accept a backup without objects, or ServiceCIDRs.")
def restore(file: Path, *, replace: bool, lose_all: bool) -> None:
    """Restore the objects of a backup; running servers load them immediately."""
    from app import database_commands

    settings = settings_of_environment()
    with waiting("the backup is read") as tell:
        restoring = database_commands.restore(
            settings, file, tell, replace=replace, loses_all=lose_all
        )
        count, revision = run_to_end(restoring)
    print_text(f"{count} objects are back, at revision {revision}")


@click.command()
@click.option("--repair", is_flag=True, help="Correct the allocations to match the Services.")
def check(*, repair: bool) -> None:
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
        raise click.exceptions.Exit(EXIT_REFUSED)


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    from app.api import application as http
    from app.api.document.text import document_text
    from app.replica import VERSION

    print_text(document_text(http.build(version=VERSION).openapi()))


def _require_safe(settings: "Settings", *, insecure: bool, behind_tls_proxy: bool) -> None:
    """Exit unless other machines may reach the API, given its settings."""
    host = settings.api_host
    if settings.auth and not settings.tls_cert and not behind_tls_proxy:
        print_failure(
            f"WAYPOST_API_HOST={host} lets other machines in, and tokens would be sent "
            "unencrypted: set WAYPOST_TLS_CERT, or run it --behind-tls-proxy"
        )
        raise click.exceptions.Exit(EXIT_REFUSED)
    if settings.auth:
        return
    if not insecure:
        print_failure(
            f"WAYPOST_API_HOST={host} lets other machines in, and the API has no "
            "authentication: listen on 127.0.0.1, add --auth, or accept that with --insecure"
        )
        raise click.exceptions.Exit(EXIT_REFUSED)
    print_warning(f"clients that reach {host} may change anything (--insecure)")
