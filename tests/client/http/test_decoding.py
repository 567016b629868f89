"""Octets from servers are decoded within bounds: gzip, lines, JSON."""

import gzip
import json
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.client.errors import Misbehaved
from waypost.client.http.decoding import Gunzip, LineSplitter, parse_json, values_in


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
    with pytest.raises(Misbehaved, match=problem):
        expanded(packed)


def test_data_after_the_end_is_refused_in_another_piece_too() -> None:
    gunzip = Gunzip()
    assert list(gunzip.expand(compressed(b"a"))) == [b"a"]
    with pytest.raises(Misbehaved, match="data after its end"):
        _ = list(gunzip.expand(b"more"))


def test_empty_content_is_complete() -> None:
    Gunzip().end()


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
    with pytest.raises(Misbehaved, match="more than 9 bytes"):
        _ = [splitter.split(piece) for piece in pieces]


def test_a_line_of_the_maximum_length_is_accepted() -> None:
    assert LineSplitter(line_octets_max=9).split(b"012345678\n") == [b"012345678"]


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
)


def values(document: object) -> int:
    match document:
        case list():
            return 1 + sum(map(values, document))  # pyright: ignore[reportUnknownArgumentType]  drawn
        case dict():
            return 1 + sum(map(values, document.values()))  # pyright: ignore[reportUnknownArgumentType]  drawn
        case _:
            return 1


@given(documents)
def test_a_document_has_at_most_one_value_more_than_are_counted(document: object) -> None:
    octets = json.dumps(document).encode()
    assert values(document) <= 1 + 2 * values_in(octets)
    assert parse_json(octets, values_max=values_in(octets)) == document


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"<html>", "not JSON"),
        (b"", "not JSON"),
        (b'"\xff"', "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"9" * 100_000, "not JSON"),
        (b"[" + b"0," * 1_000_000 + b"0]", "more than 1000000 values"),
    ],
)
def test_unreadable_json_has_a_reason(octets: bytes, problem: str) -> None:
    with pytest.raises(Misbehaved, match=problem):
        parse_json(octets, values_max=1_000_000)
