"""Reads answers of a registry's API within bounds that are checked while they arrive.

    request -> Answer: status, headers, body            a whole answer
            -> lines, a few at a time                   a stream
            or RegistryUnreachable | RegistryMisbehaved

The server may be another one, or hostile.  httpx would decompress any content and wait
as long as octets trickle in, so its raw content is read: only gzip is accepted and
decompressed here piece by piece; octets, values and time are counted.  A head has the
bound of h11, httpx's parser: 100 KiB while it is incomplete.

Source: RFC 9110, section 8.4, for content codings.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, cast

import httpx

from app.client.errors import RegistryMisbehaved, RegistryUnreachable
from app.client.gunzip import Gunzip
from app.client.json_reading import values_in
from app.client.line_splitter import LineSplitter
from app.client.server_text import shown

_MEBIBYTE: Final = 1024 * 1024
_CHUNKS_PER_TURN: Final = 256  # between two yields; each costs h11 some 20 µs at any size
_CAUSES_MAX: Final = 8  # exceptions below one of httpx
_WEB_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds of one answer, or of one line of a stream.

    The rules of a node for 10,000 Services with 100,000 endpoints are some 30 MB, a list
    of as many Pods some 150 MB; a line has one object.
    """

    answer_octets_max: int = 256 * _MEBIBYTE
    """Decompressed."""
    answer_values_max: int = 16_000_000
    line_octets_max: int = 16 * _MEBIBYTE
    connect_s_max: float = 5.0
    silence_s_max: float = 30.0
    """Between any two reads of a whole answer."""
    answer_s_max: float = 120.0
    """From the request to the end of a whole answer."""
    line_s_max: float = 45.0
    """From the request, or one line of a stream, to the end of the next line."""


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer with its decompressed body."""

    status_code: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return httpx.codes.is_success(self.status_code)


class NotAStream(Exception):
    """The answer to the request for a stream is no success."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"it answers {answer.status_code}")
        self.answer = answer


async def read_answer(
    client: httpx.AsyncClient,
    request: httpx.Request,
    bounds: Bounds = BOUNDS,
    *,
    patience_s: float = 0,
) -> Answer:
    """Send a request and read the whole answer; raises RegistryUnreachable, RegistryMisbehaved.

    ``patience_s`` is how long the request asks the API to wait before it answers.
    """
    _set_timeouts(request, bounds.connect_s_max, bounds.silence_s_max + patience_s)
    whole_s = bounds.answer_s_max + patience_s
    with _translated(f"its answer was not complete within {whole_s:g} s"):
        async with asyncio.timeout(whole_s):
            response = await _sent(client, request, coding="gzip")
            try:
                return await _whole(response, bounds)
            finally:
                await response.aclose()


class LineStream:
    """A stream of lines, open during the block.

    Raises RegistryUnreachable, RegistryMisbehaved, and NotAStream on entry if the answer is no
    success.
    """

    def __init__(
        self, client: httpx.AsyncClient, request: httpx.Request, bounds: Bounds = BOUNDS
    ) -> None:
        self._client, self._request = client, request
        self._bounds = bounds
        self._splitter = LineSplitter(line_octets_max=bounds.line_octets_max)
        self._late = f"no complete line arrived within {bounds.line_s_max:g} s"

    async def __aenter__(self) -> Self:
        """Send the request, and read the head of the answer."""
        # The timeout is for a whole line, so single reads have none.
        _set_timeouts(self._request, self._bounds.connect_s_max, None)
        with _translated(self._late):
            async with asyncio.timeout(self._bounds.line_s_max):
                self._response = await _sent(self._client, self._request, coding="identity")
                try:
                    await self._require_success()
                except BaseException:
                    await self._response.aclose()
                    raise
        self._pieces = _pieces(self._response)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection; an incomplete line is dropped."""
        await self._pieces.aclose()
        await self._response.aclose()

    async def next_lines(self) -> list[bytes]:
        """Return the next lines, at least one, without empty ones; none at the stream's end."""
        with _translated(self._late):
            async with asyncio.timeout(self._bounds.line_s_max):
                async for piece in self._pieces:
                    if lines := self._splitter.split(piece):
                        return lines
        rest = self._splitter.rest()
        return [rest] if rest else []

    async def _require_success(self) -> None:
        if not self._response.is_success:
            raise NotAStream(await _whole(self._response, self._bounds))
        _require_no_web_page(self._response)


