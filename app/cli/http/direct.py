"""Requests of one command, by h11 over a socket that blocks, as nothing else runs meanwhile.

    URL -> Target; method, path -> Answer | lines,  or Unreachable | Misbehaved

The client of long-running processes needs an event loop and httpx, which take longer to import
than most requests take.  What this one leaves to it: proxies, and URLs with a user or with letters
beyond ASCII.  Bounds, and the words of errors, are the same.

Source: RFC 9112.
"""

import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode

import h11

from app.cli.http.target import Target
from waypost.client.errors import Unreachable, shown
from waypost.client.http.answer import Answer, Bounds, Content, is_success
from waypost.client.http.causes import reason_of
from waypost.client.http.credentials import Credentials
from waypost.client.http.decoding import LineSplitter
from waypost.client.http.queries import JSON, Query

HEAD_OCTETS_MAX: Final = 100 * 1024
_READ_OCTETS: Final = 64 * 1024
_IN_PATHS: Final = "/%:@!$&'()*+,;=~"  # RFC 3986, section 3.3; steps are quoted already


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Query
    accept: str
    coding: str
    content: bytes | None = None
    content_type: str = JSON

    def head(self, target: Target, token: str) -> h11.Request:
        path = quote(f"{target.prefix}{self.path}", safe=_IN_PATHS)
        fields = {"Host": target.authority, "Accept": self.accept, "Accept-Encoding": self.coding}
        if self.content is not None:
            fields["Content-Type"] = self.content_type
            fields["Content-Length"] = str(len(self.content))
        if token:
            fields["Authorization"] = f"Bearer {token}"
        query = f"?{urlencode(self.query)}" if self.query else ""
        headers = [*fields.items(), ("Connection", "close")]
        return h11.Request(method=self.method, target=f"{path}{query}", headers=headers)


class DirectClient:
    """Sends each request over a connection of its own."""

    def __init__(self, target: Target, credentials: Credentials | None, bounds: Bounds) -> None:
        self._target, self._bounds = target, bounds
        self._credentials = credentials or Credentials()

    def answer(  # noqa: PLR0913  what a request may have
        self,
        method: str,
        path: str,
        *,
        query: Query,
        content: str | None = None,
        content_type: str = JSON,
        accept: str,
    ) -> Answer:
        """Send a request and read the whole answer, whatever its status."""
        octets = None if content is None else content.encode()
        request = _Request(method, path, query, accept, "gzip", octets, content_type)
        sent = self._credentials.token()
        answer = self._answer(request, sent)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            renewed = self._credentials.renewed()
            if renewed != sent:
                return self._answer(request, renewed)
        return answer

    def lines(
        self, path: str, *, query: Query, check: Callable[[Answer], None]
    ) -> Generator[list[bytes]]:
        """Yield the lines of a stream in batches; ``check`` raises for another answer."""
        limit_s = self._bounds.line_s_max
        late = f"no complete line arrived within {limit_s:g} s"
        request = _Request("GET", path, query, "application/x-ndjson", "identity")
        splitter = LineSplitter(line_octets_max=self._bounds.line_octets_max)
        with self._sent(request, self._credentials.token(), _Limit(limit_s, late)) as exchange:
            content = exchange.content()
            if not is_success(content.status_code):
                check(_whole(exchange, content, self._bounds))
                return
            for octets in exchange.octets():
                for piece in content.pieces(octets):
                    if lines := splitter.split(piece):
                        yield lines
                        exchange.limit = _Limit(limit_s, late)
            content.end()
        if rest := splitter.rest():
            yield [rest]

    def _answer(self, request: _Request, token: str) -> Answer:
        whole_s = self._bounds.answer_s_max
        late = f"its answer was not complete within {whole_s:g} s"
        limit = _Limit(whole_s, late, self._bounds.silence_s_max)
        with self._sent(request, token, limit) as exchange:
            return _whole(exchange, exchange.content(), self._bounds)

    @contextmanager
    def _sent(self, request: _Request, token: str, limit: "_Limit") -> Generator["_Exchange"]:
        """Send a request; the answer can be read during the block."""
        with closing(_connected(self._target, self._bounds.connect_s_max)) as connection:
            exchange = _Exchange(connection, limit)
            try:
                exchange.send(request.head(self._target, token), request.content)
                yield exchange
            except h11.RemoteProtocolError as error:
                problem = f"its HTTP is incomplete or cannot be read: {shown(str(error))}"
                raise Unreachable(problem) from None
            except OSError as error:
                raise Unreachable(reason_of(error)) from None


