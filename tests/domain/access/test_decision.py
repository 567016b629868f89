"""Decisions: every shared case, and what holds for any user and state."""

import pytest

from app.domain.access.decision import Allowed, authorize
from tests.domain.access.vectors import Case, a_state, a_user, attributes_of, cases_of


@pytest.mark.parametrize("case", cases_of("authorize"), ids=lambda case: case["id"])
def test_the_shared_cases_are_decided_as_by_kubernetes(case: Case) -> None:
    decision = authorize(a_state(case["objects"]), a_user(case), attributes_of(case["request"]))
    assert isinstance(decision, Allowed) == case["expect"]["allowed"]
    assert getattr(decision, "message", None) == case["expect"].get("message")
