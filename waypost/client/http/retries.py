"""Retries of requests, where a repetition can do no harm.

    error, is_repeatable -> whether to retry
    send -> its result, after some attempts, or its last error

A request is repeated if nothing was sent, if the registry asks for it (it has done nothing), or
if doing it twice is the same as doing it once.  Delays grow, and are partly random, so that
clients do not return all at once.

Source: RFC 9110, sections 9.2.2 and 10.2.3.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from waypost.client.errors import (
    Misbehaved,
    Refused,
    ServiceUnavailable,
    Timeout,
    TooManyRequests,
    Unreachable,
    WaypostError,
)
from waypost.client.pace import CLOCK, Backoff, Clock

FIRST_S, LONGEST_S = 0.2, 5.0  # delays, which double
_GATEWAYS: Final = frozenset({502, 503, 504})  # codes of proxies that did not reach a registry

R = TypeVar("R")
Note = Callable[[WaypostError, float], None]
"""Takes note of an error after which there is another attempt, and of the pause in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """The bounds of repeating one request."""

    attempts_max: int = 5
    total_s_max: float = 30.0
    """From the first attempt to the beginning of the last one."""


RETRIES: Final = Retries()
ONCE: Final = Retries(attempts_max=1)


def may_retry(error: WaypostError, *, is_repeatable: bool) -> bool:
    """Whether a request that failed may be sent again."""
    match error:
        case Unreachable():
            return is_repeatable or not error.was_sent
        case TooManyRequests() | ServiceUnavailable():
            return is_repeatable or error.retry_after_s > 0
        case Timeout():
            return is_repeatable
        case Misbehaved():
            return is_repeatable and error.code in _GATEWAYS
        case _:
            return False


async def retrying(
    send: Callable[[], Awaitable[R]],
    *,
    is_repeatable: bool,
    retries: Retries = RETRIES,
    clock: Clock = CLOCK,
    note: Note = lambda _error, _pause_s: None,
) -> R:
    """Send until it succeeds or must not be repeated; raises the error of the last attempt."""
    backoff, began_s, attempts = Backoff(FIRST_S, LONGEST_S), clock.now_s(), 0
    while True:
        attempts += 1
        try:
            return await send()
        except WaypostError as error:
            now_s = clock.now_s()
            backoff.failed(now_s)
            pause_s = backoff.retry_at_s - now_s + asked_wait_s(error)
            is_last = (
                attempts >= retries.attempts_max
                or now_s + pause_s > began_s + retries.total_s_max
                or not may_retry(error, is_repeatable=is_repeatable)
            )
            if is_last:
                raise
            note(error, pause_s)
        await clock.sleep(pause_s)


def asked_wait_s(error: WaypostError) -> float:
    """Give the seconds for which the registry asks to wait; 0 when it asks for none."""
    return error.retry_after_s if isinstance(error, Refused) else 0
