"""A watch that resumes by itself: one iterator of changes, over any number of streams.

    stream -> events -> Known -> changes;   lost -> a pause -> the next stream

Little is read ahead: a piece of the stream, when the program has taken the changes before.  If it
takes none for half a minute, the registry cuts it off, and the watch resumes when it goes on.  A
wait that is cancelled loses nothing either.

Source: contract.md, "GET /watch".
"""

import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Generic, TypeVar, cast

from waypost.client.errors import (
    Expired,
    InternalError,
    Refused,
    ServiceUnavailable,
    Timeout,
    TooManyRequests,
    Unreachable,
    WaypostError,
)
from waypost.client.http.queries import Parameters, query_of
from waypost.client.http.requests import Requests
from waypost.client.http.retries import asked_wait_s
from waypost.client.pace import Backoff, Notices
from waypost.client.watching.changes import Bookmark, Change, Known
from waypost.client.watching.events import parse_event

_PASSING: Final = (Expired, Timeout, TooManyRequests, ServiceUnavailable, InternalError)
"""Refusals of a stream after which the next one may succeed."""

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
    ) -> None:
        """Read ``path``; raise the last error when nothing becomes complete for ``patience_s``.

        At first it waits no longer than for the answer to any request.
        """
        self._client, self._path, self._clock = requests.client, path, requests.clock
        self._query = query_of({**query, "progress": with_bookmarks})
        self._with_bookmarks, self._patience_s = with_bookmarks, patience_s
        self._known = Known(since)
        self._pending: deque[Change[Any] | Bookmark] = deque()
        self._stream: AsyncGenerator[list[bytes], None] | None = None
        self._url = self._client.url
        self._is_closed, self._has_completed = False, False
        self._backoff = Backoff()
        self._first_s_max = min(patience_s, requests.retries.total_s_max)
        self._give_up_at_s: float | None = None
        self._notices = Notices(_log, now_s=self._clock.now_s)
        self.revision = since
        """The last revision whose changes were all taken, for ``since`` of a later watch."""
        self.problem = "it has not been reached yet"
        """Why there is no stream; empty while one is open."""

    async def __anext__(self) -> E_co:
        """Wait for the next change; raises WaypostError when the watch ends for good."""
        while True:
            while self._pending:
                following = self._pending.popleft()
                if isinstance(following, Bookmark):
                    self.revision = following.revision
                if self._with_bookmarks or isinstance(following, Change):
                    return cast("E_co", following)
            if self._is_closed:
                raise StopAsyncIteration
            try:
                await self._read_on()
            except WaypostError:
                self._is_closed = True
                raise

    async def aclose(self) -> None:
        """End the watch and its connection."""
        self._is_closed = True
        self._pending.clear()
        await self._end_stream()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _read_on(self) -> None:
        """Read a piece of the stream, or the first one of the next stream after a pause."""
        lines, lost = None, None
        if self._give_up_at_s is None:
            self._give_up_at_s = self._clock.now_s() + self._first_s_max
        try:
            if self._stream is None:
                await self._clock.sleep(max(0.0, self._backoff.retry_at_s - self._clock.now_s()))
                self._stream = self._open()
            lines = await anext(self._stream, None)
            self._take(lines or ())
        except WaypostError as error:
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

    def _note(self, lost: WaypostError | None) -> None:
        """Note why a stream has ended, and when to open another; raises if that cannot help."""
        now_s = self._clock.now_s()
        if self._has_completed:
            self._backoff.succeeded()
            self._give_up_at_s = now_s + self._patience_s
        self._backoff.failed(now_s)
        self.problem = "its stream has ended" if lost is None else str(lost)
        if isinstance(lost, Refused):
            # An error within a stream has no code: the answer to the next request decides.
            if lost.code and not isinstance(lost, _PASSING):
                raise lost
            self._known.refused(lost)
            self._backoff.retry_at_s += asked_wait_s(lost)
            self._notices.say(lost.reason, f"a watch was interrupted: {lost}; resuming")
        if self._backoff.retry_at_s > (self._give_up_at_s or 0):
            raise lost or Unreachable(self.problem, url=self._url)
