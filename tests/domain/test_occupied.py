"""The set that finds gaps quickly, compared with a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.occupied import Occupied

WIDTH_BITS = 13  # three levels, the topmost incomplete
LAST = 2**WIDTH_BITS - 1

numbers = st.one_of(st.integers(0, 130), st.integers(LAST - 70, LAST), st.integers(0, LAST))
steps = st.lists(st.tuples(st.booleans(), numbers), max_size=40)
spans = st.tuples(numbers, numbers)


def built(history: list[tuple[bool, int]]) -> tuple[Occupied, set[int]]:
    """The set and its oracle after a history of holds and releases."""
    occupied, oracle = Occupied(width_bits=WIDTH_BITS), set[int]()
    for is_held, number in history:
        occupied = occupied.hold(number) if is_held else occupied.release(number)
        oracle = oracle | {number} if is_held else oracle - {number}
    return occupied, oracle


@given(steps, numbers)
def test_it_contains_the_numbers_held_and_not_released(
    history: list[tuple[bool, int]], number: int
) -> None:
    occupied, oracle = built(history)
    assert (number in occupied) == (number in oracle)


@given(steps, spans)
def test_the_next_gap_is_the_lowest_number_that_is_not_held(
    history: list[tuple[bool, int]], span: tuple[int, int]
) -> None:
    occupied, oracle = built(history)
    first, last = span
    expected = next((n for n in range(first, last + 1) if n not in oracle), None)
    assert occupied.next_free(first, last) == expected


@given(steps, spans)
def test_the_next_held_number_is_the_lowest_one(
    history: list[tuple[bool, int]], span: tuple[int, int]
) -> None:
    occupied, oracle = built(history)
    first, last = span
    expected = min((number for number in oracle if first <= number <= last), default=None)
    assert occupied.next_held(first, last) == expected


@given(steps, numbers)
def test_a_change_does_not_alter_the_previous_set(
    history: list[tuple[bool, int]], number: int
) -> None:
    occupied, _ = built(history)
    was_held = number in occupied
    occupied.hold(number)
    occupied.release(number)
    assert (number in occupied) == was_held


@given(steps)
def test_sets_with_equal_numbers_are_equal_whatever_their_history(
    history: list[tuple[bool, int]],
) -> None:
    occupied, oracle = built(history)
    again, _ = built([(True, number) for number in sorted(oracle, reverse=True)])
    assert occupied == again


@given(st.sets(numbers))
def test_a_set_built_at_once_equals_one_built_step_by_step(held: set[int]) -> None:
    one_by_one, _ = built([(True, number) for number in held])
    assert Occupied.of(held, width_bits=WIDTH_BITS) == one_by_one


def test_a_full_range_has_no_gap_and_a_released_number_is_the_only_one() -> None:
    occupied = Occupied.of(range(LAST + 1), width_bits=WIDTH_BITS)
    assert occupied.next_free(0, LAST) is None
    assert occupied.release(4_000).next_free(0, LAST) == 4_000


def test_there_is_nothing_outside_the_width_or_in_an_empty_span() -> None:
    occupied = Occupied(width_bits=WIDTH_BITS).hold(7)
    assert occupied.next_free(8, 7) is None
    assert occupied.next_held(8, 7) is None
    assert occupied.next_held(2**18, 2**19) is None
    assert occupied.next_held(-1, 7) is None


def test_the_next_held_number_may_lie_far_behind_a_gap() -> None:
    occupied = Occupied(width_bits=WIDTH_BITS).hold(5).hold(70).hold(4_100)
    assert occupied.next_held(6, LAST) == 70
    assert occupied.next_held(71, LAST) == 4_100
    assert occupied.next_held(4_101, LAST) is None


def test_in_an_empty_set_the_first_number_of_the_span_is_free() -> None:
    occupied = Occupied(width_bits=WIDTH_BITS).hold(5)
    assert occupied.next_free(4_000, LAST) == 4_000


def test_one_level_is_enough_for_few_numbers() -> None:
    occupied = Occupied(width_bits=6).hold(0).hold(2)
    assert occupied.next_free(0, 63) == 1
    assert occupied.next_held(1, 63) == 2
    assert 2 in occupied


def test_an_ipv6_address_is_found_in_the_widest_range() -> None:
    number = (0xFD00 << 112) + 1
    occupied = Occupied(width_bits=128).hold(number)
    assert number in occupied
    assert occupied.next_held(0, 2**128 - 1) == number
    assert occupied.next_free(number, number + 1) == number + 1


@given(steps, spans)
def test_the_count_is_that_of_the_numbers_held_between(
    history: list[tuple[bool, int]], span: tuple[int, int]
) -> None:
    occupied, oracle = built(history)
    first, last = span
    assert occupied.count(first, last) == sum(first <= number <= last for number in oracle)


def test_counting_goes_no_further_than_the_numbers_that_there_are() -> None:
    occupied = Occupied.of([0, 7, LAST], width_bits=WIDTH_BITS)
    assert occupied.count(-5, 10 * LAST) == 3
    assert occupied.count(-5, 6) == 1
