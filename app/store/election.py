"""Leader election by advisory locks: one process of all does the work of a duty.

    connection -> lock -> work while the connection lives -> another process takes over

The lock belongs to a connection, so a process that dies releases it immediately, and another
one, trying every second, takes over.  When a connection breaks unnoticed, two processes may
lead for a moment: the work must therefore be harmless when done twice.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.store.engine import UNREACHABLE

UPKEEP = 0x57_41_59_50_01  # advisory locks, one for each duty
PROBES = 0x57_41_59_50_02

TRY_S = 1.0  # seconds between attempts to get the lock, and to reconnect
CHECK_S = 1.0  # seconds between checks of the connection
CHECK_S_MAX = 5.0  # seconds for a check; a server that takes longer is unreachable

_log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]


class Elected:
    """Runs ``work`` in one process at a time, of all that use the same ``lock``."""

    def __init__(
        self,
        engine: AsyncEngine,
        lock: int,
        work: Work,
        *,
        try_s: float = TRY_S,
        check_s: float = CHECK_S,
    ) -> None:
        """Campaign for ``lock`` on the database of ``engine``; ``work`` runs until cancelled."""
        self._engine, self._lock, self._work = engine, lock, work
        self._try_s, self._check_s = try_s, check_s
        self._is_unreachable = False

    async def run(self) -> None:
        """Campaign, work when elected, and campaign again after a failure; until cancelled."""
        while True:
            try:
                await self._campaign()
            except UNREACHABLE as error:
                if not self._is_unreachable:
                    _log.warning("database unreachable; stopped duty %x: %r", self._lock, error)
                self._is_unreachable = True
            except Exception:  # noqa: BLE001  a supervision point: the work must be done again
                _log.warning("duty %x failed; campaigning again", self._lock, exc_info=True)
            await asyncio.sleep(self._try_s)

    async def _campaign(self) -> None:
        async with self._engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            asking = select(func.pg_try_advisory_lock(self._lock))
            while not await connection.scalar(asking):  # noqa: ASYNC110  no event says it is free
                await asyncio.sleep(self._try_s)
            self._is_unreachable = False
            try:
                await self._lead(connection)
            finally:
                await self._step_down(connection)

    async def _lead(self, connection: AsyncConnection) -> None:
        """Work until the work ends or the connection, and the lock with it, is lost."""
        working = asyncio.create_task(self._work())
        try:
            while not working.done():
                await asyncio.wait((working,), timeout=self._check_s)
                async with asyncio.timeout(CHECK_S_MAX):
                    await connection.execute(select(1))
            await working
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working

    async def _step_down(self, connection: AsyncConnection) -> None:
        """Release the lock before the connection returns to the pool."""
        try:
            async with asyncio.timeout(CHECK_S_MAX):
                await connection.execute(select(func.pg_advisory_unlock(self._lock)))
        except Exception:  # noqa: BLE001  the connection broke or was cancelled: closing it is enough
            await connection.invalidate()
