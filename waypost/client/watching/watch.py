"""A watch that resumes by itself: one iterator of changes, over any number of streams.

    stream -> events -> Known -> changes;   lost -> a pause -> the next stream

Little is read ahead: a piece of the stream, when the program has taken the changes before.  If it
takes none for half a minute, the registry cuts it off, and the watch resumes when it goes on.  A
wait that is cancelled loses nothing either.  A task of the watch reads, so that another one may
close it meanwhile.

Source: contract.md, "GET /watch".
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Generic, TypeVar, cast

from waypost.client.errors import (
    Expired,
    InternalError,
    Misbehaved,
    Misused,
    Refused,
    ServiceUnavailable,
    Timeout,
    TooManyRequests,
    Unreachable,
)
from waypost.client.http.queries import Parameters, query_of
from waypost.client.http.requests import Requests
from waypost.client.http.retries import asked_wait_s
from waypost.client.pace import RETRY_S_MAX, RETRY_S_MIN, Backoff, Notices
from waypost.client.watching.changes import Bookmark, Change, Known
from waypost.client.watching.events import parse_event

_PASSING: Final = (Expired, Timeout, TooManyRequests, ServiceUnavailable, InternalError)
"""Refusals of a stream after which the next one may succeed."""

_LOST: Final = (Refused, Unreachable, Misbehaved)
_Lost = Refused | Unreachable | Misbehaved

_log = logging.getLogger(__name__)
E_co = TypeVar("E_co", covariant=True)


class Watch(AsyncIterator[E_co], AbstractAsyncContextManager["Watch[E_co]"], Generic[E_co]):
    """Changes, until it is closed; one task at a time may take them."""

    def __init__(  # noqa: PLR0913  each is a choice of its only caller
        self,
        requests: Requests,
        path: str,
        query: Parameters,
        *,
        since: str = "",
        with_bookmarks: bool = False,
        patience_s: float,
        pause_s_max: float = RETRY_S_MAX,
    ) -> None:
        """Read ``path``; raise the last error when nothing becomes complete for ``patience_s``.

        At first it waits no longer than for the answer to any request.  Between two streams there
        are pauses, which grow to ``pause_s_max``.
        """
        self._client, self._path, self._clock = requests.client, path, requests.clock
        self._query = query_of({**query, "progress": with_bookmarks})
        self._with_bookmarks, self._patience_s = with_bookmarks, patience_s
        self._known = Known(since)
        self._pending: deque[Change[Any] | Bookmark] = deque()
        self._stream: AsyncGenerator[list[bytes], None] | None = None
        self._url = self._client.url
        self._is_closed, self._has_completed = False, False
        self._reading: asyncio.Task[None] | None = None
        self._end: Refused | None = None  # after which the changes would have a gap
        self._backoff = Backoff(min(RETRY_S_MIN, pause_s_max), pause_s_max)
        self._first_s_max = min(patience_s, requests.retries.total_s_max)
        self._give_up_at_s: float | None = None
        self._notices = Notices(_log, now_s=self._clock.now_s)
        self.revision = since
        """The last revision whose changes were all taken, for ``since`` of a later watch."""
        self.problem = "it has not been reached yet"
        """Why there is no stream; empty while one is open."""

    async def __anext__(self) -> E_co:
        """Wait for the next change; raises WaypostError when there is none to be expected.

        After an error the next call tries again, as long as that makes sense.
        """
        while True:
            while self._pending:
                following = self._pending.popleft()
                if isinstance(following, Bookmark):
                    self.revision = following.revision
                if self._with_bookmarks or isinstance(following, Change):
                    return cast("E_co", following)
            if self._is_closed:
                raise StopAsyncIteration
            if self._end is not None:
                raise self._end
            await self._read_once()

    async def _read_once(self) -> None:
        """Let a task read on; it ends with this one, or when the watch is closed."""
        if self._reading is not None:
            raise Misused("the changes of a watch are taken by one task at a time")
        self._reading = reading = asyncio.create_task(self._read_on())
        try:
            await asyncio.wait((reading,))
        finally:
            reading.cancel()
            await asyncio.wait((reading,))
            self._reading = None
            failure = None if reading.cancelled() else reading.exception()
        if failure is not None:
            raise failure

    async def aclose(self) -> None:
        """End the watch and its connection; a task that waits for a change waits no longer."""
        self._is_closed = True
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))
        self._pending.clear()
        await self._end_stream()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _read_on(self) -> None:
        """Read a piece of the stream, or the first one of the next stream after a pause."""
        lines: list[bytes] | None = None
        lost: _Lost | None = None
        if self._give_up_at_s is None:
            self._give_up_at_s = self._clock.now_s() + self._first_s_max
        try:
            if self._stream is None:
                await self._clock.sleep(max(0.0, self._backoff.retry_at_s - self._clock.now_s()))
                self._stream = self._open()
            lines = await anext(self._stream, None)
            self._take(lines or ())
        except _LOST as error:
            lost = error
        if lines is None or lost is not None:
            await self._end_stream()
            self._note(lost)

    def _open(self) -> AsyncGenerator[list[bytes], None]:
        since = self._known.begin()
        query = {**self._query, "resourceVersion": since} if since else self._query
        self._has_completed, self._url = False, self._client.url
        return self._client.lines(self._path, query=query)

    def _take(self, lines: Iterable[bytes]) -> None:
        with self._client.failing_over(self._url):
            for line in lines:
                self.problem = ""
                for change in self._known.take(parse_event(line)):
                    self._pending.append(change)
                    self._has_completed |= isinstance(change, Bookmark)

    async def _end_stream(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.aclose()

    def _note(self, lost: _Lost | None) -> None:
        """Note why a stream has ended, and when to open another; raises if that cannot help."""
        now_s = self._clock.now_s()
        if self._has_completed:
            self._backoff.succeeded()
            self._give_up_at_s = now_s + self._patience_s
        self._backoff.failed(now_s)
        self.problem = "its stream has ended" if lost is None else str(lost)
        if isinstance(lost, Refused):
            self._refused(lost)
        if self._backoff.retry_at_s > (self._give_up_at_s or 0):
            self._give_up_at_s = None
            raise lost or Unreachable(self.problem, url=self._url)
        if lost is not None:
            subject = lost.reason if isinstance(lost, Refused) else lost.url
            self._notices.say(subject, f"a watch was interrupted: {lost}; resuming")

    def _refused(self, refusal: Refused) -> None:
        # An error within a stream has no code: the answer to the next request decides.
        if refusal.code and not isinstance(refusal, _PASSING):
            self._give_up_at_s = None
            raise refusal
        try:
            self._known.refused(refusal)
        except Refused as end:
            self._end = end
            raise
        self._backoff.retry_at_s += asked_wait_s(refusal)
