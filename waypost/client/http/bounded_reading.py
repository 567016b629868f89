"""Reads answers of a registry's API within bounds that are checked while they arrive.

    request -> Answer: status, headers, body            a whole answer
            -> lines, a few at a time                   a stream
            or Unreachable | Misbehaved

The server may be another one, or hostile.  httpx would decompress any content and wait
as long as octets trickle in, so its raw content is read: only gzip is accepted and
decompressed here piece by piece; octets, values and time are counted.  A head has the
bound of h11, httpx's parser: 100 KiB while it is incomplete.

Source: RFC 9110, section 8.4, for content codings.
"""

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, cast

import httpx

from waypost.client.errors import Misbehaved, Unreachable, shown
from waypost.client.http.decoding import Gunzip, LineSplitter, values_in

KEPT_S_MAX: Final = 3.0  # of an idle connection; servers close theirs after at least five seconds
_MEBIBYTE: Final = 1024 * 1024
_CHUNKS_PER_TURN: Final = 256  # between two yields; each costs h11 some 20 µs at any size
_CAUSES_MAX: Final = 8  # exceptions below one of httpx
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
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


def http_client(
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    credentials: httpx.Auth | None = None,
    uses_proxies: bool = False,
) -> httpx.AsyncClient:
    """Make the HTTP client; ``transport`` replaces the network in tests.

    ``uses_proxies`` is for the environment's proxy, which usually cannot reach a cluster.  Trusted
    are the system's authorities, or those of SSL_CERT_FILE and SSL_CERT_DIR, as OpenSSL reads them.
    """
    return httpx.AsyncClient(
        transport=transport,
        verify=ssl.create_default_context(),
        auth=credentials,
        limits=httpx.Limits(keepalive_expiry=KEPT_S_MAX),
        cookies=no_cookies(),
        trust_env=uses_proxies,
    )


def no_cookies() -> CookieJar:
    """Make a jar that stays empty: servers' cookies would accumulate, and none is needed."""
    return CookieJar(DefaultCookiePolicy(netscape=False, rfc2965=False))


async def read_answer(
    client: httpx.AsyncClient,
    request: httpx.Request,
    bounds: Bounds = BOUNDS,
    *,
    patience_s: float = 0,
) -> Answer:
    """Send a request and read the whole answer; raises Unreachable, Misbehaved.

    ``patience_s`` is how long the request asks the API to wait before it answers.
    """
    _set_timeouts(request, bounds.connect_s_max, bounds.silence_s_max + patience_s)
    whole_s = bounds.answer_s_max + patience_s
    async with (
        _within(whole_s, f"its answer was not complete within {whole_s:g} s"),
        _sent(client, request, coding="gzip") as response,
    ):
        return await _whole(response, bounds)


async def read_lines(
    client: httpx.AsyncClient,
    request: httpx.Request,
    bounds: Bounds = BOUNDS,
    *,
    check: Callable[[Answer], None],
) -> AsyncGenerator[list[bytes], None]:
    """Send a request, and yield the lines of its answer in batches as they arrive.

    There are no empty lines; the last one may lack its end.  ``check`` raises for an answer that
    is no success.  Raises Unreachable, Misbehaved.
    """
    _set_timeouts(request, bounds.connect_s_max, None)  # each line has a timeout as a whole
    splitter = LineSplitter(line_octets_max=bounds.line_octets_max)
    late = f"no complete line arrived within {bounds.line_s_max:g} s"
    async with AsyncExitStack() as stack:
        async with _within(bounds.line_s_max, late):
            sent = _sent(client, request, coding="identity")
            response = await stack.enter_async_context(sent)
            if not response.is_success:
                check(await _whole(response, bounds))
                return
            _require_no_web_page(response)
        pieces = await stack.enter_async_context(aclosing(_pieces(response)))
        while True:
            async with _within(bounds.line_s_max, late):
                lines = await _next_lines(pieces, splitter)
            if not lines:
                return
            yield lines


async def _next_lines(pieces: AsyncIterator[bytes], splitter: LineSplitter) -> list[bytes]:
    """Return the next lines, at least one; none at the stream's end."""
    async for piece in pieces:
        if lines := splitter.split(piece):
            return lines
    rest = splitter.rest()
    return [rest] if rest else []


@asynccontextmanager
async def _sent(
    client: httpx.AsyncClient, request: httpx.Request, *, coding: str
) -> AsyncGenerator[httpx.Response, None]:
    """Send a request; the answer can be read during the block."""
    request.headers["Accept-Encoding"] = coding
    response = await client.send(request, stream=True, follow_redirects=False)
    try:
        yield response
    finally:
        await response.aclose()


async def _whole(response: httpx.Response, bounds: Bounds) -> Answer:
    if response.is_success:
        _require_no_web_page(response)
    body, values = bytearray(), 0
    async with aclosing(_pieces(response)) as pieces:
        async for piece in pieces:
            body += piece
            values += values_in(piece)
            if len(body) > bounds.answer_octets_max:
                raise Misbehaved(f"its answer has more than {bounds.answer_octets_max} bytes")
            if values > bounds.answer_values_max:
                raise Misbehaved(f"its answer has more than {bounds.answer_values_max} values")
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
    raise Misbehaved(f"it compresses with {shown(coding)}, which it was not asked for")


def _require_no_web_page(response: httpx.Response) -> None:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in _WEB_PAGES:
        raise Misbehaved(
            f"it answers with a web page ({media_type}), as the login of a proxy or another "
            "server does; is this the URL of a Waypost API?"
        )


def _set_timeouts(request: httpx.Request, connect_s: float, read_s: float | None) -> None:
    timeout = httpx.Timeout(read_s, connect=connect_s)
    request.extensions = {**request.extensions, "timeout": timeout.as_dict()}


@asynccontextmanager
async def _within(limit_s: float, late: str) -> AsyncGenerator[None, None]:
    """Limit the time of the block, and translate the exceptions of httpx and of the limit."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError:
        raise Unreachable(late) from None
    except httpx.TimeoutException as error:
        was_sent = not isinstance(error, _UNSENT)
        step = "answered" if was_sent else "accepted a connection"
        raise Unreachable(f"it has not {step} in time", was_sent=was_sent) from None
    except httpx.RemoteProtocolError as error:
        raise Unreachable(
            f"its HTTP is incomplete or cannot be read: {shown(str(error))}"
        ) from None
    except httpx.HTTPError as error:
        raise Unreachable(_reason(error), was_sent=not isinstance(error, _UNSENT)) from None


def _reason_of_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted: {shown(error.verify_message)}; "
            "SSL_CERT_FILE may name a file of the authorities to trust"
        )
    return f"TLS has failed: {error.reason or shown(str(error))}"


def _reason(error: BaseException) -> str:
    """Find the operating system's message below those of the libraries."""
    words = str(error) or type(error).__name__
    cause: BaseException = error
    for _ in range(_CAUSES_MAX):
        if isinstance(cause, ssl.SSLError):  # its errno is OpenSSL's, not the system's
            return _reason_of_tls(cause)
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
