"""Compression of large answers, for clients that accept gzip.

    bytes, request                -> Response
    pieces, request               -> Response, with pieces shared by many answers compressed once

Rules are repetitive text and shrink to a tenth.  Pieces that many nodes share are compressed
once; a node's own pieces are added to the same stream, since a full flush ends each piece at
a byte.  Large answers are compressed in a thread, as zlib releases the interpreter lock.

Source: RFC 9110 section 12.5.3; RFC 1952; RFC 1951.
"""

import asyncio
import gzip
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import Request, Response

PACKED_BYTES_MIN = 2_048  # below this compression does not pay
BESIDE_BYTES_MIN = 65_536  # compressing this takes a millisecond, which is worth a thread
_LEVEL = 1  # text of rules shrinks little further, at several times the work
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


async def packed(
    request: Request,
    body: bytes,
    *,
    media_type: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with ``body``, compressed if it is large and the client accepts that."""
    all_headers = {"Vary": "Accept-Encoding", **(headers or {})}
    if len(body) >= PACKED_BYTES_MIN and _accepts_gzip(request):
        all_headers["Content-Encoding"] = "gzip"
        if len(body) < BESIDE_BYTES_MIN:
            body = _gzipped(body)
        else:
            body = await asyncio.to_thread(_gzipped, body)
    return Response(body, headers=all_headers, media_type=media_type)


def packed_pieces(request: Request, pieces: Sequence[Piece], *, media_type: str) -> Response:
    """Answer with pieces, joined."""
    headers = {"Vary": "Accept-Encoding"}
    body = b"".join([piece.plain for piece in pieces])
    if len(body) >= PACKED_BYTES_MIN and _accepts_gzip(request):
        headers["Content-Encoding"] = "gzip"
        body = _joined(pieces, body)
    return Response(body, headers=headers, media_type=media_type)


def _accepts_gzip(request: Request) -> bool:
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _gzipped(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)


def _joined(pieces: Sequence[Piece], plain: bytes) -> bytes:
    """Join compressed pieces, compressing the others now; ``plain`` is the whole answer."""
    parts = [piece.deflated or _deflated(piece.plain) for piece in pieces]
    trailer = struct.pack("<LL", zlib.crc32(plain), len(plain) % _LENGTH_MODULUS)
    return b"".join((_GZIP_HEADER, *parts, _END, trailer))


def _deflated(plain: bytes) -> bytes:
    """Compress a piece so that it ends at a byte and others can follow."""
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE)
    return deflater.compress(plain) + deflater.flush(zlib.Z_FULL_FLUSH)
