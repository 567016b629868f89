"""Compressed content is expanded in pieces, and nothing ahead."""

import gzip
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.errors import RegistryMisbehaved
from app.client.gunzip import Gunzip


def compressed(plain: bytes) -> bytes:
    return gzip.compress(plain, mtime=0)  # the same in every process that collects these tests


def expanded(packed: bytes) -> bytes:
    gunzip = Gunzip()
    plain = b"".join(gunzip.expand(packed))
    gunzip.end()
    return plain


@given(st.binary(max_size=2_000), st.integers(1, 50), st.integers(1, 300))
def test_compressed_content_is_expanded_in_pieces(
    plain: bytes, step: int, piece_octets_max: int
) -> None:
    gunzip = Gunzip(piece_octets_max=piece_octets_max)
    packed = compressed(plain)
    pieces = [
        piece
        for start in range(0, len(packed), step)
        for piece in gunzip.expand(packed[start : start + step])
    ]
    gunzip.end()
    assert b"".join(pieces) == plain
    assert all(0 < len(piece) <= piece_octets_max for piece in pieces)


def test_a_bomb_is_expanded_only_as_far_as_it_is_read() -> None:
    packed = compressed(bytes(64 * 1024 * 1024))
    pieces = list(islice(Gunzip(piece_octets_max=1_000).expand(packed), 3))
    assert pieces == [bytes(1_000)] * 3


@pytest.mark.parametrize(
    ("packed", "problem"),
    [
        (b"not gzip", "damaged"),
        (compressed(b"x" * 99)[:-1], "incomplete"),
        (compressed(b"x" * 99)[:-8] + b"\0" * 8, "damaged"),
        (compressed(b"a") + compressed(b"b"), "data after its end"),
        (compressed(b"a") + b"\0", "data after its end"),
    ],
)
def test_anything_but_one_whole_member_is_refused(packed: bytes, problem: str) -> None:
    with pytest.raises(RegistryMisbehaved, match=problem):
        expanded(packed)


def test_data_after_the_end_is_refused_in_another_piece_too() -> None:
    gunzip = Gunzip()
    assert list(gunzip.expand(compressed(b"a"))) == [b"a"]
    with pytest.raises(RegistryMisbehaved, match="data after its end"):
        _ = list(gunzip.expand(b"more"))


def test_empty_content_is_complete() -> None:
    Gunzip().end()
