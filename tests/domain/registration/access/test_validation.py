"""Validation of roles and bindings: every shared case."""

from collections import Counter

import pytest

from app.domain.registration.strategies import strategy_of
from tests.domain.access.vectors import Case, cases_of, decoded


@pytest.mark.parametrize("case", cases_of("validate"), ids=lambda case: case["id"])
def test_the_shared_cases_have_kubernetes_violations(case: Case) -> None:
    draft = decoded(case["object"])
    strategy = strategy_of(draft)
    if "old" in case:
        found = strategy.validate_update(decoded(case["old"]), draft)
    else:
        found = strategy.validate(draft)
    assert Counter((each.field, each.reason.value) for each in found) == Counter(
        (each["field"], each["reason"]) for each in case["expect"]["errors"]
    )
