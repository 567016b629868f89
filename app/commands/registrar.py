"""``waypost registrar``: the commands that register what others run.

options -> Options -> app.registrar.docker, until interrupted
"""
# ruff: noqa: PLC0415  what registers is imported when it runs, as clients need none of it

from typing import Final, TypedDict, Unpack

import click

from app.cli.options import TOKEN_FILE, addresses_of, fixed_api_option, namespace_option
from app.command_runs import log_from, refusing, until_interrupted
from waypost.client.http.environment import urls_of
from waypost.client.leases import LEASE_S
from waypost.client.paths import DEFAULT_NAMESPACE

SOCKET_DEFAULT: Final = "/var/run/docker.sock"
_UNIX: Final = "unix://"


class Given(TypedDict):
    """What the command line gives."""

    engine: str
    name: str
    namespace: str
    network: tuple[str, ...]
    address: tuple[str, ...]
    node: str
    lease: int
    resync: float
    api: str


@click.group()
def registrar() -> None:
    """Register what others run."""


@registrar.command()
@click.option(
    "--engine",
    envvar="DOCKER_HOST",
    default=SOCKET_DEFAULT,
    show_default=True,
    show_envvar=True,
    metavar="SOCKET",
    help="The Unix socket of the engine.",
)
@click.option("--name", default="", help="This registrar's name.  [default: the engine's]")
@namespace_option(DEFAULT_NAMESPACE, "Of containers without the label waypost.namespace.")
@click.option(
    "--network",
    multiple=True,
    help="The network whose addresses are used first.  [default: those that this process is in]",
)
@click.option(
    "--address",
    multiple=True,
    help="The machine's, for containers in its own network; one for each family.",
)
@click.option(
    "--node", envvar="WAYPOST_NODE", show_envvar=True, default="", help="The Node they run on."
)
@click.option(
    "--lease",
    type=click.IntRange(1),
    default=LEASE_S,
    show_default=True,
    help="Seconds without this process after which they are not ready.",
)
@click.option(
    "--resync",
    type=click.FloatRange(1),
    default=60,
    show_default=True,
    help="Seconds after which everything is compared again.",
)
@fixed_api_option
@click.pass_context
def docker(context: click.Context, **given: Unpack[Given]) -> None:
    """Register the containers of a Docker engine: those with labels, and services of compose."""
    from app.registrar.docker.desired import Place
    from app.registrar.docker.engine import EngineFailed
    from app.registrar.docker.run import Options, run
    from waypost.client.errors import WaypostError

    log_from("info")
    with refusing(ValueError, EngineFailed, WaypostError, OSError):
        options = Options(
            socket=_socket_of(given["engine"]),
            urls=urls_of(given["api"]),
            token_file=context.meta.get(TOKEN_FILE),
            place=Place(
                registrar=_name_of(given["name"]),
                namespace=given["namespace"],
                networks=given["network"],
                addresses=addresses_of(given["address"]),
                node=given["node"],
                lease_s=given["lease"],
            ),
            resync_s=given["resync"],
        )
        until_interrupted(run(options))


def _socket_of(given: str) -> str:
    if given.startswith(_UNIX):
        return given.removeprefix(_UNIX)
    if "://" in given:
        raise click.BadParameter(
            f"{given} is not a Unix socket: the engine of another machine is followed there",
            param_hint="--engine",
        )
    return given


def _name_of(given: str) -> str:
    from app.domain.names import label_problems

    if given and (problems := label_problems(given)):
        raise click.BadParameter(f"{given!r} {'; '.join(problems)}", param_hint="--name")
    return given
