"""``waypost agent``: the command that runs a node's agent.

options, settings -> Options -> app.agent, until interrupted
"""
# ruff: noqa: PLC0415  the agent is imported when it runs, as clients need none of it

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.application import EXIT_REFUSED
from app.cli.options import API, ApiOption
from app.cli.output import print_failure, print_text
from app.command_runs import log_from, refusing, settings_of_client, until_interrupted
from waypost.client.http.environment import urls_of

if TYPE_CHECKING:
    from app.agent.process import Options

NodeOption = Annotated[str, typer.Option("--node", envvar="WAYPOST_NODE", help="The Node's name.")]
BackendOption = Annotated[
    Literal["ipvs", "nftables"], typer.Option(help="The kernel's load balancer.")
]
OnceOption = Annotated[bool, typer.Option("--once", help="Apply the present rules once, and exit.")]
AgentDryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be applied; change nothing.")
]
CleanupOption = Annotated[
    bool, typer.Option("--cleanup", help="Remove everything that agents made here, and exit.")
]
LabelOption = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label of the Node.")
]
AddressOption = Annotated[
    list[str] | None, typer.Option(help="An address of the node, instead of detected ones.")
]
MetricsPortOption = Annotated[
    int,
    typer.Option(
        min=0, max=65535, help="Port of /healthz, /livez, /readyz and /metrics; 0 means none."
    ),
]
DrainOption = Annotated[
    float, typer.Option(min=0, help="Seconds that connections to a removed endpoint may last.")
]


def agent(  # noqa: PLR0913  each parameter is an option of the command
    context: typer.Context,
    *,
    node: NodeOption,
    api: ApiOption = API,
    backend: BackendOption = "ipvs",
    once: OnceOption = False,
    dry_run: AgentDryRunOption = False,
    cleanup: CleanupOption = False,
    zone: Annotated[str, typer.Option(help="The zone of the node.")] = "",
    label: LabelOption = None,
    address: AddressOption = None,
    metrics_port: MetricsPortOption = 9154,
    metrics_host: Annotated[str, typer.Option(help="Address of that port.")] = "127.0.0.1",
    resync: Annotated[float, typer.Option(min=1, help="Seconds between checks for drift.")] = 60,
    drain: DrainOption = 900,
) -> None:
    """Apply a Node's rules to this machine's kernel; --api may list several, with commas."""
    from app.agent.loop import Pace
    from app.agent.node import Identity
    from app.agent.process import Options

    if not dry_run:
        _require_privilege()
    settings = settings_of_client(context)
    options = Options(
        identity=Identity(name=node, zone=zone, labels=_labels(label or ())),
        urls=urls_of(api),
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
    _run(options, settings.log_level)


def _require_privilege() -> None:
    """Exit unless this process may change the kernel's rules."""
    from app.agent.process import own_privilege

    if lack := own_privilege():
        print_failure(lack)
        raise typer.Exit(EXIT_REFUSED)


def _labels(given: Iterable[str]) -> dict[str, str]:
    return {key: value for key, _, value in (each.partition("=") for each in given)}


def _run(options: "Options", log_level: str) -> None:
    from app.agent.process import run
    from app.agent.sinks.sink import SinkFailed
    from waypost.client.errors import WaypostError

    log_from(log_level)
    with refusing(WaypostError, SinkFailed, OSError, ValueError):
        until_interrupted(run(options, print_text))
