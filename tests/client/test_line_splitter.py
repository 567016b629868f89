"""Lines of a stream that arrives in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.errors import RegistryMisbehaved
from app.client.line_splitter import LineSplitter


@given(st.lists(st.text("ab\u2028\r", max_size=8)), st.integers(1, 9))
def test_lines_end_only_at_line_feeds_for_any_pieces(texts: list[str], step: int) -> None:
    octets = "".join(f"{text}\n" for text in texts).encode()
    splitter = LineSplitter(line_octets_max=100)
    lines = [
        line
        for start in range(0, len(octets), step)
        for line in splitter.split(octets[start : start + step])
    ]
    assert lines == [text.encode() for text in texts if text]
    assert splitter.rest() == b""


def test_an_incomplete_line_is_the_rest() -> None:
    splitter = LineSplitter(line_octets_max=9)
    assert splitter.split(b"one\ntwo") == [b"one"]
    assert splitter.rest() == b"two"


@pytest.mark.parametrize(
    "pieces", [[b"0123456789"], [b"01234", b"56789"], [b"a\n0123456789\n"], [b"01234", b"56789\n"]]
)
def test_a_line_that_is_too_long_is_refused_before_it_ends(pieces: list[bytes]) -> None:
    splitter = LineSplitter(line_octets_max=9)
    with pytest.raises(RegistryMisbehaved, match="more than 9 bytes"):
        _ = [splitter.split(piece) for piece in pieces]


def test_a_line_of_the_maximum_length_is_accepted() -> None:
    assert LineSplitter(line_octets_max=9).split(b"012345678\n") == [b"012345678"]
