"""Waiting for what must come, with a deadline instead of luck."""

import asyncio
from collections.abc import Awaitable, Callable

WITHIN_S = 20.0  # a loaded machine takes its time; what is measured is measured elsewhere
_POLL_S = 0.02


async def until(
    is_so: Callable[[], bool], *, within_s: float = WITHIN_S, every_s: float = _POLL_S
) -> None:
    """Wait until something holds; raises TimeoutError when it does not in time."""
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110  what is asked has no event of its own
            await asyncio.sleep(every_s)


async def eventually(is_so: Callable[[], Awaitable[bool]], *, within_s: float = WITHIN_S) -> None:
    """Ask again and again until something holds; raises TimeoutError when it does not in time."""
    async with asyncio.timeout(within_s):
        while not await is_so():  # noqa: ASYNC110  as above
            await asyncio.sleep(_POLL_S)
