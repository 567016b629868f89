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
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from waypost.client.errors import Unreachable, shown
from waypost.client.http.answer import BOUNDS, Answer, Bounds, Content
from waypost.client.http.causes import reason_of
from waypost.client.http.credentials import Credentials
from waypost.client.http.decoding import LineSplitter

KEPT_S_MAX: Final = 3.0  # of an idle connection; servers close theirs after at least five seconds
_CHUNKS_PER_TURN: Final = 256  # between two yields; each costs h11 some 20 µs at any size
_TLS: Final = ssl.PROTOCOL_TLS_CLIENT
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def http_client(
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    credentials: Credentials | None = None,
    uses_proxies: bool = False,
    uses_tls: bool = True,
) -> httpx.AsyncClient:
    """Make the HTTP client; ``transport`` replaces the network in tests.

    ``uses_proxies`` is for the environment's proxy, which usually cannot reach a cluster.  Trusted
    are the system's authorities, or those of SSL_CERT_FILE and SSL_CERT_DIR, as OpenSSL reads them.
    Reading them takes long: without ``uses_tls`` nobody is trusted.
    """
    return httpx.AsyncClient(
        transport=transport,
        verify=ssl.create_default_context() if uses_tls else ssl.SSLContext(_TLS),
        auth=None if credentials is None else _Bearer(credentials),
        limits=httpx.Limits(keepalive_expiry=KEPT_S_MAX),
        cookies=no_cookies(),
        trust_env=uses_proxies,
    )


class _Bearer(httpx.Auth):
    """Adds the token to requests, if there is one; after a 401 once more, if it is another."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        sent = self._credentials.token()
        response = yield _with(request, sent)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            renewed = self._credentials.renewed()
            if renewed != sent:
                yield _with(request, renewed)


def _with(request: httpx.Request, token: str) -> httpx.Request:
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    return request


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
            content = Content(response.status_code, response.headers)
        pieces = await stack.enter_async_context(aclosing(_pieces(response, content)))
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
    content = Content(response.status_code, response.headers)
    async with aclosing(_pieces(response, content)) as pieces:
        async for piece in pieces:
            content.keep(piece, bounds)
    return content.answer()


async def _pieces(response: httpx.Response, content: Content) -> AsyncGenerator[bytes, None]:
    """Yield the decompressed content; httpx reads at most 64 KiB at once."""
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream), "the client is asynchronous"
    given = 0
    async for octets in stream:
        for piece in content.pieces(octets):
            yield piece
            given += 1
            # Yield to the event loop: a read may have 10,000 chunks, or expand a thousandfold.
            if content.gunzip is not None or given % _CHUNKS_PER_TURN == 0:
                await asyncio.sleep(0)
    content.end()


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
        raise Unreachable(reason_of(error), was_sent=not isinstance(error, _UNSENT)) from None
