"""What ``waypost serve`` says once everything listens: where it is, and what to try.

    addresses, how this program was called -> lines and three commands

The commands work as they are printed: they name the program as it was called,
the server when it is not at its usual place, and only tools that are there.
"""

import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from app.cli.client import API_DEFAULT
from app.cli.output import print_text, say

EXAMPLE = Path("examples/ent.yaml")
EXAMPLE_NAME = "ent"
_FIRST_SERVICE = (
    '{"metadata":{"name":"ent"},"spec":{"selector":{"app":"ent"},"ports":[{"port":80}]}}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a process listens; hosts are addresses or names."""

    api_host: str
    api_port: int
    dns_host: str
    dns_port: int
    cluster_domain: str

    @property
    def url(self) -> str:
        """The API as a client on this machine reaches it."""
        host = reachable(self.api_host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.api_port}"


def reachable(host: str) -> str:
    """Give the address at which a listening socket is reached from its own machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004  the IP version


def welcome(place: Place) -> None:
    """Print where everything is, and three things to try."""
    say(("Waypost is ready.", "bold green"))
    for label, where in (
        ("API", place.url),
        ("Docs", f"{place.url}/docs"),
        ("DNS", f"{place.dns_host} port {place.dns_port}, UDP and TCP"),
    ):
        say((f"  {label:<6}", "dim"), where)
    say("Try, in another terminal:")
    for command in commands(place):
        say("  ", (command, "cyan"))
    print_text("")


def commands(place: Place) -> Iterator[str]:
    """Give three commands that work here, in this order."""
    waypost = called_as()
    api = "" if place.url == API_DEFAULT else f" --api {place.url}"
    name = f"{EXAMPLE_NAME}.default.svc.{place.cluster_domain}"
    if EXAMPLE.is_file():
        yield f"{waypost} apply -f {EXAMPLE}{api}"
    else:
        document = f'{{"apiVersion":"v1","kind":"Service",{_FIRST_SERVICE[1:]}'
        yield f"echo {shlex.quote(document)} | {waypost} apply -f -{api}"
    if shutil.which("dig"):
        yield f"dig @{reachable(place.dns_host)} -p {place.dns_port} {name} +short"
    else:
        yield f"{waypost} resolve {EXAMPLE_NAME}{api}"
    if shutil.which("curl"):
        yield f"curl -s {place.url}/services"
    else:
        yield f"{waypost} get services -A{api}"


def called_as() -> str:
    """Write how this program is called again, from the same folder."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m {called.parent.name}"
    on_path = shutil.which(called.name)
    if on_path and called.exists() and Path(on_path).resolve() == called.resolve():
        return called.name
    return shlex.quote(sys.argv[0])
