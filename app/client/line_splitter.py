"""Splits a stream that arrives in pieces into lines.

    pieces -> lines of bounded length

Only a line feed ends a line, not other Unicode line separators.  The work is linear in
the octets, for pieces of any size.
"""

from app.client.errors import RegistryMisbehaved


class LineSplitter:
    """Keeps the incomplete line."""

    def __init__(self, *, line_octets_max: int) -> None:
        self._line_octets_max = line_octets_max
        self._begun = bytearray()

    def split(self, piece: bytes) -> list[bytes]:
        """Return the lines that end in a piece, without empty ones; raises RegistryMisbehaved."""
        first, *others = piece.split(b"\n")
        self._extend(first)
        if not others:
            return []
        *whole, begun = others
        lines = [self.rest(), *whole]
        self._extend(begun)
        if any(len(line) > self._line_octets_max for line in whole):
            raise self._too_long()
        return [line for line in lines if line]

    def rest(self) -> bytes:
        """Return and clear the incomplete line."""
        rest = bytes(self._begun)
        self._begun.clear()
        return rest

    def _extend(self, part: bytes) -> None:
        self._begun += part
        if len(self._begun) > self._line_octets_max:
            raise self._too_long()

    def _too_long(self) -> RegistryMisbehaved:
        return RegistryMisbehaved(f"one line has more than {self._line_octets_max} bytes")
