"""``waypost agent``: the command that runs a node's agent.

options, settings -> Options -> app.agent, until interrupted
"""
# ruff: noqa: PLC0415  the agent is imported when it runs, as clients need none of it

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import click

from app.cli.failures import EXIT_REFUSED
from app.cli.options import fixed_api_option
from app.cli.output import print_failure, print_text
from app.command_runs import log_from, refusing, settings_of_agent, until_interrupted
from waypost.client.http.credentials import is_loopback
from waypost.client.http.environment import urls_of

if TYPE_CHECKING:
    from app.agent.options import Options


@click.command()
@click.option(
    "--node", envvar="WAYPOST_NODE", show_envvar=True, required=True, help="The Node's name."
)
@fixed_api_option
@click.option(
    "--backend",
    type=click.Choice(["ipvs", "nftables"]),
    default="ipvs",
    show_default=True,
    help="The kernel's load balancer.",
)
@click.option("--once", is_flag=True, help="Apply the present rules once, and exit.")
@click.option("--dry-run", is_flag=True, help="Print what would be applied; change nothing.")
@click.option("--cleanup", is_flag=True, help="Remove everything that agents made here, and exit.")
@click.option("--zone", default="", help="The zone of the node.")
@click.option("--label", multiple=True, metavar="KEY=VALUE", help="A label of the Node.")
@click.option("--address", multiple=True, help="An address of the node, instead of detected ones.")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    default=9154,
    show_default=True,
    help="Port of /healthz, /livez, /readyz and /metrics; 0 means none.",
)
@click.option(
    "--metrics-host", default="127.0.0.1", show_default=True, help="Address of that port."
)
@click.option(
    "--resync",
    type=click.FloatRange(min=1),
    default=60,
    show_default=True,
    help="Seconds between checks for drift.",
)
@click.option(
    "--drain",
    type=click.FloatRange(min=0),
    default=900,
    show_default=True,
    help="Seconds that connections to a removed endpoint may last.",
)
@click.pass_context
def agent(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    *,
    node: str,
    api: str,
    backend: Literal["ipvs", "nftables"],
    once: bool,
    dry_run: bool,
    cleanup: bool,
    zone: str,
    label: Sequence[str],
    address: Sequence[str],
    metrics_port: int,
    metrics_host: str,
    resync: float,
    drain: float,
) -> None:
    """Apply a Node's rules to this machine's kernel; --api may list several, with commas."""
    from app.agent.loop import Pace
    from app.agent.node import Identity
    from app.agent.options import Options

    if not dry_run:
        _require_privilege()
    settings = settings_of_agent(context)
    options = Options(
        identity=Identity(node, zone, _labels(label), _scraped(metrics_host, metrics_port)),
        urls=urls_of(api),
        credentials=settings.credentials,
        addresses=tuple(address),
        backend=backend,
        is_once=once,
        is_dry=dry_run,
        is_cleanup=cleanup,
        pace=Pace(resync_s=resync, drain_s=drain),
        metrics_host=metrics_host,
        metrics_port=metrics_port,
        probe_other_hosts=settings.probe_other_hosts,
    )
    log_from(settings.log_level, settings.log_format)
    _run(options, settings.traces_endpoint)


def _require_privilege() -> None:
    """Exit unless this process may change the kernel's rules."""
    from app.agent.process import own_privilege

    if lack := own_privilege():
        print_failure(lack)
        raise click.exceptions.Exit(EXIT_REFUSED)


def _labels(given: Iterable[str]) -> dict[str, str]:
    return {key: value for key, _, value in (each.partition("=") for each in given)}


def _scraped(host: str, port: int) -> dict[str, str]:
    """Let Prometheus find the metrics, if other machines reach them."""
    if not port or is_loopback(host):
        return {}
    return {"prometheus.io/scrape": "true", "prometheus.io/port": str(port)}


def _run(options: "Options", traces_endpoint: str) -> None:
    from app.agent.process import run
    from app.agent.sinks.sink import SinkFailed
    from app.telemetry.tracing import tracing
    from waypost.client.errors import WaypostError

    traced = tracing(traces_endpoint, "waypost-agent")
    with refusing(WaypostError, SinkFailed, OSError, ValueError), traced:
        until_interrupted(run(options, print_text))
