"""Answers made of pieces that are compressed once."""

import gzip

from hypothesis import given
from hypothesis import strategies as st

from app.api.http.packing import (
    Piece,
    _joined,  # pyright: ignore[reportPrivateUsage]
    shared,
)


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
