"""Compressed content, expanded a piece at a time.

    octets from the network -> pieces of at most PIECE_OCTETS_MAX

A kilobyte of gzip can hold a megabyte.  Whoever reads the pieces counts them and
stops in time; nothing is expanded ahead.  Without input or output, so that the
bound can be tested by counting.  Source: RFC 1952; RFC 9110, section 8.4.1.3.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from app.client.errors import RegistryMisbehaved

PIECE_OCTETS_MAX: Final = 256 * 1024
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS  # with the header and trailer of gzip


class Gunzip:
    """Expands one gzip member; what follows it is refused, as nobody sends two."""

    def __init__(self, *, piece_octets_max: int = PIECE_OCTETS_MAX) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        self._piece_octets_max = piece_octets_max
        self._has_begun = False

    def expand(self, packed: bytes) -> Iterator[bytes]:
        """Yield what some octets hold, in pieces; raises RegistryMisbehaved."""
        self._has_begun = self._has_begun or bool(packed)
        rest, is_full = packed, False
        while rest or is_full:
            try:
                piece = self._inflate.decompress(rest, self._piece_octets_max)
            except zlib.error:
                raise RegistryMisbehaved("its compressed content is damaged") from None
            if self._inflate.unused_data:
                raise RegistryMisbehaved("its compressed content goes on behind its end")
            # A full piece may leave some behind in zlib, although all octets are taken.
            rest, is_full = self._inflate.unconsumed_tail, len(piece) == self._piece_octets_max
            if piece:
                yield piece

    def end(self) -> None:
        """Take note that no more octets come; raises RegistryMisbehaved when some are missing."""
        if self._has_begun and not self._inflate.eof:
            raise RegistryMisbehaved("its compressed content breaks off")
