"""The surroundings of a Pod's program: network, mounts and host name of its own.

    Place -> a process that holds the namespaces -> programs beside it
                                               '-> sockets on its port 53

Nothing outlives the holder, and the holder ends with its standard input, whatever
becomes of the tests.  Needs the right to make namespaces.
"""

import asyncio
import ctypes
import os
import shutil
import socket
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.relay import Relay, relaying

DNS_PORT = 53
BACKLOG = 16
RUN_S_MAX = 30.0  # some libraries wait for their timeout, twice

_NAMESPACES = ("--net", "--mount", "--uts")
_HOLD = """
set -e
ip link set lo up
for address in $ADDRESSES; do
  case "$address" in
    *:*) ip -6 address add "$address/128" dev lo nodad; ip -6 route add default dev lo ;;
    *) ip address add "$address/32" dev lo; ip route add default dev lo src "$address" ;;
  esac
done
ip address add "$NAMESERVER/32" dev lo
for file in resolv.conf hosts nsswitch.conf; do
  mount --bind "$FOLDER/$file" "/etc/$file"
done
echo "$HOST_NAME" > /proc/sys/kernel/hostname
echo ready
exec cat
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a program runs: the files it reads and the addresses it has."""

    resolv_conf: str
    nameserver: str
    addresses: tuple[str, ...]
    hosts: str
    host_name: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A place that exists."""

    pid: int
    relay: Relay

    async def run(self, *command: str) -> list[str]:
        """Run a program there and give the lines it prints."""
        entering = ("nsenter", f"--target={self.pid}", *_NAMESPACES, "--", *command)
        process = await asyncio.create_subprocess_exec(
            *entering, env={"PATH": os.environ["PATH"]}, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(RUN_S_MAX):
            printed, _ = await process.communicate()
        assert process.returncode == 0, f"{command} ended with {process.returncode}"
        return printed.decode().splitlines()


async def lacking(*programs: str) -> str:
    """Say what is missing for a sandbox with these programs; nothing is an empty text."""
    wanted = ("ip", "mount", "nsenter", "unshare", *programs)
    if missing := [each for each in wanted if shutil.which(each) is None]:
        return f"{', '.join(missing)} not found"
    process = await asyncio.create_subprocess_exec(
        *_unshared("ip link set lo up"), stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    return f"no namespaces here: {complaint.decode().strip()}" if process.returncode else ""


@asynccontextmanager
async def sandbox(folder: Path, place: Place, dns_port: int) -> AsyncGenerator[Sandbox, None]:
    """Make a place whose port 53 leads to the server at ``dns_port``, until the block ends."""
    _write_files(folder, place)
    environment = {
        "PATH": os.environ["PATH"],
        "ADDRESSES": " ".join(place.addresses),
        "NAMESERVER": place.nameserver,
        "FOLDER": str(folder),
        "HOST_NAME": place.host_name,
    }
    pipe = asyncio.subprocess.PIPE
    holder = await asyncio.create_subprocess_exec(
        *_unshared(_HOLD), env=environment, stdin=pipe, stdout=pipe
    )
    assert holder.stdin is not None, "it was asked for"
    assert holder.stdout is not None, "it was asked for"
    try:
        assert await holder.stdout.readline() == b"ready\n", (
            "the namespaces are not as they must be"
        )
        udp, tcp = _bound(holder.pid, place.nameserver)
        async with relaying(udp, tcp, dns_port) as relay:
            yield Sandbox(holder.pid, relay)
    finally:
        holder.stdin.close()
        await holder.wait()


def _write_files(folder: Path, place: Place) -> None:
    folder.mkdir(parents=True)
    (folder / "resolv.conf").write_text(place.resolv_conf)
    (folder / "hosts").write_text(place.hosts)
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")


def _unshared(script: str) -> Sequence[str]:
    return ("unshare", *_NAMESPACES, "--propagation=private", "--", "sh", "-c", script)


def _bound(pid: int, host: str) -> tuple[socket.socket, socket.socket]:
    """Bind port 53 in the network of another process, from a thread that visits it."""
    with ThreadPoolExecutor(max_workers=1) as visitor:
        return visitor.submit(_visit_and_bind, pid, host).result()


def _visit_and_bind(pid: int, host: str) -> tuple[socket.socket, socket.socket]:
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{pid}/ns/net").open("rb") as network:
        if libc.setns(network.fileno(), 0):
            raise OSError(ctypes.get_errno(), "the network cannot be entered")
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    for each in (udp, tcp):
        each.settimeout(0)  # an event loop waits for them
        each.bind((host, DNS_PORT))
    tcp.listen(BACKLOG)
    return udp, tcp