class _Limit:
    """How long to wait: until a moment, and between two reads."""

    def __init__(self, whole_s: float, late: str, silence_s: float | None = None) -> None:
        self._end_s, self._late = time.monotonic() + whole_s, late
        self._silence_s = silence_s

    def next_s(self) -> float:
        """Give the seconds for the next read; raises Unreachable when none are left."""
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise Unreachable(self._late)
        return left_s if self._silence_s is None else min(left_s, self._silence_s)

    def passed(self) -> Unreachable:
        """Make the error of a read that took too long."""
        is_late = time.monotonic() >= self._end_s
        return Unreachable(self._late if is_late else "it has not answered in time")


class _Exchange:
    """One request, and its answer as it arrives."""

    def __init__(self, connection: socket.socket, limit: _Limit) -> None:
        self.limit = limit
        self._socket = connection
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_OCTETS_MAX)

    def send(self, head: h11.Request, content: bytes | None) -> None:
        parts = [self._http.send(head)]
        if content:
            parts.append(self._http.send(h11.Data(data=content)))
        self._http.send(h11.EndOfMessage())
        self._socket.settimeout(self.limit.next_s())
        try:
            self._socket.sendall(b"".join(part for part in parts if part))
        except TimeoutError:
            raise self.limit.passed() from None
        except ConnectionError:
            return  # a server may refuse a body that it has not read whole: there is an answer

    def content(self) -> Content:
        """Read the head of the answer."""
        while True:
            match self._next():
                case h11.Response() as response:
                    return Content(response.status_code, _Fields(response))
                case h11.InformationalResponse():
                    continue
                case other:
                    raise h11.RemoteProtocolError(f"{other!r} instead of an answer")

    def octets(self) -> Iterator[bytes]:
        """Yield the body as it arrives, without the coding of transfers."""
        while isinstance(event := self._next(), h11.Data):
            yield bytes(event.data)

    def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._socket.settimeout(self.limit.next_s())
            try:
                octets = self._socket.recv(_READ_OCTETS)
            except TimeoutError:
                raise self.limit.passed() from None
            if not octets and self._http.their_state is h11.SEND_RESPONSE:
                raise h11.RemoteProtocolError("Server disconnected without sending a response.")
            self._http.receive_data(octets)
        return event


class _Fields:
    """The header fields of a response."""

    def __init__(self, response: h11.Response) -> None:
        self._lines: list[tuple[str, str]] = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in response.headers
        ]

    def get(self, key: str, default: str) -> str:
        return ", ".join(self.get_list(key)) or default

    def get_list(self, key: str) -> list[str]:
        return [value for name, value in self._lines if name == key.lower()]


def _whole(exchange: _Exchange, content: Content, bounds: Bounds) -> Answer:
    for octets in exchange.octets():
        for piece in content.pieces(octets):
            content.keep(piece, bounds)
    content.end()
    return content.answer()


def _connected(target: Target, limit_s: float) -> socket.socket:
    """Connect to the first address that accepts it, each within the limit."""
    try:
        connection = socket.create_connection((target.host, target.port), limit_s)
    except TimeoutError:
        problem = "it has not accepted a connection in time"
        raise Unreachable(problem, was_sent=False) from None
    except OSError as error:
        raise Unreachable(reason_of(error), was_sent=False) from None
    if not target.is_tls:
        return connection
    import ssl  # noqa: PLC0415  slow to load, as is its store of authorities

    with closing(connection):
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        try:
            return context.wrap_socket(connection, server_hostname=target.host)
        except TimeoutError:
            problem = "it has not accepted a connection in time"
            raise Unreachable(problem, was_sent=False) from None
        except OSError as error:
            raise Unreachable(reason_of(error), was_sent=False) from None
