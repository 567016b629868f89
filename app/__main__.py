"""The command line: the client's verbs, and the commands that run servers.

    waypost get ...    -> app.cli, without the server's code
    waypost serve ...  -> app.main, with all of it
    waypost dns ...    -> app.replica, with the DNS

A composition root is imported only when a command needs it: that takes a second,
which clients should not have to wait.
"""
# ruff: noqa: PLC0415  imports wait until a command needs them, as said above

from collections.abc import Sequence
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.cli.application import EXIT_REFUSED, client_verbs
from app.cli.options import API, TOKEN_FILE, ApiOption
from app.cli.output import OutputFormat, print_document, print_failure, print_text, print_warning
from app.cli.verbs.token import BREAK_GLASS
from app.cli.welcome import Listening, welcome
from app.client.credentials import is_loopback
from app.command_runs import run_to_end, settings_of_environment, until_interrupted

if TYPE_CHECKING:
    from app.agent.process import Options
    from app.config import Settings
    from app.store.keeping.backup import Restored

Backend = Literal["ipvs", "nftables"]

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
    probe: Annotated[
        bool, typer.Option("--probe", help="Run the readiness probes of all Pods as well.")
    ] = False,
) -> None:
    """Run the API and cluster DNS in this process."""
    settings = settings_of_environment()
    if auth:
        settings = settings.model_copy(update={"auth": True})
    if not is_loopback(settings.api_host):
        if not insecure:
            print_failure(
                f"WAYPOST_API_HOST={settings.api_host} lets other machines in, and the API has no "
                "authentication: listen on 127.0.0.1, or accept that with --insecure"
            )
            raise typer.Exit(EXIT_REFUSED)
        print_warning(f"clients that reach {settings.api_host} may change anything (--insecure)")
    from app import main as composition
    from app import telemetry

    telemetry.install(settings.log_level)
    run_to_end(composition.serve(settings, announce, probes=probe))


@application.command()
def dns(context: typer.Context, api: ApiOption = API) -> None:
    """Run a DNS replica that follows an API; --api may list several, separated by commas."""
    from app import replica, telemetry

    settings = _settings_of_client(context)
    urls = _listed(api)
    telemetry.install(settings.log_level)
    try:
        until_interrupted(
            replica.serve(settings, urls, lambda settings: announce_dns(settings, urls))
        )
    except (OSError, ValueError) as error:
        print_failure(str(error))
        raise typer.Exit(EXIT_REFUSED) from None


@application.command()
def agent(  # noqa: PLR0913  each parameter is an option of the command
    context: typer.Context,
    *,
    node: Annotated[str, typer.Option("--node", envvar="WAYPOST_NODE", help="The Node's name.")],
    api: ApiOption = API,
    backend: Annotated[Backend, typer.Option(help="The kernel's load balancer.")] = "ipvs",
    once: Annotated[
        bool, typer.Option("--once", help="Apply the present rules once, and exit.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be applied; change nothing.")
    ] = False,
    cleanup: Annotated[
        bool, typer.Option("--cleanup", help="Remove everything that agents made here, and exit.")
    ] = False,
    zone: Annotated[str, typer.Option(help="The zone of the node.")] = "",
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label of the Node.")
    ] = None,
    address: Annotated[
        list[str] | None, typer.Option(help="An address of the node, instead of detected ones.")
    ] = None,
    metrics_port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Port of /healthz, /livez, /readyz and /metrics; 0 means none."
        ),
    ] = 9154,
    metrics_host: Annotated[str, typer.Option(help="Address of that port.")] = "127.0.0.1",
    resync: Annotated[float, typer.Option(min=1, help="Seconds between checks for drift.")] = 60,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds that connections to a removed endpoint may last.")
    ] = 900,
) -> None:
    """Apply a Node's rules to this machine's kernel; --api may list several, with commas."""
    from app import telemetry
    from app.agent.loop import Pace
    from app.agent.node import Identity
    from app.agent.process import Options, own_privilege

    if not dry_run and (lack := own_privilege()):
        print_failure(lack)
        raise typer.Exit(EXIT_REFUSED)
    settings = _settings_of_client(context)
    options = Options(
        identity=Identity(name=node, zone=zone, labels=_labels(label)),
        urls=_listed(api),
        credentials=settings.credentials,
        addresses=tuple(address or ()),
        backend=backend,
        is_once=once,
        is_dry=dry_run,
        is_cleanup=cleanup,
        pace=Pace(resync_s=resync, drain_s=drain),
        metrics_host=metrics_host,
        metrics_port=metrics_port,
        probe_other_hosts=settings.probe_other_hosts,
    )
    telemetry.install(settings.log_level)
    _run_agent(options)


