"""Admission of simultaneous requests, a few in each iteration of the event loop.

    request -> begins now, or in a later iteration, in order of arrival

A thousand connections may each send a request at the same moment.  Beginning one takes a
millisecond, and the event loop polls its sockets only after all of them have run: for a second
it would answer nothing else, not even health checks.
"""

import asyncio
from collections import deque

BEGUN_A_ROUND = 8  # requests begun in one iteration: some ten milliseconds of work


class Admission:
    """Counts requests begun in an iteration, and queues further ones."""

    def __init__(self, *, begun_a_round: int = BEGUN_A_ROUND) -> None:
        self._begun_a_round = begun_a_round
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Begin, or wait for an iteration with room."""
        loop = asyncio.get_running_loop()
        if self._waiting or self._begun >= self._begun_a_round:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            await turn
            return
        if not self._begun:
            loop.call_soon(self._next_round)
        self._begun += 1

    def _next_round(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < self._begun_a_round:
            turn = self._waiting.popleft()
            if not turn.done():  # else its client has disconnected
                turn.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._next_round)
