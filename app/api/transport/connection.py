"""One connection to the API: requests are parsed no faster than they are answered.

    octets -> buffered -> parsed, a piece at a time -> requests, answered in order

A client may send many requests without waiting for answers (RFC 9112 section 9.3.2).  A
bounded number is queued; further octets stay unparsed, and the socket is not read.  The cost
of a request does not grow with their number.  Every head, the first of a connection and each
later one, is limited in octets, lines and seconds.

Depends on undocumented attributes of uvicorn's protocol class: its version is pinned, and
``tests/api/transport/test_connection.py`` tests each of them over real sockets.
"""

import asyncio
import re
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.errors import HeadTooLarge, MethodRefused, TargetTooLong, TooSlow, refused
from app.api.http.delivery import ABORT
from app.api.http.guard import TARGET
from app.api.transport.until_close import until_close
from app.domain.errors import BadRequest, DomainError, NotSynced
from app.telemetry.bounds import Bound, in_use, refusals

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

PEER_CERTIFICATE = "waypost.peer_certificate"
"""Key of a request's scope: the certificate that the client showed, in DER; None without one."""

CONNECTIONS_MAX = 10_000  # connections at once, unless configured otherwise
PIPELINED_MAX = 64  # requests queued behind the one that is being answered
PARSED_AT_ONCE = 4_096  # octets, which may contain two hundred requests
TARGET_OCTETS_MAX = 8_192  # of the target, which is nearly all of a request line
HEAD_OCTETS_MAX = 32_768  # of the request line and all header fields
HEAD_LINES_MAX = 100  # header fields
LINGER_S = 2.0  # seconds for which a refused client may still send
HEAD_S_MAX = 20.0  # seconds for a head, the first octet of a connection included
_AFTER_AUTHORITY = re.compile(rb"[/?#]")


class _Flow(FlowControl):
    """Flow control that does not read while there are unparsed octets."""

    is_held = False

    def hold(self, *, is_held: bool) -> None:
        """Pause reading, or resume it."""
        self.is_held = is_held
        if is_held:
            self.pause_reading()
        else:
            self.resume_reading()

    def resume_reading(self) -> None:
        """Resume reading, unless it is held."""
        if not self.is_held:
            super().resume_reading()


