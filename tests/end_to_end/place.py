"""The inside of a sandbox: makes its files, addresses and sockets, and waits for its end.

    python place.py LINE          (number of an inherited Unix socket)
    <- the place as JSON      -> the sockets of port 53, or a complaint on stderr

Run within namespaces of its own, with the standard library alone.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DNS_PORT = 53
BACKLOG = 16
MESSAGE_BYTES_MAX = 65_536
FILES = ("resolv.conf", "hosts", "nsswitch.conf")


def main() -> None:
    """Make the place, hand its sockets out, and keep it until the other end hangs up."""
    line = socket.socket(fileno=int(sys.argv[1]))
    place = json.loads(line.recv(MESSAGE_BYTES_MAX))
    furnish(place)
    udp, tcp = bind(place["nameserver"])
    socket.send_fds(line, [b"ready"], [udp.fileno(), tcp.fileno()])
    line.recv(1)


def furnish(place: Mapping[str, Any]) -> None:
    """Give the place its network, its files and its name."""
    run("ip", "link", "set", "lo", "up")
    for address in place["addresses"]:
        if ":" in address:
            run("ip", "-6", "address", "add", f"{address}/128", "dev", "lo", "nodad")
            run("ip", "-6", "route", "add", "default", "dev", "lo")
        else:
            run("ip", "address", "add", f"{address}/32", "dev", "lo")
            run("ip", "route", "add", "default", "dev", "lo", "src", address)
    run("ip", "address", "add", f"{place['nameserver']}/32", "dev", "lo")
    for name in FILES:
        run("mount", "--bind", str(Path(place["folder"], name)), f"/etc/{name}")
    socket.sethostname(place["host_name"])


def bind(host: str) -> tuple[socket.socket, socket.socket]:
    """Bind what a name server listens on."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    for each in (udp, tcp):
        each.bind((host, DNS_PORT))
    tcp.listen(BACKLOG)
    return udp, tcp


def run(*command: str) -> None:
    """Run a program; one that fails ends this one, after it has complained."""
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"{' '.join(command)} failed")


if __name__ == "__main__":
    main()
