"""Transition times of conditions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.objects.meta import Condition
from app.domain.registration.pod_conditions import with_transitions
from tests.builders import a_condition

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)

times = st.sampled_from([None, NOON, LATER])
reports = st.lists(
    st.builds(
        Condition,
        type=st.sampled_from(["Ready", "Initialized"]),
        status=st.sampled_from(["True", "False"]),
        last_transition_at=times,
    ),
    unique_by=lambda condition: condition.type,
).map(tuple)


def test_a_first_report_gets_the_present_time_unless_it_has_one() -> None:
    timed = a_condition("Initialized", last_transition_at=NOON)
    found = with_transitions((), (a_condition("Ready"), timed), LATER)
    assert found == (a_condition("Ready", last_transition_at=LATER), timed)


def test_a_report_of_the_same_status_keeps_the_time_of_the_first() -> None:
    held = a_condition("Ready", last_transition_at=NOON)
    report = a_condition("Ready", message="still well")
    (found,) = with_transitions((held,), (report,), LATER)
    assert (found.last_transition_at, found.message) == (NOON, "still well")


def test_a_condition_without_time_gets_none_by_being_repeated() -> None:
    held = a_condition("Ready")
    assert with_transitions((held,), (held,), LATER) == (held,)


def test_another_status_is_a_transition_even_with_the_old_time() -> None:
    held = a_condition("Ready", last_transition_at=NOON)
    for time in (None, NOON):
        report = a_condition("Ready", "False", last_transition_at=time)
        (found,) = with_transitions((held,), (report,), LATER)
        assert found.last_transition_at == LATER


def test_times_are_whole_seconds_as_on_the_wire() -> None:
    (found,) = with_transitions((), (a_condition("Ready"),), NOON.replace(microsecond=7))
    assert found.last_transition_at == NOON


@given(reports, reports)
def test_a_report_repeated_later_changes_nothing(
    held: tuple[Condition, ...], report: tuple[Condition, ...]
) -> None:
    untimed = tuple(replace(each, last_transition_at=None) for each in report)
    once = with_transitions(held, untimed, NOON)
    assert with_transitions(once, untimed, LATER) == once
    assert [(each.type, each.status) for each in once] == [
        (each.type, each.status) for each in report
    ]


@given(reports, reports)
def test_conditions_that_are_read_and_written_back_do_not_change(
    held: tuple[Condition, ...], report: tuple[Condition, ...]
) -> None:
    once = with_transitions(held, report, NOON)
    assert with_transitions(once, once, LATER) == once
