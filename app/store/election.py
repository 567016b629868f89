"""One process of many does what only one should: the one that holds an advisory lock.

    connection -> lock -> work, for as long as the connection lives -> the next one's turn

The lock belongs to a connection, so that a process that dies gives it up at
once, and the others, who try every second, take over.  For a moment two may
believe that they hold it, when a connection breaks without either end being
told: what is done here must therefore be harmless when done twice.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.store.engine import UNREACHABLE

UPKEEP = 0x57_41_59_50_01  # advisory locks, one a duty
PROBES = 0x57_41_59_50_02

TRY_S = 1.0  # seconds between attempts to get the lock, and to connect anew
PULSE_S = 1.0  # seconds between looks at whether the connection still lives
LOOK_S_MAX = 5.0  # seconds for a look; a server that takes longer is away

_log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]


class Elected:
    """Runs ``work`` in one process at a time, of all that have the same ``lock``."""

    def __init__(self, engine: AsyncEngine, lock: int, work: Work) -> None:
        """Stand for ``lock`` on the database of ``engine``; ``work`` runs until cancelled."""
        self._engine = engine
        self._lock = lock
        self._work = work
        self._is_away = False

    async def run(self) -> None:
        """Stand, work when elected, and stand again after a failure; until cancelled."""
        while True:
            try:
                await self._stand()
            except UNREACHABLE as error:
                if not self._is_away:
                    _log.warning(
                        "duty %x is given up while the database is away: %r", self._lock, error
                    )
                self._is_away = True
            except Exception:  # noqa: BLE001  a supervision point: else nobody would do the work again
                _log.warning("duty %x is given up, and stood for anew", self._lock, exc_info=True)
            await asyncio.sleep(TRY_S)

    async def _stand(self) -> None:
        async with self._engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            asking = select(func.pg_try_advisory_lock(self._lock))
            while not await connection.scalar(asking):  # noqa: ASYNC110  nobody tells when it is free
                await asyncio.sleep(TRY_S)
            self._is_away = False
            try:
                await self._preside(connection)
            finally:
                await self._resign(connection)

    async def _preside(self, connection: AsyncConnection) -> None:
        """Work until the work ends or the connection, and the lock with it, is lost."""
        working = asyncio.create_task(self._work())
        try:
            while not working.done():
                await asyncio.wait((working,), timeout=PULSE_S)
                async with asyncio.timeout(LOOK_S_MAX):
                    await connection.execute(select(1))
            await working
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working

    async def _resign(self, connection: AsyncConnection) -> None:
        """Give the lock up before the connection goes back to the pool."""
        try:
            async with asyncio.timeout(LOOK_S_MAX):
                await connection.execute(select(func.pg_advisory_unlock(self._lock)))
        except Exception:  # noqa: BLE001  it broke, or was cut off in mid-question: closing it will do
            await connection.invalidate()
