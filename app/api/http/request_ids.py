"""The id of a request, and the trace that it is part of: taken from the client, and given back.

    X-Request-Id, traceparent -> checked -> logs, the log of writes -> the same in the answer

A write without an id is given one.  A read without one is answered without: its answer may be
given again, to others too.  One that brings an id of its own does not come again, so that its
answer is not kept.  What is not well formed, or is there twice, is ignored, as the specification
of trace contexts says.

Source: W3C Trace Context, sections 3.2 and 4.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.kept_answers import keep_not
from app.telemetry.origin import note_request

REQUEST_ID: Final = b"x-request-id"
TRACEPARENT: Final = b"traceparent"
ID_CHARACTERS_MAX: Final = 128
_ID: Final = re.compile(rb"[A-Za-z0-9._~:/+=@-]{1,%d}" % ID_CHARACTERS_MAX)
_TRACE: Final = re.compile(  # of any version; later ones may have more behind the flags
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestIds:
    """Middleware that names requests."""

    def __init__(self, app: ASGIApp, *, new_id: Callable[[], str] = lambda: str(uuid4())) -> None:
        self._app, self._new_id = app, new_id

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request, with the names that it has."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        given = [pair for pair in scope["headers"] if pair[0] in (REQUEST_ID, TRACEPARENT)]
        if not given and scope["method"] in _READS:
            return self._app(scope, receive, send)
        if given:
            keep_not(scope)
        names = _checked(given)
        if scope["method"] not in _READS:
            names.setdefault(REQUEST_ID, self._new_id().encode())
        note_request(names.get(REQUEST_ID, b"").decode(), names.get(TRACEPARENT, b"").decode())

        def named(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *names.items()]
            return send(message)

        return self._app(scope, receive, named)


def _checked(given: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Take what is there once and well formed."""
    names: dict[bytes, bytes] = {}
    for wanted, form in ((REQUEST_ID, _ID), (TRACEPARENT, _TRACE)):
        values = [value for name, value in given if name == wanted]
        if len(values) == 1 and form.fullmatch(values[0]):
            names[wanted] = values[0]
    return names
