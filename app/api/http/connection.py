"""One connection to the API: what it sends is parsed no faster than it is answered.

    octets -> held back -> parsed, a piece at a time -> requests, answered in order

A client may send many requests without waiting for answers (RFC 9112 section 9.3.2).  So
many wait here; what it sends beyond them stays unparsed, and is not read from the socket.
Each costs the same, however many there are.  A head has bounds, in octets, lines and
seconds, the first of a connection and every later one.

Rests on attributes of uvicorn's protocol class that its documents do not name: its version
is pinned, and ``tests/api/test_connection.py`` looks at each of them over real sockets.
"""

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.errors import (
    RETRY_AFTER_S,
    STATUSES,
    HeadTooLarge,
    MethodRefused,
    TargetTooLong,
    TooSlow,
)
from app.api.http.delivery import ABORT
from app.api.http.guard import TARGET
from app.api.http.until_close import UntilClose
from app.domain.errors import BadRequest, DomainError, NotSynced
from app.schemas.objects.codec import encode_json
from app.schemas.status import status_of

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

CONNECTIONS_MAX = 10_000  # connections at once, unless it is told otherwise
PIPELINED_MAX = 64  # requests that wait behind the one that is being answered
PARSED_AT_ONCE = 4_096  # octets, which may hold two hundred requests
TARGET_OCTETS_MAX = 8_192  # of the target, which is nearly all of a request line
HEAD_OCTETS_MAX = 32_768  # of the request line and all header fields
HEAD_LINES_MAX = 100  # header fields
LINGER_S = 2.0  # seconds in which a client that is refused may still be sending
HEAD_S_MAX = 20.0  # seconds for a head, the first octet of a connection included
_AFTER_AUTHORITY = re.compile(rb"[/?#]")


class _Flow(FlowControl):
    """Flow control that reads nothing while there is something unparsed."""

    is_held = False

    def hold(self, *, is_held: bool) -> None:
        """Stop reading, or go on."""
        self.is_held = is_held
        if is_held:
            self.pause_reading()
        else:
            self.resume_reading()

    def resume_reading(self) -> None:
        """Read on, unless that is held."""
        if not self.is_held:
            super().resume_reading()


