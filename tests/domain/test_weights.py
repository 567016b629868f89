"""Changes are split into pieces by their estimated size."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.weights import OBJECT_OCTETS, octets_of, pieces_of
from tests.builders import a_service, an_endpoint, an_endpoint_slice


def a_change(size: int) -> Change:
    service = a_service("s", annotations={"a": "b" * size})
    return Change(revision=Revision(1), before=None, after=service)


changes = st.lists(st.integers(0, 5_000).map(a_change), max_size=30)


def weight(piece: tuple[Change, ...]) -> int:
    return sum(octets_of(change.before) + octets_of(change.after) for change in piece)


@given(changes, st.integers(1, 20_000))
def test_pieces_are_all_changes_in_order(every: list[Change], octets_max: int) -> None:
    pieces = list(pieces_of(every, octets_max))
    assert [change for piece in pieces for change in piece] == every


@given(changes, st.integers(1, 20_000))
def test_a_piece_is_light_unless_it_is_one_change(every: list[Change], octets_max: int) -> None:
    pieces = list(pieces_of(every, octets_max))
    assert all(len(piece) == 1 or weight(piece) <= octets_max for piece in pieces)


@given(changes, st.integers(1, 20_000))
def test_no_two_neighbours_would_fit_in_one_piece(every: list[Change], octets_max: int) -> None:
    pieces = list(pieces_of(every, octets_max))
    for first, second in pairwise(pieces):
        assert weight((*first, second[0])) > octets_max


def test_the_parts_that_make_objects_large_are_counted() -> None:
    small = octets_of(a_service())
    assert octets_of(None) == 0 < OBJECT_OCTETS <= small
    assert octets_of(a_service(annotations={"a": "x" * 10_000})) >= small + 10_000
    few, many = (
        octets_of(an_endpoint_slice(endpoints=(an_endpoint(),) * count)) for count in (1, 100)
    )
    assert many > 10 * few
