"""Answers of a registry's API, read within bounds that hold while they arrive.

    request -> Answer: status, headers, body            a whole answer
            -> lines, a few at a time                   a stream
            or RegistryUnreachable | RegistryMisbehaved

What answers may be another server, or hostile.  httpx would expand whatever it is
sent and wait as long as something drips, so content is taken from it as it came:
gzip alone is asked for and expanded here piece by piece, octets, values and time
are counted.  A head has the bound of h11, which httpx
reads with: 100 KiB while it is incomplete.

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
from app.client.foreign_text import shown
from app.client.gunzip import Gunzip
from app.client.json_reading import values_in
from app.client.line_splitter import LineSplitter

_MEBIBYTE: Final = 1024 * 1024
_CHUNKS_PER_TURN: Final = 256  # each costs h11 some 20 µs, however small it is
_CAUSES_MAX: Final = 8  # exceptions below one of httpx
_WEB_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one answer, or one line of a stream, may take.

    The rules of a node beside 10,000 Services with 100,000 endpoints are some 30 MB, a
    list of as many Pods some 150 MB; a line holds one object.
    """

    answer_octets_max: int = 256 * _MEBIBYTE
    """Once it is expanded."""
    answer_values_max: int = 16_000_000
    line_octets_max: int = 16 * _MEBIBYTE
    connect_s_max: float = 5.0
    silence_s_max: float = 30.0
    """Between any two reads of a whole answer."""
    answer_s_max: float = 120.0
    """From the question to the end of a whole answer."""
    line_s_max: float = 45.0
    """From the question, or one line of a stream, to the end of the next line."""


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, its body as it was before it was compressed."""

    status_code: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return httpx.codes.is_success(self.status_code)


class NotAStream(Exception):
    """A stream was asked for, and the answer is no success."""

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
    """Send a request and read all of the answer; raises RegistryUnreachable and RegistryMisbehaved.

    ``patience_s`` is how long the request asks the API to wait before it answers.
    """
    _limit_silence(request, bounds.connect_s_max, bounds.silence_s_max + patience_s)
    whole_s = bounds.answer_s_max + patience_s
    with _worded(f"it has not answered whole within {whole_s:g} s"):
        async with asyncio.timeout(whole_s):
            response = await _sent(client, request, coding="gzip")
            try:
                return await _whole(response, bounds)
            finally:
                await response.aclose()


class LineStream:
    """A stream of lines, open for the length of the block.

    Raises RegistryUnreachable, RegistryMisbehaved, and NotAStream at first when the answer is no
    success.
    """

    def __init__(
        self, client: httpx.AsyncClient, request: httpx.Request, bounds: Bounds = BOUNDS
    ) -> None:
        self._client, self._request = client, request
        self._bounds = bounds
        self._splitter = LineSplitter(line_octets_max=bounds.line_octets_max)
        self._late = f"no whole line has come within {bounds.line_s_max:g} s"

    async def __aenter__(self) -> Self:
        """Send the request, and read the head of the answer."""
        # One line has its time, whatever comes of it meanwhile: a read of its own has none.
        _limit_silence(self._request, self._bounds.connect_s_max, None)
        with _worded(self._late):
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
        """Close the connection; what had come of a next line is forgotten."""
        await self._pieces.aclose()
        await self._response.aclose()

    async def next_lines(self) -> list[bytes]:
        """Give the next lines, at least one, without empty ones; none when the stream has ended."""
        with _worded(self._late):
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
    """Yield the content, expanded; httpx reads at most 64 KiB at once."""
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream), "an asynchronous client has asked"
    gunzip, given = _gunzip_of(response), 0
    async for octets in stream:
        for piece in (octets,) if gunzip is None else gunzip.expand(octets):
            yield piece
            given += 1
            # One read may hold ten thousand chunks, or expand a thousandfold.
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


def _limit_silence(request: httpx.Request, connect_s: float, read_s: float | None) -> None:
    timeout = httpx.Timeout(read_s, connect=connect_s)
    request.extensions = {**request.extensions, "timeout": timeout.as_dict()}


@contextmanager
def _worded(late: str) -> Generator[None]:
    """Turn what httpx and the clock raise into words; ``late`` is for the clock's."""
    try:
        yield
    except TimeoutError:
        raise RegistryUnreachable(late) from None
    except httpx.TimeoutException as error:
        step = "accepted a connection" if isinstance(error, httpx.ConnectTimeout) else "answered"
        raise RegistryUnreachable(f"it has not {step} in time") from None
    except httpx.RemoteProtocolError as error:
        raise RegistryUnreachable(
            f"its HTTP breaks off or cannot be read: {shown(str(error))}"
        ) from None
    except httpx.HTTPError as error:
        raise RegistryUnreachable(_reason(error)) from None


def _reason(error: BaseException) -> str:
    """Find the system's words below those of the libraries, which name every attempt or none."""
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