class Connection(HttpToolsProtocol):
    """A connection that counts, whose requests wait for each other and have bounds."""

    connections_max = CONNECTIONS_MAX

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take a connection; one too many is told so and closed."""
        self._unparsed = bytearray()
        self._answering: RequestResponseCycle | None = None
        self._is_in_head, self._head_octets, self._fields = True, 0, 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._refusal: DomainError | None = None
        self._head_again = b""
        super().connection_made(transport)
        self.flow = self._own_flow = _Flow(transport)
        if len(self.connections) > self.connections_max:
            full = NotSynced(f"there are {self.connections_max} connections already")
            transport.write(self._last_words(full))
            transport.close()
        else:
            self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Parse what comes, as far as it can be answered soon."""
        if self._refusal is not None:
            return
        self._unparsed += data
        if self._is_in_head and not self._is_answering():
            self._expect_head()
        self._parse()

    def on_message_begin(self) -> None:
        """Let who answers cut the connection off."""
        super().on_message_begin()
        cast("dict[str, object]", self.scope)[ABORT] = self.transport.abort
        self._fields = 0

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target; one too long ends the connection."""
        super().on_url(url)
        if len(self.url) > TARGET_OCTETS_MAX:
            words = f"the target of a request has at most {TARGET_OCTETS_MAX} octets"
            self._refusal = TargetTooLong(words)
            raise self._refusal

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; one too many ends the connection.

        Fields behind a body never join those before it, which have been judged by then
        (RFC 9110 section 6.5.1).
        """
        if self._fields >= HEAD_LINES_MAX:
            self._refusal = HeadTooLarge(f"a request has at most {HEAD_LINES_MAX} header fields")
            raise self._refusal
        self._fields += 1
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, or wait for those before."""
        assert self.parser is not None, "it is parsing"
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._head_again = self._head_without_upgrade()
            return
        if not self.url.startswith((b"/", b"*")):
            self._read_target()
        super().on_headers_complete()
        self._is_in_head, self._head_octets = False, 0
        self._expect_nothing()

    def on_message_complete(self) -> None:
        """Look out for the next request."""
        if not self._head_again:
            super().on_message_complete()
            self._is_in_head = True

    def on_response_complete(self) -> None:
        """Go on with what waits, or with what has not been parsed yet."""
        super().on_response_complete()
        if self._refusal is not None:
            self._refuse(self._refusal)
        else:
            self._parse()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who is answering that the client has gone; what waits is never begun."""
        super().connection_lost(exc)
        self._expect_nothing()
        self._unparsed.clear()
        self.pipeline.clear()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or too much, in the one shape that refusals have.

        Where it is the body of the request that is being answered, there is no other answer.
        """
        if not self._is_in_head and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        elif not self._is_in_head and self._is_answering() and not self.cycle.response_started:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._answering = None
        self._refuse(self._refusal or BadRequest(msg))

    def _feed(self, piece: bytes) -> None:
        """Parse a piece; of a request that would change the protocol the head is parsed again.

        A server may answer it as if it wanted nothing (RFC 9110 section 7.8), but the parser
        stops behind its head, body or not, for what follows might be of that other protocol.
        """
        assert self.parser is not None, "the connection is open"
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as stopped:
            self._unparsed[:0] = self._head_again + piece[int(stopped.args[0]) :]
            self._head_again, self._head_octets = b"", 0
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        except httptools.HttpParserError:
            self.send_400_response("the request is no HTTP/1.1")

    def _head_without_upgrade(self) -> bytes:
        """Write the head that has just been parsed, without what makes the parser stop."""
        assert self.parser is not None, "it is parsing"
        version = self.parser.get_http_version().encode()
        first = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)
        kept = (b"%b: %b" % field for field in self.headers if field[0] != b"upgrade")
        return b"\r\n".join((first, *kept, b"", b""))

    def _read_target(self) -> None:
        """Split a target with an authority, as a proxy is sent (RFC 9112 section 3.2.2)."""
        assert self.parser is not None, "it is parsing"
        if self.parser.get_method() == b"CONNECT":
            self._refusal = MethodRefused("this server opens no tunnels: there is no CONNECT")
            raise self._refusal
        parsed = httptools.parse_url(self.url)
        authority = _AFTER_AUTHORITY.split(self.url.partition(b"://")[2], maxsplit=1)[0]
        cast("dict[str, object]", self.scope)[TARGET] = authority
        query = b"?" + parsed.query if parsed.query else b""
        self.url = (parsed.path or b"/") + query

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._answering = cycle
        if cycle.scope["http_version"] != "1.1":
            cycle.waiting_for_100_continue = False  # nothing that HTTP/1.0 knows
            app = cast("ASGI3Application", UntilClose(app, cycle))
        super()._start_asgi_task(cycle, app)

    def _is_answering(self) -> bool:
        return self._answering is not None and not self._answering.response_complete

    def _parse(self) -> None:
        while (
            self._unparsed
            and len(self.pipeline) < PIPELINED_MAX
            and self._refusal is None
            and not self.transport.is_closing()
        ):
            piece = bytes(self._unparsed[:PARSED_AT_ONCE])
            del self._unparsed[:PARSED_AT_ONCE]
            self._feed(piece)
            if self._is_in_head and self._refusal is None:
                self._head_octets += len(piece)
                if self._head_octets > HEAD_OCTETS_MAX:
                    words = f"the head of a request has at most {HEAD_OCTETS_MAX} octets"
                    self._refuse(HeadTooLarge(words))
        self._own_flow.hold(is_held=bool(self._unparsed))

    def _refuse(self, refusal: DomainError) -> None:
        """Say one last thing, behind the answers that are due before it."""
        self._refusal = refusal
        self._unparsed.clear()
        self._expect_nothing()
        if self._is_answering() or self.pipeline or self.transport.is_closing():
            return
        self.transport.write(self._last_words(refusal))
        # Closed while octets are still coming, the kernel would reset the connection, and
        # the client might never read why (RFC 9112 section 9.6).
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S_MAX, self._head_is_late)

    def _expect_nothing(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._head_octets:
            self._refuse(TooSlow(f"the head of a request comes within {HEAD_S_MAX:g} s"))
        else:
            self.transport.close()

    def _last_words(self, refusal: DomainError) -> bytes:
        """Write an answer after which the connection is closed, as it goes over the wire."""
        code = STATUSES[type(refusal)]
        is_retried = code is HTTPStatus.SERVICE_UNAVAILABLE
        body = encode_json(
            status_of(refusal, code.value, retry_after_s=RETRY_AFTER_S if is_retried else 0)
        )
        own = (
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *(((b"retry-after", b"%d" % RETRY_AFTER_S),) if is_retried else ()),
            *(((b"allow", b""),) if code is HTTPStatus.METHOD_NOT_ALLOWED else ()),
            (b"connection", b"close"),
        )
        lines = (b"%b: %b" % field for field in (*self.server_state.default_headers, *own))
        first = f"HTTP/1.1 {code.value} {code.phrase}".encode()
        return b"\r\n".join((first, *lines, b"", body))
