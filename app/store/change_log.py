"""Follows the change log, so that the view shows the commits of all processes.

    load -> LISTEN -> read after the last revision -> view.show -> wait for NOTIFY or the poll

A notification only wakes the follower, which reads changes from the table; a lost one costs a
poll interval and nothing else.  After a broken connection it resumes at the view's revision;
when the server has another history then, the state is loaded again.

Source: style.md 2 and 7.3.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.names import REVISION_ZERO, Revision
from app.domain.objects.meta import format_time
from app.registry.reads.view import View
from app.store.engine import connected, driver_of
from app.store.loading import Forked, HistoryGone, changes_after, load_state, require_agreement
from app.store.saving import CHANNEL, origin_of
from app.store.tables import counter

POLL_S = 1.0  # seconds between polls without a notification
POLL_S_MAX = 5.0  # seconds for one poll; a server that takes longer is unreachable
RETRY_S = 0.5  # seconds before reconnecting

_log = logging.getLogger(__name__)


class DatabaseClock:
    """Gives the database's time; before the first update, this machine's.

    All processes of a registry use this time, whatever their own clocks show: for the creation of
    objects, and for the end of grace periods.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Measure the time since the last update by ``monotonic``, in seconds."""
        self._monotonic = monotonic
        self._updated: tuple[datetime, float] | None = None  # a whole second, and when it was
        self._shown = 0, datetime.min.replace(tzinfo=UTC)  # whole seconds since, and their time

    def update(self, now: datetime) -> None:
        """Set the time that the database reported just now."""
        second = now.replace(microsecond=0)
        self._updated = second, self._monotonic() - (now - second).total_seconds()
        self._shown = 0, second

    def now(self) -> datetime:
        """Give the time in whole seconds, as objects have it."""
        if self._updated is None:
            return datetime.now(UTC).replace(microsecond=0)
        reported, at_s = self._updated
        passed_s = int(self._monotonic() - at_s)
        shown = self._shown
        if passed_s != shown[0]:  # every request asks, and most within one second
            self._shown = shown = passed_s, reported + timedelta(seconds=passed_s)
        return shown[1]


class ChangeLogFollower:
    """Keeps a View up to date with the database."""

    def __init__(
        self,
        engine: AsyncEngine,
        view: View,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self.view = view
        """Shows the changes."""
        self._monotonic = monotonic
        self._read_at_s = monotonic()
        self.clock = DatabaseClock(monotonic=monotonic)
        """The database's clock, updated at every poll."""
        self._unreachable_since: datetime | None = None
        self._is_connected = False
        self.latest = REVISION_ZERO
        """The database's revision at the last poll."""

    @property
    def problem(self) -> str:
        """Why changes are not received; empty while they are."""
        if self._unreachable_since is None:
            return ""
        return f"cannot be reached since {format_time(self._unreachable_since)}"

    @property
    def contact_age_s(self) -> float:
        """Seconds since all changes of that moment were read from the database."""
        return self._monotonic() - self._read_at_s

    async def load(self, *, has_same_past: bool = True) -> None:
        """Read the whole state into the view; raises what the driver raises."""
        async with connected(self._engine) as plain:
            connection = await plain.execution_options(isolation_level="REPEATABLE READ")
            self.clock.update(await connection.scalar(_TIME) or self.clock.now())
            begun_s = self._monotonic()
            loaded = await load_state(connection)
        # The view ignores it when this process' writes have advanced it further meanwhile.
        await self.view.show_anew(
            loaded.snapshot,
            history=loaded.history,
            compacted=loaded.compacted,
            has_same_past=has_same_past,
        )
        self._read_at_s = begun_s

    async def run(self) -> None:
        """Follow until cancelled; failures are logged, and retried."""
        while True:
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001  a supervision point: a replica that stops following is lost
                if self._may_reconnect_at_once(error):
                    continue
                if self._unreachable_since is None:
                    self._unreachable_since = self.clock.now()
                    _log.warning("database unreachable; serving the state in memory: %r", error)
                await asyncio.sleep(RETRY_S)

    def _may_reconnect_at_once(self, error: Exception) -> bool:
        """Whether a working connection broke, so that an immediate retry may succeed."""
        was_connected, self._is_connected = self._is_connected, False
        return was_connected and not isinstance(error, TimeoutError)

    async def _follow(self) -> None:
        async with connected(self._engine) as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            woken, own = asyncio.Event(), origin_of(self._engine)

            def on_notification(_: object, __: int, ___: str, payload: object) -> None:
                # This process' writer shows its own commits; if it is cancelled, the poll does.
                if not str(payload).endswith(own):
                    woken.set()

            driver = await driver_of(connection)
            await driver.add_listener(CHANNEL, on_notification)
            driver.add_termination_listener(lambda _: woken.set())
            while True:
                woken.clear()
                if await self.poll(connection):
                    woken.set()  # there is more to read
                self._mark_connected()
                with contextlib.suppress(TimeoutError):
                    # Not wait_for: before Python 3.12 it may swallow a cancellation.
                    async with asyncio.timeout(POLL_S):
                        await woken.wait()

    def _mark_connected(self) -> None:
        if self._unreachable_since is not None:
            _log.info("database reachable again; following its change log")
        self._unreachable_since, self._is_connected = None, True

    async def poll(self, connection: AsyncConnection) -> bool:
        """Read new changes; says whether there are more."""
        seen, begun_s = self.view.snapshot.revision, self._monotonic()
        try:
            async with asyncio.timeout(POLL_S_MAX):
                row = (await connection.execute(_COUNTER)).one()
                self.latest = Revision(row.revision)
                self.clock.update(row.now)
                await require_agreement(connection, self.view, seen, row)
            if seen < self.latest:
                # Outside of the timeout: decoding a large revision may take longer.
                await self.view.show(await changes_after(connection, seen, upto=self.latest))
        except (HistoryGone, Forked) as error:
            _log.warning("%s; loading the state again", error)
            await self.load(has_same_past=isinstance(error, HistoryGone))
            return False
        if self.view.snapshot.revision < self.latest:
            return True
        self._read_at_s = begun_s
        return False


_TIME = select(func.clock_timestamp())
_COUNTER = select(counter.c.revision, counter.c.compacted, func.clock_timestamp().label("now"))
