"""Follow the change log: what any process commits, this one's view shows.

    load -> LISTEN -> read after the last revision -> view.advance -> wait for NOTIFY or the poll

A notification only wakes; what happened is read from the table, so a lost one
costs a poll interval and nothing else.  After a broken connection everything
starts over from the revision the view has.

Source: style.md 2 and 7.3.
"""

import asyncio
import contextlib
import logging

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.names import Revision
from app.registry.view import View
from app.store.loading import changes_after, load_state
from app.store.tables import counter

CHANNEL = "waypost"
POLL_S = 1.0  # seconds between looks when no notification comes
RETRY_S = 0.5  # seconds before connecting anew

_log = logging.getLogger(__name__)


class ChangeLogFollower:
    """Keeps a View up to date with the database."""

    def __init__(self, engine: AsyncEngine, view: View) -> None:
        """Follow ``engine``'s log into ``view``."""
        self._engine = engine
        self._view = view
        self._is_connected = False

    @property
    def is_connected(self) -> bool:
        """Whether the last look at the database succeeded."""
        return self._is_connected

    async def load(self) -> None:
        """Read the whole state into the view; raises what the driver raises."""
        async with self._engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="REPEATABLE READ")
            loaded = await load_state(connection)
            await connection.rollback()
        self._view.reset(loaded.snapshot, history=loaded.history, compacted=loaded.compacted)
        self._is_connected = True

    async def run(self) -> None:
        """Follow until cancelled; failures are logged, and tried again."""
        while True:
            try:
                await self._follow()
            except Exception:  # noqa: BLE001  a supervision point: a replica that stops following is lost
                if self._is_connected:
                    _log.exception("the change log cannot be read; going on from memory")
                self._is_connected = False
                await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        async with self._engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            woken = asyncio.Event()

            def wake(*_: object) -> None:
                woken.set()

            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None, "a connected connection has a driver"
            await driver.add_listener(CHANNEL, wake)
            try:
                while True:
                    woken.clear()
                    await self._look(connection)
                    self._is_connected = True
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(woken.wait(), POLL_S)
            finally:
                with contextlib.suppress(Exception):
                    await driver.remove_listener(CHANNEL, wake)

    async def _look(self, connection: AsyncConnection) -> None:
        columns = select(counter.c.revision, counter.c.compacted)
        row = (await connection.execute(columns)).one()
        seen = self._view.snapshot.revision
        if seen < row.compacted or row.revision < seen:
            _log.warning("revision %d is no longer in the log; loading anew", seen)
            await self.load()
        elif seen < row.revision:
            upto = Revision(row.revision)
            self._view.advance(await changes_after(connection, seen, upto=upto))
