"""Encoding of watch events: a line of JSON, or a server-sent event.

    type, revision that it completes, object -> bytes

An id is sent only where a stream may resume: with the last event of a revision, and with the
bookmark after the initial state.

Source: contract.md, "GET /watch"; the HTML standard, "Server-sent events".
"""

from collections.abc import Callable

from app.domain.names import Revision

NDJSON, SSE = "application/x-ndjson", "text/event-stream"
ERROR = "ERROR"  # the type of an event that ends a stream

Frame = Callable[[str, Revision | None, bytes], bytes]
"""Type, the revision to resume after (None before its last event), object -> bytes."""


def ndjson_frame(type_: str, _: Revision | None, body: bytes) -> bytes:
    """Write an event as one line of JSON."""
    return b'{"type":"%b","object":%b}\n' % (type_.encode(), body)


def sse_frame(type_: str, whole: Revision | None, body: bytes) -> bytes:
    """Write an event as a server-sent event; its id is the revision that it completes.

    A client keeps the last id, so after a disconnect inside a revision, or inside the initial
    state, it receives all of it again.  An error resets the id, as nothing can be resumed.
    """
    id_ = b"" if whole is None else b"id: %d\n" % whole
    if type_ == ERROR:
        id_ = b"id:\n"
    return b"%bevent: %b\ndata: %b\n\n" % (id_, type_.encode(), body)
