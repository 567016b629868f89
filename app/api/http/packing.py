"""Answers made of pieces that many nodes share, which are compressed once.

    pieces, request -> Response

Rules are repetitive text and shrink to a tenth.  A node's own pieces are added to the same
compressed stream, since a full flush ends each piece at a byte.  Other answers are compressed
by ``app.api.http.compression``.

Source: RFC 9110 section 12.5.3; RFC 1952; RFC 1951.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request, Response

from app.api.http.content_negotiation import accepts_gzip

PACKED_BYTES_MIN = 1_024  # below this compression does not pay: it is one segment of TCP
LEVEL = 1  # text of rules shrinks little further, at several times the work
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_RAW_DEFLATE = -zlib.MAX_WBITS
_END = b"\x03\x00"  # an empty last block
_LENGTH_MODULUS = 1 << 32


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer, and its compressed form if many answers share it."""

    plain: bytes
    deflated: bytes = b""


def shared(plain: bytes) -> Piece:
    """Make a piece that many answers share; a large one is compressed now."""
    return Piece(plain, _deflated(plain) if len(plain) >= PACKED_BYTES_MIN else b"")


def packed_pieces(request: Request, pieces: Sequence[Piece], *, media_type: str) -> Response:
    """Answer with pieces, joined."""
    headers = {"Vary": "Accept-Encoding"}
    body = b"".join([piece.plain for piece in pieces])
    if len(body) >= PACKED_BYTES_MIN and accepts_gzip(request.scope):
        headers["Content-Encoding"] = "gzip"
        body = _joined(pieces, body)
    return Response(body, headers=headers, media_type=media_type)


def _joined(pieces: Sequence[Piece], plain: bytes) -> bytes:
    """Join compressed pieces, compressing the others now; ``plain`` is the whole answer."""
    parts = [piece.deflated or _deflated(piece.plain) for piece in pieces]
    trailer = struct.pack("<LL", zlib.crc32(plain), len(plain) % _LENGTH_MODULUS)
    return b"".join((_GZIP_HEADER, *parts, _END, trailer))


def _deflated(plain: bytes) -> bytes:
    """Compress a piece so that it ends at a byte and others can follow."""
    deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW_DEFLATE)
    return deflater.compress(plain) + deflater.flush(zlib.Z_FULL_FLUSH)