@application.command()
def migrate() -> None:
    """Migrate the database's schema to this version."""
    before, after = run_to_end(_migrate(settings_of_environment()))
    if before == after:
        print_text(f"the database is at {after} already")
    else:
        print_text(f"the database is at {after} now; it was {before or 'empty'}")


@application.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; - is the standard output.")],
) -> None:
    """Write everything registered to a file, at one revision, while writes go on."""
    from app.store.keeping.backup_file import STANDARD

    written = run_to_end(_backup(settings_of_environment(), file))
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
    restored = run_to_end(
        _restore(settings_of_environment(), file, replace=replace, lose_all=lose_all)
    )
    print_text(f"{restored.objects} objects are back, at revision {restored.revision}")


@application.command()
def check(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Correct the allocations to match the Services.")
    ] = False,
) -> None:
    """Compare allocations with Services, and settings with registered objects."""
    from app.main import found_wrong

    settings = settings_of_environment()
    allocations, contradicting = run_to_end(found_wrong(settings, repairs=repair))
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
    print_document(openapi_document(), OutputFormat.JSON)


def openapi_document() -> dict[str, Any]:
    """Make the OpenAPI document of ``serve``, without connecting to anything."""
    from app.api import application as http
    from app.main import VERSION

    return http.build(version=VERSION).openapi()


def administrator_token() -> dict[str, object]:
    """Issue a token for everything by the database alone, as an answer of the API shows it."""
    from app.main import administrator_token as issued
    from app.schemas.issued_token import encode_issued

    token, text = run_to_end(issued(settings_of_environment()))
    return encode_issued(token, text)


def announce(settings: "Settings") -> None:
    """Print the addresses of the server, and three commands to try."""
    welcome(
        Listening(
            api_host=settings.api_host,
            api_port=settings.api_port,
            dns_host=settings.dns_host,
            dns_port=settings.dns_port,
            cluster_domain=settings.cluster_domain,
            is_tls=bool(settings.tls_cert),
        )
    )


def announce_dns(settings: "Settings", urls: Sequence[str]) -> None:
    """Print the addresses of a replica, and the APIs that it follows."""
    print_text(
        f"DNS on {settings.dns_host} port {settings.dns_port}, following {' or '.join(urls)}; "
        f"health on port {settings.dns_metrics_port}"
    )


def _labels(texts: Sequence[str] | None) -> dict[str, str]:
    return {key: value for key, _, value in (each.partition("=") for each in texts or ())}


def _settings_of_client(context: typer.Context) -> "Settings":
    settings, file = settings_of_environment(), context.meta[TOKEN_FILE]
    return settings if file is None else settings.model_copy(update={"token_file": str(file)})


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


async def _migrate(settings: "Settings") -> tuple[str | None, str]:
    """Migrate the configured or the embedded database; return its versions before and after."""
    from app.main import database_engine
    from app.store.keeping import migrations

    async with database_engine(settings, is_current=False) as engine:
        return await migrations.migrate(engine)


async def _backup(settings: "Settings", file: Path) -> int:
    from app.main import database_engine
    from app.store.keeping.backup import backup_lines
    from app.store.keeping.backup_file import write_whole

    async with database_engine(settings, is_made=False) as engine:
        return await write_whole(file, backup_lines(engine)) - 2  # without header and end


async def _restore(
    settings: "Settings", file: Path, *, replace: bool, lose_all: bool
) -> "Restored":
    from app.main import database_engine
    from app.store.keeping.backup import LINE_OCTETS_MAX, read_backup
    from app.store.keeping.backup import restore as restore_contents
    from app.store.keeping.backup_file import lines_of

    contents = read_backup(lines_of(file, octets_max=LINE_OCTETS_MAX))
    async with database_engine(settings) as engine:
        return await restore_contents(engine, contents, replace=replace, loses_all=lose_all)


def _run_agent(options: "Options") -> None:
    from app.agent.process import run
    from app.agent.sinks.sink import SinkFailed
    from app.client.errors import RegistryError

    try:
        until_interrupted(run(options, print_text))
    except (RegistryError, SinkFailed, OSError, ValueError) as error:
        print_failure(str(error))
        raise typer.Exit(EXIT_REFUSED) from None


if __name__ == "__main__":
    main()
