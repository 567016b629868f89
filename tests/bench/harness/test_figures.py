import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.harness.figures import Figure, Goal, Taken, at_least, at_most, percentile

VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=50)


def taken(
    values: list[float],
    peer: list[float] | None = None,
    *,
    goal: Goal | None = None,
    ratio: Goal | None = None,
) -> Taken:
    figure = Figure("what", "/s", goal, "the peer", ratio)
    return Taken(figure, values, peer or [])


@given(VALUES, st.floats(1, 100))
def test_a_percentile_is_one_of_the_values_with_as_many_at_or_below_it(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)
    assert found in values
    assert 100 * sum(value <= found for value in values) >= percent * len(values) * (1 - 1e-12)
    assert 100 * sum(value < found for value in values) < percent * len(values)


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1), (50, 50), (98.5, 99), (99, 99), (99.5, 100), (100, 100)]
)
def test_percentiles_of_a_hundred_values_are_the_nearest_ranks(
    percent: float, expected: float
) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_the_median_of_the_rounds_counts_and_the_ratio_is_that_of_the_medians() -> None:
    figure = taken([1, 100, 20], [10, 5, 40])
    assert (figure.value, figure.peer_value, figure.ratio) == (20, 10, 2)


@pytest.mark.parametrize(
    ("goal", "value", "is_reached"),
    [
        (at_least(10), 9.9, False),
        (at_least(10), 10, True),
        (at_most(10), 10, True),
        (at_most(10), 10.1, False),
    ],
)
def test_a_bound_itself_is_good_enough(goal: Goal, value: float, *, is_reached: bool) -> None:
    assert goal.is_reached_by(value) is is_reached


@pytest.mark.parametrize(
    ("figure", "is_reached"),
    [
        (taken([5]), None),  # without a goal
        (taken([], goal=at_least(1)), None),  # not measured
        (taken([5], goal=at_least(1)), True),
        (taken([5], goal=at_least(9)), False),
        (taken([5], [5], goal=at_least(1), ratio=at_least(1.3)), False),
        (taken([7], [5], goal=at_least(1), ratio=at_least(1.3)), True),
        (taken([7], [5], goal=at_least(9), ratio=at_least(1.3)), False),
        (taken([5], goal=at_least(1), ratio=at_least(1.3)), None),  # the peer was not there
        (taken([5], goal=at_least(9), ratio=at_least(1.3)), False),
        (taken([5], [0], ratio=at_least(1.3)), None),
    ],
)
def test_every_goal_must_be_reached_and_judged(figure: Taken, *, is_reached: bool | None) -> None:
    assert figure.is_reached is is_reached
