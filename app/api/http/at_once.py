"""Pieces of a stream that are written to the socket at once, without a message or a coroutine.

    what the server lets a request send with -> AtOnce, piece -> whether it is written

A flush gives the same piece to thousands of clients that read: each costs one write of the same
chunk.  Depends on attributes of uvicorn's cycle, as ``app.api.transport.connection`` does.
"""

from functools import lru_cache

from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_CHUNKS_KEPT = 4  # for the next clients that are sent the same piece


class AtOnce:
    """Writes pieces of one answer that is under way, in chunks (RFC 9112 section 7.1)."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def write(self, piece: bytes) -> bool:
        """Write a piece unless that has to wait, or the client is gone; says whether it did."""
        cycle = self._cycle
        if cycle.flow.write_paused or cycle.disconnected or cycle.response_complete:
            return False
        cycle.transport.write(_chunk(piece))
        return True


def at_once(send: Send) -> AtOnce | None:
    """Give what writes the same as ``send``; None where that is more than a chunk, or unknown.

    It is known of the server's own function, for an answer that has begun with a head of chunks.
    """
    cycle = getattr(send, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle) or cycle.scope["method"] == "HEAD":
        return None
    return AtOnce(cycle) if cycle.chunked_encoding else None


@lru_cache(maxsize=_CHUNKS_KEPT)
def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
