"""``waypost register``: the command that runs a program and keeps it registered.

options -> Options -> app.registrar.process, until the program ends; its exit code
"""
# ruff: noqa: PLC0415  what registers is imported when it runs, as clients need none of it

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NoReturn, TypedDict, Unpack

import click

from app.cli.options import addresses_of, api_option, credentials_of, namespace_option
from app.command_runs import log_from, refusing
from waypost.client.http.environment import urls_of
from waypost.client.leases import LEASE_S

if TYPE_CHECKING:
    from app.domain.objects.pod import Probe
    from app.registrar.process.manifests import Identity, Port
    from app.registrar.process.probes import ProbePace
    from app.registrar.process.run import Options

DRAIN_S: Final = 5.0  # the TTL of names
PORT_MAX: Final = 65_535


class Given(TypedDict):
    """What the command line gives."""

    name: str
    namespace: str
    label: tuple[str, ...]
    port: tuple[str, ...]
    service: bool
    probe: str | None
    ready: bool
    probe_interval: int
    probe_timeout: int
    probe_failures: int
    lease: int
    drain: float
    address: tuple[str, ...]
    interface: str
    node: str
    api: str
    command: tuple[str, ...]


@click.command()
@click.option("--name", required=True, help="The name of what runs, and of its Service.")
@namespace_option()
@click.option(
    "--label",
    multiple=True,
    metavar="KEY=VALUE",
    help="A label of the Pod, by which Services select it.  [default: app=NAME]",
)
@click.option(
    "--port",
    multiple=True,
    metavar="[NAME=]PORT",
    help="A TCP port on which the program listens; several need names.",
)
@click.option(
    "--service", is_flag=True, help="Create a Service of that name and labels if there is none."
)
@click.option(
    "--probe",
    metavar="PROBE",
    help="http:[PORT]/PATH, https:…, tcp:[PORT] or exec:COMMAND.  [default: tcp: the first port]",
)
@click.option("--ready", is_flag=True, help="Do not probe: it is ready at once.")
@click.option(
    "--probe-interval", type=click.IntRange(1), default=10, show_default=True, help="Seconds."
)
@click.option(
    "--probe-timeout", type=click.IntRange(1), default=1, show_default=True, help="Seconds."
)
@click.option(
    "--probe-failures",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Failures in a row that make it not ready.",
)
@click.option(
    "--lease",
    type=click.IntRange(1),
    default=LEASE_S,
    show_default=True,
    help="Seconds without a heartbeat after which it is not ready.",
)
@click.option(
    "--drain",
    type=click.FloatRange(0),
    default=DRAIN_S,
    show_default=True,
    help="Seconds from leaving the Service until a signal to end is passed on.",
)
@click.option(
    "--address",
    multiple=True,
    help="Its address; one for each family.  [default: the source address of the route to the API]",
)
@click.option("--interface", default="", help="The network interface whose addresses it has.")
@click.option("--node", envvar="WAYPOST_NODE", show_envvar=True, default="", help="Its Node.")
@api_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def register(context: click.Context, **given: Unpack[Given]) -> None:
    """Run COMMAND after --, registered as a Pod as long as it runs; end with its exit code."""
    with refusing(ValueError):
        options = _options(context, given)
    context.exit(_run(options))


def _options(context: click.Context, given: Given) -> "Options":
    from app.registrar.process.probes import ProbePace
    from app.registrar.process.run import Options

    identity = _identity(given)
    pace = ProbePace(
        period_s=given["probe_interval"],
        timeout_s=given["probe_timeout"],
        failures=given["probe_failures"],
    )
    return Options(
        command=given["command"],
        identity=identity,
        urls=urls_of(given["api"]),
        credentials=credentials_of(context, given["api"]),
        addresses=addresses_of(given["address"]),
        interface=given["interface"],
        probe=None if given["ready"] else _probe(given["probe"], identity, pace),
        makes_service=given["service"],
        drain_s=given["drain"],
        is_on_terminal=sys.stdin is not None and sys.stdin.isatty(),
    )


def _identity(given: Given) -> "Identity":
    from app.registrar.process.manifests import Identity

    ports = _ports(given["port"])
    if given["service"] and not ports:
        _refuse("--service", "a Service needs a --port")
    return Identity(
        name=_name(given["name"]),
        namespace=given["namespace"],
        labels=_labels(given["label"]) or {"app": given["name"]},
        ports=ports,
        lease_s=given["lease"],
        node=given["node"],
    )


def _name(name: str) -> str:
    """Check the name, which is that of a Service too."""
    from app.domain.names import label_problems

    if problems := label_problems(name):
        _refuse("--name", f"{name!r} {'; '.join(problems)}")
    return name


def _labels(given: Sequence[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not key or not equals:
            _refuse("--label", f"{each!r} is not KEY=VALUE")
        labels[key] = value
    return labels


def _ports(given: Sequence[str]) -> "tuple[Port, ...]":
    from app.registrar.process.manifests import Port

    ports: list[Port] = []
    for each in given:
        name, _, number = each.rpartition("=")
        if not number.isdecimal() or not 0 < int(number) <= PORT_MAX:
            _refuse("--port", f"{each!r} is not a port from 1 to {PORT_MAX}, or NAME=PORT")
        ports.append(Port(number=int(number), name=name))
    names = [port.name for port in ports]
    if len(ports) > 1 and (not all(names) or len(set(names)) < len(names)):
        _refuse("--port", "several ports need a name each, as in http=8080")
    return tuple(ports)


def _probe(text: str | None, identity: "Identity", pace: "ProbePace") -> "Probe | None":
    from app.registrar.process.probes import parse_probe

    first = identity.ports[0].number if identity.ports else None
    if text is None:
        return None if first is None else parse_probe("tcp:", first, pace)
    return parse_probe(text, first, pace)


def _refuse(option: str, problem: str) -> NoReturn:
    raise click.BadParameter(problem, param_hint=option)


def _run(options: "Options") -> int:
    import asyncio

    from app.registrar.process.run import run
    from waypost.client.errors import WaypostError

    log_from("info")
    with refusing(WaypostError):
        return asyncio.run(run(options))
