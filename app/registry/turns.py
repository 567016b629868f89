"""Long work of many tasks in pieces, of which each round of the event loop does one.

    task -> piece, yield, piece, yield ...        many tasks -> a piece of each, in turn

To yield after each piece is not enough where thousands of tasks do so: the event loop
runs a piece of every one of them before it looks at its sockets again.  What is
bounded is a piece; how large it may be, whoever does the work says.
"""

import asyncio
from types import TracebackType


class Turns:
    """Orders pieces of long work, ``async with turns:`` around each: first come, first served."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> None:
        await self._turn.acquire()

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        try:
            await asyncio.sleep(0)  # nobody has a turn before the event loop has looked around
        finally:
            self._turn.release()
