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
_REMEMBERED_MAX = 65_536  # addresses, and blocks of 256 of them
_OCTETS: Final = {str(octet): octet for octet in range(256)}


@lru_cache(maxsize=_REMEMBERED_MAX)
def ordered(text: str) -> tuple[int, str]:
    """Give an address as a number to sort by and in canonical spelling, or NO_ADDRESS."""
    head, _, last = text.rpartition(".")
    try:
        return _block(head) + _OCTETS[last], text
    except (KeyError, ValueError):
        address = parse_address(text)
    return NO_ADDRESS if address is None else (int(address), str(address))


def dotted_numbers(texts: Iterable[str]) -> list[int] | None:
    """Read addresses as numbers; None unless all are canonical IPv4."""
    try:
        return [
            _block(head) + _OCTETS[last]
            for head, _, last in [text.rpartition(".") for text in texts]
        ]
    except (KeyError, ValueError):
        return None


@lru_cache(maxsize=_REMEMBERED_MAX)
def _block(head: str) -> int:
    """Give the first number of the block that three canonical octets name."""
    a, b, c = [_OCTETS[octet] for octet in head.split(".")]
    return a << 24 | b << 16 | c << 8
