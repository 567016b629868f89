"""Escalation: every shared case, and what may be granted by whom."""

from typing import cast

import pytest

from app.domain.access.subjects import User
from app.domain.errors import DomainError, Forbidden, NotFound
from app.domain.objects.resource import Object
from app.domain.registration.strategies import strategy_of
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot
from tests.domain.access.vectors import Case, a_state, a_user, cases_of, decoded


def refusal_of(
    snapshot: Snapshot, user: User, current: Object | None, desired: Object
) -> DomainError | None:
    try:
        strategy_of(desired).authorize_write(snapshot, user, current, desired)
    except DomainError as refusal:
        return refusal
    return None


@pytest.mark.parametrize("case", cases_of("escalation"), ids=lambda case: case["id"])
def test_the_shared_cases_are_refused_as_by_kubernetes(case: Case) -> None:
    snapshot, desired = a_state(case["objects"]), decoded(case["request"]["object"])
    held = snapshot.of(resource_of(desired)).get(desired.metadata.key)
    current = None if case["request"]["method"] == "POST" else cast("Object", held)
    refusal = refusal_of(snapshot, a_user(case), current, desired)
    assert (refusal is None) == case["expect"]["allowed"]
    if refusal is not None:
        assert refusal.message == case["expect"]["message"]
        assert type(refusal) is {403: Forbidden, 404: NotFound}[case["expect"]["code"]]
