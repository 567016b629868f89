"""Follow the change log: what any process commits, this one's view shows.

    load -> LISTEN -> read after the last revision -> view.show -> wait for NOTIFY or the poll

A notification only wakes; what happened is read from the table, so a lost one
costs a poll interval and nothing else.  After a broken connection everything
starts over from the revision the view has; should the server that answers then
have another past, the state is loaded anew.

Source: style.md 2 and 7.3.
"""

import asyncio
import contextlib
import logging
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.names import REVISION_ZERO, Revision
from app.domain.times import format_time
from app.registry.reads.view import View
from app.store.clock import DatabaseClock
from app.store.engine import connected, driver_of
from app.store.loading import Forked, HistoryGone, changes_after, load_state, require_agreement
from app.store.saving import CHANNEL, voice_of
from app.store.tables import counter

POLL_S = 1.0  # seconds between looks when no notification comes
LOOK_S_MAX = 5.0  # seconds for a look; a server that takes longer is away
RETRY_S = 0.5  # seconds before connecting anew

_log = logging.getLogger(__name__)


class ChangeLogFollower:
    """Keeps a View up to date with the database."""

    def __init__(self, engine: AsyncEngine, view: View) -> None:
        """Follow ``engine``'s log into ``view``."""
        self._engine = engine
        self._view = view
        self.clock = DatabaseClock()
        """The database's clock, told at every look."""
        self._away_since: datetime | None = None
        self._has_looked = False
        self.latest = REVISION_ZERO
        """The database's revision at the last look."""

    @property
    def problem(self) -> str:
        """Why changes do not come, in words; empty while they do."""
        if self._away_since is None:
            return ""
        return f"cannot be reached since {format_time(self._away_since)}"

    async def load(self, *, has_same_past: bool = True) -> None:
        """Read the whole state into the view; raises what the driver raises."""
        async with connected(self._engine) as plain:
            connection = await plain.execution_options(isolation_level="REPEATABLE READ")
            self.clock.hear(await connection.scalar(_TIME) or self.clock.now())
            loaded = await load_state(connection)
        # Our own writes may have brought the view further in the meantime: it stays there then.
        await self._view.show_anew(
            loaded.snapshot,
            history=loaded.history,
            compacted=loaded.compacted,
            has_same_past=has_same_past,
        )

    async def run(self) -> None:
        """Follow until cancelled; failures are logged, and tried again."""
        while True:
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001  a supervision point: a replica that stops following is lost
                if self._is_worth_another_try(error):
                    continue
                if self._away_since is None:
                    self._away_since = self.clock.now()
                    _log.warning("the database cannot be followed, going on from memory: %r", error)
                await asyncio.sleep(RETRY_S)

    def _is_worth_another_try(self, error: Exception) -> bool:
        """Whether a connection was lost that may be had again at once, before anybody is told."""
        was_looking, self._has_looked = self._has_looked, False
        return was_looking and not isinstance(error, TimeoutError)

    async def _follow(self) -> None:
        async with connected(self._engine) as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            woken = asyncio.Event()

            own = voice_of(self._engine)

            def wake(*_: object) -> None:
                woken.set()

            def hear(_: object, __: int, ___: str, word: object) -> None:
                # Our own writer shows what it commits; were it cut off, the poll would.
                if not str(word).endswith(own):
                    woken.set()

            driver = await driver_of(connection)
            await driver.add_listener(CHANNEL, hear)
            driver.add_termination_listener(wake)
            while True:
                woken.clear()
                if await self.look(connection):
                    woken.set()  # there is more to be read
                self._note_that_it_is_there()
                with contextlib.suppress(TimeoutError):
                    # Not wait_for: before Python 3.12 it may swallow being cancelled.
                    async with asyncio.timeout(POLL_S):
                        await woken.wait()

    def _note_that_it_is_there(self) -> None:
        if self._away_since is not None:
            _log.info("the database is followed again")
        self._away_since, self._has_looked = None, True

    async def look(self, connection: AsyncConnection) -> bool:
        """Read what has come; gives whether there is more of it."""
        seen = self._view.snapshot.revision
        try:
            async with asyncio.timeout(LOOK_S_MAX):
                row = (await connection.execute(_COUNTER)).one()
                self.latest = Revision(row.revision)
                self.clock.hear(row.now)
                await require_agreement(connection, self._view, seen, row)
            if seen < self.latest:
                # Without that bound: one revision may hold more than can be decoded in it.
                await self._view.show(await changes_after(connection, seen, upto=self.latest))
        except (HistoryGone, Forked) as error:
            _log.warning("%s; loading anew", error)
            await self.load(has_same_past=isinstance(error, HistoryGone))
            return False
        return self._view.snapshot.revision < self.latest


_TIME = select(func.clock_timestamp())
_COUNTER = select(counter.c.revision, counter.c.compacted, func.clock_timestamp().label("now"))
