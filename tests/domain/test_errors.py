"""Refusals: a stable reason each, the object they concern, every cause."""

from collections import Counter

import pytest

from app.domain import errors
from app.domain.errors import (
    CAUSES_MAX,
    CauseReason,
    Conflict,
    DomainError,
    Expired,
    Invalid,
    Violation,
)

FIRST = Violation(CauseReason.REQUIRED, "spec.ports", "Required value")
SECOND = Violation(CauseReason.INVALID, "metadata.name", "Invalid value: bad")
refusals = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, DomainError) and each is not DomainError
]


@pytest.mark.parametrize("refusal", refusals)
def test_every_refusal_has_a_reason(refusal: type[DomainError]) -> None:
    assert refusal.reason


def test_only_timeouts_share_a_reason() -> None:
    reasons = Counter(refusal.reason for refusal in refusals)
    assert {reason for reason, times in reasons.items() if times > 1} == {"Timeout"}


def test_one_violation_is_the_message() -> None:
    assert str(Invalid("Service", "web", [FIRST])) == (
        'Service "web" is invalid: spec.ports: Required value'
    )


def test_several_violations_are_listed_and_each_is_shown_once() -> None:
    error = Invalid("Service", "web", [FIRST, SECOND, FIRST])
    assert error.message == (
        'Service "web" is invalid: [spec.ports: Required value, metadata.name: Invalid value: bad]'
    )
    assert error.causes == (FIRST, SECOND, FIRST)
    assert (error.kind, error.name) == ("Service", "web")


def test_of_too_many_violations_the_first_are_listed_and_the_others_counted() -> None:
    every = [Violation(CauseReason.INVALID, f"f{n}", "no") for n in range(CAUSES_MAX + 7)]
    error = Invalid("Service", "web", every)
    assert error.causes == tuple(every[:CAUSES_MAX])
    assert error.message.endswith(f"f{CAUSES_MAX - 1}: no, and 7 more]")


def test_a_violation_is_prefixed_with_its_document() -> None:
    assert FIRST.under("documents[3].").field == "documents[3].spec.ports"


def test_a_refusal_names_its_object() -> None:
    conflict = Conflict("moved on")
    assert conflict.about("services", "web") is conflict
    assert (conflict.kind, conflict.name, conflict.causes) == ("services", "web", ())


def test_an_expired_list_may_have_a_token_and_an_expired_watch_has_none() -> None:
    following = "page 2"
    assert Expired("too old", token=following).token == following
    assert not Expired("too old").token
