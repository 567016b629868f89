"""Decodes octets from servers within bounds, without input or output.

    gzip   -> pieces of at most PIECE_OCTETS_MAX
    pieces -> lines of bounded length
    octets -> a JSON document of a bounded number of values

A kilobyte of gzip can expand to a megabyte: the caller counts the pieces and stops in time;
nothing is expanded ahead.  ``[],[],[]`` takes three octets per value on the wire and twenty times
that in memory, so octets alone are no bound for JSON.
Source: RFC 1952; RFC 9110, section 8.4.1.3.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from waypost.client.errors import Misbehaved

PIECE_OCTETS_MAX: Final = 256 * 1024
DOCUMENT_VALUES_MAX: Final = 1_000_000  # of one object, or of a list of leases
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS  # with the header and trailer of gzip


class Gunzip:
    """Expands one gzip member; data after it is refused, as servers send only one."""

    def __init__(self, *, piece_octets_max: int = PIECE_OCTETS_MAX) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        self._piece_octets_max = piece_octets_max
        self._has_begun = False

    def expand(self, packed: bytes) -> Iterator[bytes]:
        """Yield the content of some octets, in pieces; raises Misbehaved."""
        self._has_begun = self._has_begun or bool(packed)
        rest, is_full = packed, False
        while rest or is_full:
            try:
                piece = self._inflate.decompress(rest, self._piece_octets_max)
            except zlib.error:
                raise Misbehaved("its compressed content is damaged") from None
            if self._inflate.unused_data:
                raise Misbehaved("its compressed content has data after its end")
            # After a full piece zlib may have more output, even if all input is consumed.
            rest, is_full = self._inflate.unconsumed_tail, len(piece) == self._piece_octets_max
            if piece:
                yield piece

    def end(self) -> None:
        """Check the end of the input; raises Misbehaved when octets are missing."""
        if self._has_begun and not self._inflate.eof:
            raise Misbehaved("its compressed content is incomplete")


class LineSplitter:
    """Splits a stream into lines, in time linear in its octets for pieces of any size.

    Only a line feed ends a line, not other Unicode line separators.
    """

    def __init__(self, *, line_octets_max: int) -> None:
        self._line_octets_max = line_octets_max
        self._begun = bytearray()

    def split(self, piece: bytes) -> list[bytes]:
        """Return the lines that end in a piece, without empty ones; raises Misbehaved."""
        first, *others = piece.split(b"\n")
        self._extend(first)
        if not others:
            return []
        *whole, begun = others
        lines = [self.rest(), *whole]
        self._extend(begun)
        self._require_short(max(map(len, lines)))
        return [line for line in lines if line]

    def rest(self) -> bytes:
        """Return and clear the incomplete line."""
        rest = bytes(self._begun)
        self._begun.clear()
        return rest

    def _extend(self, part: bytes) -> None:
        self._begun += part
        self._require_short(len(self._begun))

    def _require_short(self, octets: int) -> None:
        if octets > self._line_octets_max:
            raise Misbehaved(f"one line has more than {self._line_octets_max} bytes")


def values_in(octets: bytes) -> int:
    """Return an upper bound of the number of JSON values (less one), which is cheap to count."""
    return octets.count(b",") + octets.count(b"[") + octets.count(b"{")


def parse_json(octets: bytes, *, values_max: int) -> object:
    """Parse a document; raises Misbehaved if it is invalid, large or deeply nested."""
    if values_in(octets) > values_max:
        raise Misbehaved(f"its JSON has more than {values_max} values")
    try:
        return json.loads(octets)
    except UnicodeDecodeError:
        raise Misbehaved("its JSON is not written in UTF-8") from None
    except ValueError:
        raise Misbehaved("its answer is not JSON") from None
    except RecursionError:
        raise Misbehaved("its JSON is nested too deeply") from None


def parse_document(octets: bytes, *, values_max: int = DOCUMENT_VALUES_MAX) -> Mapping[str, Any]:
    """Parse a JSON object; raises Misbehaved for anything else."""
    document = parse_json(octets, values_max=values_max)
    if not isinstance(document, Mapping):
        raise Misbehaved("its answer is no JSON object")
    return cast("Mapping[str, Any]", document)
