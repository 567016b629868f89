"""``waypost serve``, which dies at one named moment of its next write.

A write's moments are before and after each statement, before the commit and
after it; of one that is a single statement, before it and after it.  Nothing of
the application knows: the engine tells, and the driver, to which the statement
that saves the rows goes straight.  The process is armed by a file, so that it
starts in peace:

WAYPOST_FAULT_FILE exists -> the next write -> at WAYPOST_FAULT_POINT it is gone
"""

import os
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import Pool

from app.__main__ import main

FILE = Path(os.environ["WAYPOST_FAULT_FILE"])
POINT = os.environ["WAYPOST_FAULT_POINT"]
LOCKS_THE_COUNTER = ("counter", "FOR UPDATE")
EXIT_CODE = 9


class Moments:
    """Follows the first transaction that locks the counter once armed, or is one statement."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.raw: object = None

    def before(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        is_lock = all(word in statement for word in LOCKS_THE_COUNTER)
        if self.connection is None and is_lock and FILE.exists():
            self.connection, self.raw = connection, connection.connection.dbapi_connection
        self.reach(connection, f"before {_called(statement)}")

    def after(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        self.reach(connection, f"after {_called(statement)}")

    def committing(self, connection: Connection) -> None:
        self.reach(connection, "before the commit")

    def given_back(self, raw: object, _: object) -> None:
        if self.connection is not None and raw is self.raw:
            self.reach(self.connection, "after the commit")

    def reach(self, connection: Connection, moment: str) -> None:
        if connection is self.connection and moment == POINT:
            _die(moment)

    def saving(self, when: str) -> None:
        in_transaction = self.connection is not None
        if FILE.exists() and f"{when} {'the rows' if in_transaction else 'all of it'}" == POINT:
            _die(POINT)


def _die(moment: str) -> None:
    FILE.write_text(moment)
    os._exit(EXIT_CODE)


def _called(statement: str) -> str:
    if all(word in statement for word in LOCKS_THE_COUNTER):
        return "the lock"
    return " ".join(statement.split(maxsplit=3)[:3])


def _watched(moments: Moments) -> Any:  # noqa: ANN401  the driver's own signature
    fetch = asyncpg.Connection.fetch

    async def watched(self: Any, query: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        if not all(word in query for word in LOCKS_THE_COUNTER):
            return await fetch(self, query, *args, **options)
        moments.saving("before")
        rows = await fetch(self, query, *args, **options)
        moments.saving("after")
        return rows

    return watched


if __name__ == "__main__":
    moments = Moments()
    event.listen(Engine, "before_cursor_execute", moments.before)
    event.listen(Engine, "after_cursor_execute", moments.after)
    event.listen(Engine, "commit", moments.committing)
    event.listen(Pool, "checkin", moments.given_back)
    asyncpg.Connection.fetch = _watched(moments)
    main()
