"""A lock that yields to the event loop, so that each iteration does one piece of long work.

    task -> piece, yield, piece, yield ...        many tasks -> a piece of each, in turn

Yielding after each piece is not enough where thousands of tasks do so: the event loop would
run a piece of every one of them before it polls its sockets again.  The caller bounds the
size of a piece.
"""

import asyncio


class YieldingLock(asyncio.Lock):
    """Serialises pieces of long work, ``async with lock:`` around each, in order of arrival."""

    async def __aexit__(self, *_: object) -> None:
        try:
            await asyncio.sleep(0)  # the event loop polls its sockets before the next piece
        finally:
            self.release()
