"""The mass-failure guard: a few are marked not ready, many at once are held."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.objects.service import MASS_FAILURE_GUARD, Service
from app.domain.registration.health.mass_failure import (
    MINIMUM_ANNOTATION,
    SHARE_ANNOTATION,
    GuardOutcome,
    GuardPolicy,
    Silence,
    conditioned,
    judge,
    policy_of,
    policy_violations,
)
from tests.builders import NOON, a_condition, a_service, key

POLICY = GuardPolicy()


def missing(count: int, *, ago_s: int = 0, held: bool = False, start: int = 0) -> list[Silence]:
    since = NOON - timedelta(seconds=ago_s)
    return [
        Silence(pod=key(f"p{number}"), since=since, is_held=held)
        for number in range(start, start + count)
    ]


def evaluated(
    silences: list[Silence],
    answering: int,
    *,
    service: Service | None = None,
    policy: GuardPolicy = POLICY,
    later_s: int = 0,
) -> GuardOutcome:
    return judge(
        service or a_service(),
        silences,
        answering=answering,
        policy=policy,
        now=NOON + timedelta(seconds=later_s),
    )


@pytest.mark.parametrize(
    ("lost", "answering", "holds"),
    [
        (0, 0, False),
        (1, 0, False),
        (4, 0, False),  # fewer than five are never held
        (5, 0, True),
        (5, 5, False),  # half is not more than half
        (6, 5, True),
        (101, 99, True),
    ],
)
def test_more_than_half_and_at_least_five_are_held(lost: int, answering: int, holds: bool) -> None:  # noqa: FBT001
    result = evaluated(missing(lost), answering)

    assert bool(result.held) == holds
    assert len(result.held if holds else result.not_ready) == lost


def test_the_condition_has_a_reason_and_a_message() -> None:
    condition = evaluated(missing(6), 4).condition

    assert condition is not None
    assert (condition.type, condition.status) == (MASS_FAILURE_GUARD, "True")
    assert condition.last_transition_at == NOON
    assert condition.message == (
        "6 of 10 ready endpoints missed their heartbeats, more than 50% within 60 s: "
        "all are kept until heartbeats return"
    )


def test_a_service_that_never_lost_many_has_no_condition() -> None:
    assert evaluated(missing(2), 8).condition is None


def test_losses_further_apart_than_the_window_are_not_one_event() -> None:
    old, new = missing(3, ago_s=120), missing(3, ago_s=1, start=3)

    result = evaluated([*old, *new], 2)

    assert not result.held
    assert len(result.not_ready) == 6


def test_pods_marked_not_ready_a_moment_ago_are_held_when_the_rest_follows() -> None:
    first, rest = missing(3, ago_s=20), missing(4, start=3)
    assert not evaluated(first, 7, later_s=-20).held

    result = evaluated([*first, *rest], 3)

    assert len(result.held) == 7


def test_held_pods_stay_held_however_long_it_takes() -> None:
    result = evaluated(missing(6, ago_s=86_400, held=True), 4)

    assert len(result.held) == 6


def test_the_guard_ends_when_few_miss_heartbeats_and_marks_these_not_ready() -> None:
    holding = conditioned(a_service(), evaluated(missing(6), 4))

    over = evaluated(missing(2, held=True), 8, service=holding, later_s=30)

    assert not over.held
    assert len(over.not_ready) == 2
    assert over.condition is not None
    assert (over.condition.status, over.condition.reason) == ("False", "HeartbeatsReturned")
    assert over.condition.last_transition_at == NOON + timedelta(seconds=30)
    assert "2026-01-01T12:00:30Z" in over.condition.message


def test_the_condition_of_a_guard_that_is_over_stays_as_it_was() -> None:
    holding = conditioned(a_service(), evaluated(missing(6), 4))
    ended = conditioned(holding, evaluated([], 10, service=holding, later_s=30))

    again = evaluated([], 10, service=ended, later_s=90)

    assert conditioned(ended, again) is ended


def test_the_time_of_transition_stays_while_the_guard_holds() -> None:
    holding = conditioned(a_service(), evaluated(missing(6), 4))

    later = evaluated(missing(7, held=True), 3, service=holding, later_s=10).condition

    assert later is not None
    assert later.last_transition_at == NOON
    assert later.message.startswith("7 of 10")


def test_other_conditions_of_the_service_are_left_alone() -> None:
    other = a_condition("Other")

    service = conditioned(a_service(conditions=(other,)), evaluated(missing(6), 4))

    assert [condition.type for condition in service.conditions] == ["Other", MASS_FAILURE_GUARD]
    assert conditioned(service, evaluated(missing(6), 4, service=service)) is service


@pytest.mark.parametrize(
    ("annotations", "policy"),
    [
        ({}, POLICY),
        ({SHARE_ANNOTATION: "off"}, GuardPolicy(is_on=False)),
        ({SHARE_ANNOTATION: "0.8"}, GuardPolicy(share=0.8)),
        ({SHARE_ANNOTATION: "much", MINIMUM_ANNOTATION: "0"}, POLICY),
        ({MINIMUM_ANNOTATION: "20"}, GuardPolicy(minimum=20)),
    ],
)
def test_a_service_sets_the_guard_for_itself(
    annotations: dict[str, str], policy: GuardPolicy
) -> None:
    assert policy_of(a_service(annotations=annotations), POLICY) == policy


def test_a_service_can_have_the_guard_where_it_is_off_for_all() -> None:
    service = a_service(annotations={SHARE_ANNOTATION: "0.8"})

    assert policy_of(service, GuardPolicy(is_on=False)) == GuardPolicy(share=0.8)
    assert not policy_of(a_service(), GuardPolicy(is_on=False)).is_on


def test_a_guard_that_is_switched_off_holds_nothing_and_says_so() -> None:
    holding = conditioned(a_service(), evaluated(missing(6), 4))

    result = evaluated(missing(6, held=True), 4, service=holding, policy=GuardPolicy(is_on=False))

    assert len(result.not_ready) == 6
    assert result.condition is not None
    assert result.condition.reason == "SwitchedOff"


@pytest.mark.parametrize("text", ["", "1.5", "-1", "nan", "inf", "half"])
def test_an_invalid_share_is_refused(text: str) -> None:
    [violation] = policy_violations({SHARE_ANNOTATION: text})

    assert violation.field == f"metadata.annotations[{SHARE_ANNOTATION}]"


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "100000", "²"])
def test_an_invalid_minimum_is_refused(text: str) -> None:
    [violation] = policy_violations({MINIMUM_ANNOTATION: text})

    assert violation.field == f"metadata.annotations[{MINIMUM_ANNOTATION}]"


def test_valid_annotations_are_not_refused() -> None:
    assert policy_violations({}) == ()
    assert policy_violations({SHARE_ANNOTATION: "off", MINIMUM_ANNOTATION: "7"}) == ()


ages = st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=20)


@given(ages, st.integers(0, 20), st.floats(0, 1), st.integers(1, 10))
def test_every_pod_is_either_held_or_marked_not_ready(
    drawn: list[tuple[int, bool]], answering: int, share: float, minimum: int
) -> None:
    silences = [
        missing(1, ago_s=ago_s, held=held, start=number)[0]
        for number, (ago_s, held) in enumerate(drawn)
    ]
    policy = GuardPolicy(share=share, minimum=minimum)

    result = evaluated(silences, answering, policy=policy)

    assert result.held | result.not_ready == {silence.pod for silence in silences}
    assert result.held.isdisjoint(result.not_ready)
    assert not result.held or len(result.held) >= minimum
    assert not result.held or len(result.held) > share * (answering + len(result.held))


@given(ages, st.integers(0, 20))
def test_evaluating_held_pods_again_holds_the_same(
    drawn: list[tuple[int, bool]], answering: int
) -> None:
    silences = [
        missing(1, ago_s=ago_s, held=held, start=number)[0]
        for number, (ago_s, held) in enumerate(drawn)
    ]
    first = evaluated(silences, answering)
    kept = [
        Silence(pod=silence.pod, since=silence.since, is_held=silence.pod in first.held)
        for silence in silences
    ]

    assert evaluated(kept, answering, later_s=600).held == first.held
