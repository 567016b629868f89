"""Large answers leave compressed when the client can read that.

    bytes, request -> Response

Rules are repetitive text: compressed they are a tenth of their size.
Source: RFC 9110 section 12.5.3.
"""

import gzip
from collections.abc import Mapping

from fastapi import Request, Response

PACKED_BYTES_MIN = 2_048  # below this a header costs more than it saves
_LEVEL = 1  # text of rules shrinks little further, at several times the work


def packed(
    request: Request,
    body: bytes,
    *,
    media_type: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with ``body``, compressed if it is large and the client says it may be."""
    all_headers = {"Vary": "Accept-Encoding", **(headers or {})}
    if len(body) >= PACKED_BYTES_MIN and accepts_gzip(request.headers.get("accept-encoding", "")):
        all_headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, _LEVEL, mtime=0)
    return Response(body, headers=all_headers, media_type=media_type)


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
