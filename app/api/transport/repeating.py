"""A connection whose repeated requests are answered from kept answers, before they are parsed.

    octets, if they are one whole head of a GET and nothing else is under way
        -> kept answer -> the socket
        -> parsed and answered as always; what is written for it is kept, if the layers let it be

The parser is between two requests then, so equal octets are an equal request, and the parser need
not see them.  A request with a body, one for an upgrade, one by HTTP/1.0 or one that closes its
connection is answered as always, and so is each that arrives while another is being answered or
while the client does not read.  What decides an answer besides is in ``app.api.http.kept_answers``.

Depends on attributes of uvicorn's cycle, as ``app.api.transport.connection`` does.
"""

import asyncio
from typing import TYPE_CHECKING, Final, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.api.http.kept_answers import (
    ANSWER_OCTETS_MAX,
    KEEPING,
    Keeping,
    KeptAnswers,
    digest_of,
)
from app.api.transport.connection import PARSED_AT_ONCE, Connection

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

HEAD_OCTETS_KEPT_MAX: Final = PARSED_AT_ONCE  # of a request whose answer may be kept
_METHOD: Final = b"GET "
_END: Final = b"\r\n\r\n"


class Captured:
    """The transport of one request: notes what its answer writes, once that may be kept."""

    def __init__(self, transport: asyncio.Transport, keeping: Keeping) -> None:
        self._transport, self.keeping = transport, keeping
        self._pieces: list[bytes] = []
        self._octets = 0
        self.is_whole = False
        """Whether the request is known to have been one head, and nothing else."""

    def write(self, data: bytes) -> None:
        """Write a piece of the answer."""
        self._octets += len(data)
        if self.keeping.is_allowed and self._octets <= ANSWER_OCTETS_MAX:
            self._pieces.append(data)
        self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether the connection is closing."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close the connection once everything is written."""
        self._transport.close()

    @property
    def answer(self) -> bytes | None:
        """What was written; None if it may not be kept, or is too long for that."""
        if not (self.is_whole and self.keeping.is_allowed) or self._octets > ANSWER_OCTETS_MAX:
            return None
        return b"".join(self._pieces)


class Repeating(Connection):
    """A connection that looks for a kept answer first."""

    kept: KeptAnswers

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Accept a connection."""
        self._is_in_request = False
        self._answered_at_s = 0.0  # by the loop's clock, from a kept answer
        self._heads = 0  # that the octets at hand have begun
        self._asked: Keeping | None = None
        self._captured: Captured | None = None
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Answer a request that was answered before, or parse what came."""
        if not self._is_one_head(data):
            super().data_received(data)
            return
        digest = digest_of(data)
        answer = self.kept.answer(digest, self.server_state.default_headers)
        if answer is not None:
            self._answer(answer)
            return
        self._asked, self._captured, self._heads = Keeping(digest), None, 0
        super().data_received(data)
        if self._captured is not None:
            self._captured.is_whole = self._has_whole_request()
        self._asked = self._captured = None

    def on_message_begin(self) -> None:
        """Let the answer to a request be kept, if it is alone."""
        super().on_message_begin()
        self._is_in_request = True
        self._heads += 1
        if self._asked is not None and self._heads == 1:
            cast("dict[str, object]", self.scope)[KEEPING] = self._asked

    def on_message_complete(self) -> None:
        """Expect the next request."""
        super().on_message_complete()
        self._is_in_request = bool(self._head_again)

    def on_response_complete(self) -> None:
        """Keep the answer that was just written, and continue."""
        answering = self._answering
        captured = None if answering is None else cast("object", answering.transport)
        if answering is not None and isinstance(captured, Captured) and answering.keep_alive:
            answer = captured.answer
            if answer is not None:
                self.kept.keep(captured.keeping, answer, answering.default_headers)
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; a timer is not set anew for each kept answer."""
        left_s = self._answered_at_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._expect_request(left_s)
        else:
            super().timeout_keep_alive_handler()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        keeping: Keeping | None = cast("dict[str, Keeping]", cycle.scope).get(KEEPING)
        if keeping is not None:
            self._captured = Captured(self.transport, keeping)
            cycle.transport = cast("asyncio.Transport", self._captured)
        super()._start_asgi_task(cycle, app)

    def _is_one_head(self, data: bytes) -> bool:
        return (
            data.startswith(_METHOD)
            and len(data) <= HEAD_OCTETS_KEPT_MAX
            and data.find(_END) == len(data) - len(_END)
            and self._is_idle()
        )

    def _is_idle(self) -> bool:
        """Whether nothing is under way on this connection, and the client reads."""
        return not (
            self._is_in_request
            or self._unparsed
            or self._refusal is not None
            or self._is_answering()
            or self.pipeline
            or self._peer_certificate is not None
            or self.flow.write_paused
            or self.transport.is_closing()
        )

    def _has_whole_request(self) -> bool:
        """Whether the octets at hand were one request, from its first octet to its last."""
        return self._heads == 1 and not self._is_in_request

    def _answer(self, answer: bytes) -> None:
        self._cancel_head_timer()
        self._head_octets = 0
        self.transport.write(answer)
        self.server_state.total_requests += 1
        self._answered_at_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._expect_request(self.timeout_keep_alive)

    def _expect_request(self, within_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            within_s, self.timeout_keep_alive_handler
        )
