"""Waiting for conditions, with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable

WITHIN_S = 20.0  # long enough for a loaded machine; tests of durations do not use it
_POLL_S = 0.02


async def until(
    is_so: Callable[[], bool], *, within_s: float = WITHIN_S, every_s: float = _POLL_S
) -> None:
    """Wait until a condition holds; raises TimeoutError when it does not in time."""
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(every_s)


async def eventually(is_so: Callable[[], Awaitable[bool]], *, within_s: float = WITHIN_S) -> None:
    """Poll until a condition holds; raises TimeoutError when it does not in time."""
    async with asyncio.timeout(within_s):
        while not await is_so():  # noqa: ASYNC110  as above
            await asyncio.sleep(_POLL_S)
