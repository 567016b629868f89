"""The welcome of ``waypost serve``: the addresses of the server, and commands to try.

    addresses, name of this program -> lines and three commands

The commands work as printed: they have the name by which this program was called, the
server's URL if it is not the default, and only tools that are installed.
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
class Listening:
    """The addresses at which a process listens; hosts are addresses or names."""

    api_host: str
    api_port: int
    dns_host: str
    dns_port: int
    cluster_domain: str
    is_tls: bool = False

    @property
    def url(self) -> str:
        """The URL of the API for a client on this machine."""
        host = reachable(self.api_host)
        scheme = "https" if self.is_tls else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.api_port}"


def reachable(host: str) -> str:
    """Give the address for connections from this machine to a socket that listens at ``host``."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004  the IP version


def welcome(listening: Listening) -> None:
    """Print the addresses of the server, and three commands to try."""
    say(("Waypost is ready.", "bold green"))
    for label, where in (
        ("API", listening.url),
        ("Docs", f"{listening.url}/docs"),
        ("DNS", f"{listening.dns_host} port {listening.dns_port}, UDP and TCP"),
    ):
        say((f"  {label:<6}", "dim"), where)
    say("Try, in another terminal:")
    for command in commands(listening):
        say("  ", (command, "cyan"))
    print_text("")


def commands(listening: Listening) -> Iterator[str]:
    """Give three commands that work here, in this order."""
    waypost = called_as()
    api = "" if listening.url == API_DEFAULT else f" --api {listening.url}"
    name = f"{EXAMPLE_NAME}.default.svc.{listening.cluster_domain}"
    if EXAMPLE.is_file():
        yield f"{waypost} apply -f {EXAMPLE}{api}"
    else:
        document = f'{{"apiVersion":"v1","kind":"Service",{_FIRST_SERVICE[1:]}'
        yield f"echo {shlex.quote(document)} | {waypost} apply -f -{api}"
    if shutil.which("dig"):
        yield f"dig @{reachable(listening.dns_host)} -p {listening.dns_port} {name} +short"
    else:
        yield f"{waypost} resolve {EXAMPLE_NAME}{api}"
    if shutil.which("curl"):
        yield f"curl -s {listening.url}/services"
    else:
        yield f"{waypost} get services -A{api}"


def called_as() -> str:
    """Give the command that runs this program again, from the same folder."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m {called.parent.name}"
    on_path = shutil.which(called.name)
    if on_path and called.exists() and Path(on_path).resolve() == called.resolve():
        return called.name
    return shlex.quote(sys.argv[0])
