"""Child processes: started, reaped, and their ends told, as the first process of a container must.

    command -> Child -> its exit code            SIGCHLD -> every process that has ended is reaped

A process without a parent becomes a child of process 1, which must wait for it, or it stays in the
table of processes; so all children are waited for here, and none by asyncio.
"""

import asyncio
import os
import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

SIGNALLED: Final = 128
"""What shells add to the number of the signal that ended a process."""
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)  # and default in other programs
_QUIET: Final = tuple(
    (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)
)


@dataclass(frozen=True, slots=True)
class Child:
    """A started process."""

    number: int
    """Its number, the pid; that of its process group too, if it has one of its own."""
    ended: "asyncio.Future[int]" = field(default_factory=asyncio.Future[int])
    """Its exit code; of one that a signal ended, as shells have it."""

    def send(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if not self.ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.number, number)

    def kill_group(self) -> None:
        """End it and what it has started in its own process group."""
        with suppress(ProcessLookupError):
            os.killpg(self.number, signal.SIGKILL)


class Children:
    """The child processes of this one, within ``reaping``."""

    def __init__(self) -> None:
        self._children: dict[int, Child] = {}

    @contextmanager
    def reaping(self) -> Generator[None]:
        """Reap during the block."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGCHLD)

    def start(
        self, command: Sequence[str], *, has_own_group: bool, is_quiet: bool = False
    ) -> Child:
        """Start a program; raises OSError.  A quiet one has no input and no output."""
        number = os.posix_spawnp(
            command[0],
            [*command],
            os.environ,
            file_actions=_QUIET if is_quiet else (),
            setsigdef=_IGNORED_BY_PYTHON,
            setpgroup=0 if has_own_group else os.getpgrp(),
        )
        child = self._children[number] = Child(number)
        return child

    def _reap(self) -> None:
        with suppress(ChildProcessError):  # there is none, or none more
            while True:
                number, status = os.waitpid(-1, os.WNOHANG)
                if not number:
                    return
                child = self._children.pop(number, None)
                if child is not None and not child.ended.done():
                    child.ended.set_result(_code_of(status))


def _code_of(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else SIGNALLED - code
