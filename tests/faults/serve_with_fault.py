"""``waypost serve``, which dies at one enumerated moment of its next write.

A write's moments are before and after each statement, before the commit and
after it.  Nothing of the application knows: the engine itself tells.  The
process is armed by a file, so that it starts in peace:

WAYPOST_FAULT_FILE exists -> moments are counted -> at WAYPOST_FAULT_POINT it is gone
"""

import os
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import Pool

from app.__main__ import main

FILE = Path(os.environ["WAYPOST_FAULT_FILE"])
POINT = int(os.environ["WAYPOST_FAULT_POINT"])
LOCKS_THE_COUNTER = ("counter", "FOR UPDATE")
EXIT_CODE = 9


class Moments:
    """Counts the moments of the first transaction that locks the counter once armed."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.raw: object = None
        self.passed = 0

    def before(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        is_lock = all(word in statement for word in LOCKS_THE_COUNTER)
        if self.connection is None and is_lock and FILE.exists():
            self.connection, self.raw = connection, connection.connection.dbapi_connection
        self.pass_one(connection, f"before {statement.split(maxsplit=1)[0]}")

    def after(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        self.pass_one(connection, f"after {statement.split(maxsplit=1)[0]}")

    def committing(self, connection: Connection) -> None:
        self.pass_one(connection, "before the commit")

    def given_back(self, raw: object, _: object) -> None:
        if self.connection is not None and raw is self.raw:
            self.pass_one(self.connection, "after the commit")

    def pass_one(self, connection: Connection, what: str) -> None:
        if connection is not self.connection:
            return
        if self.passed == POINT:
            FILE.write_text(what)
            os._exit(EXIT_CODE)
        self.passed += 1


if __name__ == "__main__":
    moments = Moments()
    event.listen(Engine, "before_cursor_execute", moments.before)
    event.listen(Engine, "after_cursor_execute", moments.after)
    event.listen(Engine, "commit", moments.committing)
    event.listen(Pool, "checkin", moments.given_back)
    main()
