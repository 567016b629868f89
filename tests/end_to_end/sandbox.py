"""Places of their own: a network, files and a host's name that only a program in there has.

    Place -> namespaces with its addresses, resolv.conf and hosts -> programs run in them
    port 53 of the name server -> Relay -> the server under test

Whoever is not root, or not quite, makes them in a user namespace.
"""

import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.place import FILES
from tests.end_to_end.relay import Relay, relaying

RUN_S_MAX = 60.0  # for one lookup; some libraries wait for their timeout, twice, on a busy machine
MAKE_S_MAX = 30.0

_INSIDE = Path(__file__).with_name("place.py")
_NAMESPACES = ("--net", "--mount", "--uts")
_RIGHTS: Sequence[tuple[str, ...]] = ((), ("--user", "--map-root-user"))
"""As root, and as anybody: what a container's root may not, everybody may who asks for less."""


class NoNamespaces(Exception):
    """The kernel, or whoever guards it, does not let us make such a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a program runs: the files it reads and the addresses it has."""

    resolv_conf: str
    nameserver: str
    addresses: tuple[str, ...]
    hosts: str
    host_name: str


class Program:
    """A program in its place, told what to look up line by line.

    Each lookup is a process of its own: nothing is remembered from one to the next.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def look_up(self, name: str, type_: str) -> list[str]:
        """Look one name up, and give the lines it prints."""
        to, printed = self._process.stdin, self._process.stdout
        assert to is not None, "it was asked for"
        assert printed is not None, "it was asked for"
        to.write(f"{type_} {name}\n".encode())
        lines: list[str] = []
        async with asyncio.timeout(RUN_S_MAX):
            while line := (await printed.readline()).decode().rstrip("\n"):
                lines.append(line)
        assert lines, f"it printed nothing for {name!r}"
        return lines


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A place that exists."""

    entering: tuple[str, ...]
    relay: Relay

    @asynccontextmanager
    async def program(self, *command: str) -> AsyncGenerator[Program, None]:
        """Run a program there for the length of the block."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self.entering, *command, env={"PATH": os.environ["PATH"]}, stdin=pipe, stdout=pipe
        )
        try:
            yield Program(process)
        finally:
            assert process.stdin is not None, "it was asked for"
            process.stdin.close()
            await process.wait()


async def lacking(*programs: str) -> str:
    """Say what is missing for a sandbox with these programs, having tried; else nothing."""
    wanted = ("ip", "mount", "nsenter", "unshare", *programs)
    if missing := [each for each in wanted if shutil.which(each) is None]:
        return f"{', '.join(missing)} not found"
    place = Place(
        resolv_conf="", nameserver="192.0.2.1", addresses=("192.0.2.2",), hosts="", host_name="here"
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            async with sandbox(Path(folder, "place"), place, 0):
                return ""
        except NoNamespaces as problem:
            return f"no namespaces here: {problem}"


@asynccontextmanager
async def sandbox(folder: Path, place: Place, dns_port: int) -> AsyncGenerator[Sandbox, None]:
    """Make a place whose port 53 leads to the server at ``dns_port``, until the block ends.

    Raises NoNamespaces where that is not allowed.
    """
    _write_files(folder, place)
    told = json.dumps(
        {
            "addresses": place.addresses,
            "nameserver": place.nameserver,
            "folder": str(folder),
            "host_name": place.host_name,
        }
    ).encode()
    for rights in _RIGHTS[min(os.geteuid(), 1) :]:
        is_last = rights is _RIGHTS[-1]
        ours, theirs = socket.socketpair()
        with ours, theirs:
            inside = await _begun(rights, theirs)
            try:
                udp, tcp = await _sockets(ours, told, inside)
            except NoNamespaces:
                if is_last:
                    raise
                continue
            try:
                async with relaying(udp, tcp, dns_port) as relay:
                    yield Sandbox(_entering(rights, inside.pid), relay)
                return
            finally:
                ours.close()
                await inside.wait()


async def _begun(rights: Sequence[str], line: socket.socket) -> asyncio.subprocess.Process:
    within = ("unshare", *rights, *_NAMESPACES, "--propagation=private", "--")
    number = line.fileno()
    begun = await asyncio.create_subprocess_exec(
        *(*within, sys.executable, "-I", str(_INSIDE), str(number)),
        pass_fds=[number],
        stderr=asyncio.subprocess.PIPE,
    )
    line.close()  # it hangs up with the process that has it now
    return begun


async def _sockets(
    line: socket.socket, told: bytes, inside: asyncio.subprocess.Process
) -> tuple[socket.socket, socket.socket]:
    """Get the sockets that were bound in the place."""
    line.settimeout(MAKE_S_MAX)
    descriptors: list[int] = []
    with suppress(ConnectionError):  # it may have ended before it was told anything
        line.send(told)
        _, descriptors, _, _ = await asyncio.to_thread(socket.recv_fds, line, 16, 2)
    if not descriptors:
        _, complaint = await inside.communicate()
        raise NoNamespaces("; ".join(complaint.decode().split("\n")).strip("; "))
    udp, tcp = (socket.socket(fileno=each) for each in descriptors)
    for each in (udp, tcp):
        each.settimeout(0)  # an event loop waits for them
    return udp, tcp


def _write_files(folder: Path, place: Place) -> None:
    folder.mkdir(parents=True)
    texts = (place.resolv_conf, place.hosts, "hosts: files dns\n")
    for name, text in zip(FILES, texts, strict=True):
        (folder / name).write_text(text)


def _entering(rights: Sequence[str], pid: int) -> tuple[str, ...]:
    own = ("--user", "--preserve-credentials") if rights else ()
    return ("nsenter", f"--target={pid}", *own, *_NAMESPACES, "--")
