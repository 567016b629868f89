"""Answers whose octets stay the same while the process runs: made, compressed and tagged once.

    make -> octets, compressed octets, tag          request -> 200 | 304

The first request has them made in a thread.  The tag is weak, because one tag stands for the
plain and for the compressed octets (RFC 9110 section 8.8.1).
"""

import asyncio
import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from fastapi import Request, Response

from app.api.http.content_negotiation import accepts_gzip
from app.api.http.packing import PACKED_BYTES_MIN
from app.api.objects.representation import ANY, entity_tags

_LEVEL = 6  # compressed once, sent often
_TAG_CHARACTERS = 16  # of the hexadecimal digest


@dataclass(frozen=True, slots=True)
class _Content:
    plain: bytes
    compressed: bytes  # empty where that is not worth it
    tag: str  # without its mark as weak


class Fixed:
    """One such answer."""

    def __init__(self, make: Callable[[], bytes], *, media_type: str) -> None:
        """Answer with the octets of ``make``, which is called once, in a thread."""
        self._make, self._media_type = make, media_type
        self._lock = threading.Lock()
        self._content: _Content | None = None

    async def prepare(self) -> None:
        """Have the octets made."""
        if self._content is None:
            await asyncio.to_thread(self._made)

    async def answer(self, request: Request) -> Response:
        """Answer a GET, with 304 when the client has the octets."""
        content = self._content or await asyncio.to_thread(self._made)
        headers = {
            "Cache-Control": "no-cache",  # kept, and asked for with its tag each time
            "ETag": f'W/"{content.tag}"',
            "Vary": "Accept-Encoding",
        }
        if {f'"{content.tag}"', ANY} & set(entity_tags(request, "if-none-match")):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        body = content.plain
        if content.compressed and accepts_gzip(request.scope):
            headers["Content-Encoding"] = "gzip"
            body = content.compressed
        return Response(body, headers=headers, media_type=self._media_type)

    def _made(self) -> _Content:
        with self._lock:  # others wait for the first
            if self._content is None:
                plain = self._make()
                is_long = len(plain) >= PACKED_BYTES_MIN
                compressed = gzip.compress(plain, _LEVEL, mtime=0) if is_long else b""
                tag = sha256(plain).hexdigest()[:_TAG_CHARACTERS]
                is_smaller = len(compressed) < len(plain)
                self._content = _Content(plain, compressed if is_smaller else b"", tag)
            return self._content
