"""Addresses in the order of their numbers, for lists that are sorted by them.

    text -> (number, canonical text)         texts -> numbers, if all are canonical IPv4

A node's rules hold every endpoint of the cluster, and nearly all are canonical IPv4 of
few blocks of 256: those are looked up, the rest is read by ``addresses``.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from app.domain.addresses import parse_address

NO_ADDRESS: Final = (-1, "")
REMEMBERED_MAX = 65_536  # addresses, and blocks of 256 of them
_OCTETS: Final = {str(octet): octet for octet in range(256)}


@lru_cache(maxsize=REMEMBERED_MAX)
def ordered(text: str) -> tuple[int, str]:
    """Give an address as a number to sort by and in canonical spelling, or NO_ADDRESS."""
    head, _, last = text.rpartition(".")
    try:
        return _blocks[head] + _OCTETS[last], text
    except (KeyError, ValueError):
        address = parse_address(text)
    return NO_ADDRESS if address is None else (int(address), str(address))


def dotted_numbers(texts: Iterable[str]) -> list[int] | None:
    """Read addresses as numbers; None unless all are canonical IPv4."""
    numbers: list[int] = []
    try:
        for text in texts:
            head, _, last = text.rpartition(".")
            numbers.append(_blocks[head] + _OCTETS[last])
    except (KeyError, ValueError):
        return None
    return numbers


class Blocks(dict[str, int]):
    """The first number of each block of 256, by the three canonical octets that name it."""

    def __init__(self, *, blocks_max: int = REMEMBERED_MAX) -> None:
        super().__init__()
        self._blocks_max = blocks_max

    def __missing__(self, head: str) -> int:
        a, b, c = [_OCTETS[octet] for octet in head.split(".")]
        if len(self) >= self._blocks_max:
            self.clear()
        number = self[head] = a << 24 | b << 16 | c << 8
        return number


_blocks: Final = Blocks()
