"""Large answers leave compressed when the client can read that.

    bytes, request                -> Response
    shared bytes, own bytes, request -> Response, the shared part compressed once for all

Rules are repetitive text: compressed they are a tenth of their size.  What many
nodes are told alike is compressed once, and what is a node's own goes behind it in
the same stream: a full flush ends the shared part at a byte, and the checksum can
be carried on.

Source: RFC 9110 section 12.5.3; RFC 1952; RFC 1951.
"""

import gzip
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request, Response

PACKED_BYTES_MIN = 2_048  # below this a header costs more than it saves
_LEVEL = 1  # text of rules shrinks little further, at several times the work
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_RAW_DEFLATE = -zlib.MAX_WBITS
_LENGTH_MODULUS = 1 << 32


@dataclass(frozen=True, slots=True)
class Shared:
    """The beginning of many answers: as it is, deflated, and its checksum."""

    plain: bytes
    deflated: bytes
    checksum: int


def share(plain: bytes) -> Shared:
    """Compress the beginning that many answers have in common."""
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE)
    deflated = deflater.compress(plain) + deflater.flush(zlib.Z_FULL_FLUSH)
    return Shared(plain, deflated, zlib.crc32(plain))


def packed(
    request: Request,
    body: bytes,
    *,
    media_type: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with ``body``, compressed if it is large and the client says it may be."""
    all_headers = {"Vary": "Accept-Encoding", **(headers or {})}
    if len(body) >= PACKED_BYTES_MIN and _accepts_gzip(request):
        all_headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, _LEVEL, mtime=0)
    return Response(body, headers=all_headers, media_type=media_type)


def packed_with(request: Request, shared: Shared, own: bytes, *, media_type: str) -> Response:
    """Answer with a shared beginning and an end of its own."""
    headers = {"Vary": "Accept-Encoding"}
    body = shared.plain + own
    if len(body) >= PACKED_BYTES_MIN and _accepts_gzip(request):
        headers["Content-Encoding"] = "gzip"
        body = _joined(shared, own)
    return Response(body, headers=headers, media_type=media_type)


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _accepts_gzip(request: Request) -> bool:
    return accepts_gzip(request.headers.get("accept-encoding", ""))


def _joined(shared: Shared, own: bytes) -> bytes:
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE)
    length = (len(shared.plain) + len(own)) % _LENGTH_MODULUS
    trailer = struct.pack("<LL", zlib.crc32(own, shared.checksum), length)
    return b"".join(
        (_GZIP_HEADER, shared.deflated, deflater.compress(own), deflater.flush(), trailer)
    )
