"""The welcome of ``waypost serve``: the addresses of the server, and commands to try.

    settings, name of this program -> lines and three commands

The commands work as printed: they have the name by which this program was called, the
server's URL if it is not the default, and only tools that are installed.
"""

import shlex
import shutil
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from app.cli.output import print_text, say
from app.config import Settings
from waypost.client.http.environment import API_DEFAULT

EXAMPLE = Path("examples/ent.yaml")
EXAMPLE_NAME = "ent"
_FIRST_SERVICE = (
    '{"apiVersion":"v1","kind":"Service","metadata":{"name":"ent"},'
    '"spec":{"selector":{"app":"ent"},"ports":[{"port":80}]}}'
)


def reachable(host: str) -> str:
    """Give the address for connections from this machine to a socket that listens at ``host``."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004  the IP version


def url_of(settings: Settings) -> str:
    """Give the URL of the API for a client on this machine."""
    host = reachable(settings.api_host)
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.api_port}"


def welcome(settings: Settings) -> None:
    """Print the addresses of the server, and three commands to try."""
    url = url_of(settings)
    say(("Waypost is ready.", "bold green"))
    for label, where in (
        ("API", url),
        ("Docs", f"{url}/docs"),
        ("DNS", f"{settings.dns_host} port {settings.dns_port}, UDP and TCP"),
        ("Data", _place_of(settings)),
    ):
        say((f"  {label:<6}", "dim"), where)
    token = ", with a token in WAYPOST_TOKEN" if settings.auth else ""
    say(f"Try, in another terminal{token}:")
    for command in commands(settings):
        say("  ", (command, "cyan"))
    print_text("")


def _place_of(settings: Settings) -> str:
    """Say where the registered objects are kept, without a password."""
    if settings.database_url:
        return "the database of WAYPOST_DATABASE_URL"
    return f"{settings.data_dir.absolute()} (WAYPOST_DATA_DIR)"


def commands(settings: Settings) -> Iterator[str]:
    """Give three commands that work here, in this order."""
    waypost, url = called_as(), url_of(settings)
    api = "" if url == API_DEFAULT else f" --api {url}"
    name = f"{EXAMPLE_NAME}.default.svc.{settings.cluster_domain}"
    if EXAMPLE.is_file():
        yield f"{waypost} apply -f {EXAMPLE}{api}"
    else:
        yield f"echo {shlex.quote(_FIRST_SERVICE)} | {waypost} apply -f -{api}"
    if shutil.which("dig"):
        yield f"dig @{reachable(settings.dns_host)} -p {settings.dns_port} {name} +short"
    else:
        yield f"{waypost} resolve {EXAMPLE_NAME}{api}"
    if shutil.which("curl"):
        token = ' -H "Authorization: Bearer $WAYPOST_TOKEN"' if settings.auth else ""
        yield f"curl -s{token} {url}/services"
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
