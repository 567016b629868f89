"""Impersonation: every shared case, and how headers are read."""

import pytest

from app.domain.access.impersonation import impersonated, parse_impersonation
from app.domain.access.refusals import Refused
from tests.domain.access.vectors import Case, a_state, a_user, cases_of


@pytest.mark.parametrize("case", cases_of("impersonate"), ids=lambda case: case["id"])
def test_the_shared_cases_are_decided_as_by_kubernetes(case: Case) -> None:
    wish = parse_impersonation((name, value) for name, value in case["request"]["headers"])
    assert wish is not None
    found = impersonated(a_state(case["objects"]), a_user(case), wish)
    if isinstance(found, Refused):
        assert (case["expect"]["code"], case["expect"]["message"]) == (403, found.message)
        return
    shown = {
        "name": found.name,
        "uid": found.uid,
        "groups": list(found.groups),
        "extra": {key: list(values) for key, values in found.extra.items()},
    }
    assert {key: value for key, value in shown.items() if value} == case["expect"]["user"]