class Connection(HttpToolsProtocol):
    """A connection with limits, whose requests are answered one after the other."""

    connections_max = CONNECTIONS_MAX
    head_s_max = HEAD_S_MAX

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Accept a connection; one above the limit is refused and closed."""
        self._unparsed = bytearray()
        self._answering: RequestResponseCycle | None = None
        self._is_in_head, self._head_octets, self._fields = True, 0, 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._refusal: DomainError | None = None
        self._head_again = b""
        self._peer_certificate = _certificate_of(transport)
        super().connection_made(transport)
        in_use[Bound.CONNECTIONS] += 1
        self.flow = self._own_flow = _Flow(transport)
        if len(self.connections) > self.connections_max:
            refusals[Bound.CONNECTIONS] += 1
            full = NotSynced(f"there are {self.connections_max} connections already")
            transport.write(self._last_words(full))
            transport.close()
        else:
            self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Buffer octets, and parse as many as can be answered soon."""
        if self._refusal is not None:
            return
        self._unparsed += data
        if self._is_in_head and not self._is_answering():
            self._expect_head()
        self._parse()

    def on_message_begin(self) -> None:
        """Give the application a way to abort the connection, and its certificate."""
        super().on_message_begin()
        scope = cast("dict[str, object]", self.scope)
        scope[ABORT] = self.transport.abort
        scope[PEER_CERTIFICATE] = self._peer_certificate
        self._fields = 0

    def on_url(self, url: bytes) -> None:
        """Add a piece of the target; one that is too long ends the connection."""
        super().on_url(url)
        if len(self.url) > TARGET_OCTETS_MAX:
            words = f"the target of a request has at most {TARGET_OCTETS_MAX} octets"
            refusals[Bound.TARGET] += 1
            self._refusal = TargetTooLong(words)
            raise self._refusal

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header field; one above the limit ends the connection.

        Trailer fields are dropped, as the header fields have been evaluated by then (RFC 9110
        section 6.5.1).
        """
        if self._fields >= HEAD_LINES_MAX:
            refusals[Bound.HEAD] += 1
            self._refusal = HeadTooLarge(f"a request has at most {HEAD_LINES_MAX} header fields")
            raise self._refusal
        self._fields += 1
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, or queue behind earlier requests."""
        assert self.parser is not None, "it is parsing"
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._head_again = self._head_without_upgrade()
            return
        if not self.url.startswith((b"/", b"*")):
            self._read_target()
        super().on_headers_complete()
        self._is_in_head, self._head_octets = False, 0
        self._cancel_head_timer()

    def on_message_complete(self) -> None:
        """Expect the next request."""
        if not self._head_again:
            super().on_message_complete()
            self._is_in_head = True

    def on_response_complete(self) -> None:
        """Continue with queued requests, or with unparsed octets."""
        super().on_response_complete()
        if self._refusal is not None:
            self._refuse(self._refusal)
        else:
            self._parse()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application that the client disconnected; queued requests are dropped."""
        super().connection_lost(exc)
        in_use[Bound.CONNECTIONS] -= 1
        self._cancel_head_timer()
        self._unparsed.clear()
        self.pipeline.clear()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def send_400_response(self, msg: str) -> None:
        """Refuse invalid HTTP, or a request above a limit, with a Status like all refusals.

        When the fault is in the body of the current request, this is its answer.
        """
        if not self._is_in_head and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        elif not self._is_in_head and self._is_answering() and not self.cycle.response_started:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._answering = None
        self._refuse(self._refusal or BadRequest(msg))

    def _feed(self, piece: bytes) -> None:
        """Parse a piece; the head of a request for a protocol upgrade is parsed again without it.

        A server may ignore the upgrade (RFC 9110 section 7.8), but the parser stops after the
        head, since the following octets might belong to the other protocol.
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
        except httptools.HttpParserError as error:
            self.send_400_response(f"the request is not valid HTTP/1.1: {error}")

    def _head_without_upgrade(self) -> bytes:
        """Write the head that was just parsed, without the field that makes the parser stop."""
        assert self.parser is not None, "it is parsing"
        version = self.parser.get_http_version().encode()
        first = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)
        kept = (b"%b: %b" % field for field in self.headers if field[0] != b"upgrade")
        return b"\r\n".join((first, *kept, b"", b""))

    def _read_target(self) -> None:
        """Split a target in absolute form, as proxies receive (RFC 9112 section 3.2.2)."""
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
            cycle.waiting_for_100_continue = False  # HTTP/1.0 does not know it
            app = until_close(app, cycle)
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
                    refusals[Bound.HEAD] += 1
                    self._refuse(HeadTooLarge(words))
        self._own_flow.hold(is_held=bool(self._unparsed))

    def _refuse(self, refusal: DomainError) -> None:
        """Send a last answer, after those of earlier requests, and close."""
        self._refusal = refusal
        self._unparsed.clear()
        self._cancel_head_timer()
        if self._is_answering() or self.pipeline or self.transport.is_closing():
            return
        self.transport.write(self._last_words(refusal))
        # If it closed while octets still arrive, the kernel would reset the connection, and
        # the client might never read the answer (RFC 9112 section 9.6).
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_s_max, self._head_is_late)

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._head_octets:
            refusals[Bound.HEAD_TIME] += 1
            self._refuse(TooSlow(f"the head of the request took more than {self.head_s_max:g} s"))
        else:
            self.transport.close()

    def _last_words(self, refusal: DomainError) -> bytes:
        """Write an answer as octets, after which the connection is closed."""
        response = refused(refusal)
        response.headers["connection"] = "close"
        status = HTTPStatus(response.status_code)
        fields = (*self.server_state.default_headers, *response.raw_headers)
        lines = (b"%b: %b" % field for field in fields)
        first = f"HTTP/1.1 {status.value} {status.phrase}".encode()
        return b"\r\n".join((first, *lines, b"", bytes(response.body)))


def _certificate_of(transport: asyncio.Transport) -> bytes | None:
    """Get the certificate that the handshake has verified; None without TLS, or without one."""
    connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    return None if connection is None else connection.getpeercert(binary_form=True)
