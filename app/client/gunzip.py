"""Decompression of gzip, one piece at a time.

    octets from the network -> pieces of at most PIECE_OCTETS_MAX

A kilobyte of gzip can expand to a megabyte.  The caller counts the pieces and stops in
time; nothing is expanded ahead.  Without input or output, so that the bound can be
tested by counting.  Source: RFC 1952; RFC 9110, section 8.4.1.3.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from app.client.errors import RegistryMisbehaved

PIECE_OCTETS_MAX: Final = 256 * 1024
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS  # with the header and trailer of gzip


class Gunzip:
    """Expands one gzip member; data after it is refused, as servers send only one."""

    def __init__(self, *, piece_octets_max: int = PIECE_OCTETS_MAX) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        self._piece_octets_max = piece_octets_max
        self._has_begun = False

    def expand(self, packed: bytes) -> Iterator[bytes]:
        """Yield the content of some octets, in pieces; raises RegistryMisbehaved."""
        self._has_begun = self._has_begun or bool(packed)
        rest, is_full = packed, False
        while rest or is_full:
            try:
                piece = self._inflate.decompress(rest, self._piece_octets_max)
            except zlib.error:
                raise RegistryMisbehaved("its compressed content is damaged") from None
            if self._inflate.unused_data:
                raise RegistryMisbehaved("its compressed content has data after its end")
            # After a full piece zlib may have more output, even if all input is consumed.
            rest, is_full = self._inflate.unconsumed_tail, len(piece) == self._piece_octets_max
            if piece:
                yield piece

    def end(self) -> None:
        """Check the end of the input; raises RegistryMisbehaved when octets are missing."""
        if self._has_begun and not self._inflate.eof:
            raise RegistryMisbehaved("its compressed content is incomplete")
