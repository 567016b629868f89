"""Answers that are compressed, whole or in pieces that many of them share."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.packing import (
    Piece,
    _joined,  # pyright: ignore[reportPrivateUsage]
    accepts_gzip,
    shared,
)


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
def test_clients_say_what_they_can_read(header: str, accepted: object) -> None:
    assert accepts_gzip(header) is accepted


@given(st.lists(st.binary(max_size=300), max_size=5), st.lists(st.booleans(), min_size=5))
def test_pieces_are_one_stream_whichever_were_compressed_before(
    plain: list[bytes], are_shared: list[bool]
) -> None:
    pieces = [
        shared(each * 20) if is_shared else Piece(each * 20)
        for each, is_shared in zip(plain, are_shared, strict=False)
    ]
    whole = b"".join(each * 20 for each in plain)
    assert gzip.decompress(_joined(pieces, whole)) == whole