async def _sent(
    client: httpx.AsyncClient, request: httpx.Request, *, coding: str
) -> httpx.Response:
    request.headers["Accept-Encoding"] = coding
    return await client.send(request, stream=True, follow_redirects=False)


async def _whole(response: httpx.Response, bounds: Bounds) -> Answer:
    if response.is_success:
        _require_no_web_page(response)
    body, values = bytearray(), 0
    async with aclosing(_pieces(response)) as pieces:
        async for piece in pieces:
            body += piece
            values += values_in(piece)
            if len(body) > bounds.answer_octets_max:
                raise RegistryMisbehaved(
                    f"its answer has more than {bounds.answer_octets_max} bytes"
                )
            if values > bounds.answer_values_max:
                raise RegistryMisbehaved(
                    f"its answer has more than {bounds.answer_values_max} values"
                )
    return Answer(response.status_code, response.headers, bytes(body))


async def _pieces(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Yield the decompressed content; httpx reads at most 64 KiB at once."""
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream), "the client is asynchronous"
    gunzip, given = _gunzip_of(response), 0
    async for octets in stream:
        for piece in (octets,) if gunzip is None else gunzip.expand(octets):
            yield piece
            given += 1
            # Yield to the event loop: a read may have 10,000 chunks, or expand a thousandfold.
            if gunzip is not None or given % _CHUNKS_PER_TURN == 0:
                await asyncio.sleep(0)
    if gunzip is not None:
        gunzip.end()


def _gunzip_of(response: httpx.Response) -> Gunzip | None:
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return None
    if coding in ("gzip", "x-gzip"):
        return Gunzip()
    raise RegistryMisbehaved(f"it compresses with {shown(coding)}, which it was not asked for")


def _require_no_web_page(response: httpx.Response) -> None:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in _WEB_PAGES:
        raise RegistryMisbehaved(
            f"it answers with a web page ({media_type}), as the login of a proxy or another "
            "server does; is this the URL of a Waypost API?"
        )


def _set_timeouts(request: httpx.Request, connect_s: float, read_s: float | None) -> None:
    timeout = httpx.Timeout(read_s, connect=connect_s)
    request.extensions = {**request.extensions, "timeout": timeout.as_dict()}


@contextmanager
def _translated(late: str) -> Generator[None]:
    """Translate the exceptions of httpx, and a timeout with the message ``late``."""
    try:
        yield
    except TimeoutError:
        raise RegistryUnreachable(late) from None
    except httpx.TimeoutException as error:
        step = "accepted a connection" if isinstance(error, httpx.ConnectTimeout) else "answered"
        raise RegistryUnreachable(f"it has not {step} in time") from None
    except httpx.RemoteProtocolError as error:
        raise RegistryUnreachable(
            f"its HTTP is incomplete or cannot be read: {shown(str(error))}"
        ) from None
    except httpx.HTTPError as error:
        raise RegistryUnreachable(_reason(error)) from None


def _reason(error: BaseException) -> str:
    """Find the operating system's message below those of the libraries."""
    words = str(error) or type(error).__name__
    cause: BaseException = error
    for _ in range(_CAUSES_MAX):
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)
        if isinstance(cause, BaseExceptionGroup):
            following = cast("BaseExceptionGroup[BaseException]", cause).exceptions[0]
        else:
            following = cause.__cause__ or cause.__context__
        if following is None:
            break
        cause = following
    return words
