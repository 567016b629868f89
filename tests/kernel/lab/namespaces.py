"""Network namespaces by name: make one, and do something inside it.

A socket stays in the namespace it was made in, so one process can serve and
call from everywhere.  Entering changes the calling thread only.
"""

import ctypes
import os
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

COMMAND_TIMEOUT_S = 60
NAMED = Path("/run/netns")

_CLONE_NEWNET = 0x4000_0000
_OWN = Path("/proc/thread-self/ns/net")
_libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(Exception):
    """A program that loads rules or builds the network ended with an error."""


def run(*command: str, text: str = "", namespace: str | None = None) -> str:
    """Run a program, in a namespace if one is named, with ``text`` as its input."""
    with inside(namespace):
        ended = subprocess.run(
            command,
            input=text,
            text=True,
            capture_output=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
    if ended.returncode:
        raise CommandFailed(f"{' '.join(command)}: {ended.stderr.strip()}\ninput:\n{text[:20_000]}")
    return ended.stdout


def ip_batch(lines: Iterable[str], *, namespace: str | None = None) -> None:
    """Let one ``ip`` process do many things."""
    run("ip", "-batch", "-", text="".join(f"{line}\n" for line in lines), namespace=namespace)


@contextmanager
def inside(namespace: str | None) -> Generator[None]:
    """Be in a named namespace for the length of the block; None means where one is."""
    if namespace is None:
        yield
        return
    with _OWN.open() as own, (NAMED / namespace).open() as entered:
        _enter(entered.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def write_sysctls(values: dict[str, str], *, namespace: str | None = None) -> None:
    """Set kernel parameters below /proc/sys as a namespace sees them."""
    with inside(namespace):
        for name, value in values.items():
            (Path("/proc/sys") / name).write_text(value)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
