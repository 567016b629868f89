"""Compressed answers, whole or in pieces that many answers share."""

import gzip

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from app.api.http.packing import (
    BESIDE_BYTES_MIN,
    PACKED_BYTES_MIN,
    Piece,
    _joined,  # pyright: ignore[reportPrivateUsage]
    packed,
    shared,
)
from tests.rounds import work_a_round


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("*", True),
        ("identity", False),
        ("GZIP", True),
    ],
)
async def test_accept_encoding_says_whether_gzip_is_accepted(header: str, accepted: object) -> None:
    request = Request({"type": "http", "headers": [(b"accept-encoding", header.encode())]})
    answer = await packed(request, b"x" * PACKED_BYTES_MIN, media_type="text/plain")
    assert ("content-encoding" in answer.headers) is accepted


@given(st.lists(st.binary(max_size=300), max_size=5), st.lists(st.booleans(), min_size=5))
def test_pieces_make_one_gzip_stream_whether_or_not_they_were_compressed(
    plain: list[bytes], are_shared: list[bool]
) -> None:
    pieces = [
        shared(each * 20) if is_shared else Piece(each * 20)
        for each, is_shared in zip(plain, are_shared, strict=False)
    ]
    whole = b"".join(each * 20 for each in plain)
    assert gzip.decompress(_joined(pieces, whole)) == whole


@pytest.mark.parametrize("size", [PACKED_BYTES_MIN - 1, BESIDE_BYTES_MIN - 1, BESIDE_BYTES_MIN])
async def test_large_answers_are_compressed_in_a_thread(size: int) -> None:
    request = Request({"type": "http", "headers": [(b"accept-encoding", b"gzip")]})
    packing = packed(request, b"x" * size, media_type="text/plain")
    answer, rounds = await work_a_round(packing, lambda: 0)
    is_packed = "content-encoding" in answer.headers
    assert is_packed == (size >= PACKED_BYTES_MIN)
    assert (gzip.decompress(answer.body) if is_packed else answer.body) == b"x" * size
    assert (len(rounds) > 1) == (size >= BESIDE_BYTES_MIN)
