"""Requests that come all at once begin a few in each round of the event loop.

    request -> begins now, or in one of the next rounds, in the order in which they came

A thousand connections may each have a request in the same moment.  To begin one takes a
millisecond, most are answered in it, and the event loop does not look at its sockets before
all those have run that it has seen: it would answer nobody, health not even, for a second.
"""

import asyncio
from collections import deque

BEGUN_A_ROUND = 8  # requests: some ten milliseconds of work


class Admission:
    """Counts what begins in a round, and lets the rest wait for the next ones."""

    def __init__(self, *, begun_a_round: int = BEGUN_A_ROUND) -> None:
        """Let ``begun_a_round`` begin in each round."""
        self._begun_a_round = begun_a_round
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Begin, or wait for a round in which there is room."""
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
            if not turn.done():  # its client has not gone meanwhile
                turn.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._next_round)
