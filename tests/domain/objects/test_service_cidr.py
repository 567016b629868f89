"""Ranges of cluster addresses: from which ones addresses are allocated."""

from dataclasses import replace

import pytest

from app.domain.objects.meta import Condition
from tests.builders import NOON, a_condition, a_service_cidr


@pytest.mark.parametrize(
    ("conditions", "is_ready"),
    [
        ((), True),
        ((a_condition("Ready"),), True),
        ((a_condition("Ready", "Unknown"),), True),
        ((a_condition("Ready", "False"),), False),
        ((a_condition("Other", "False"),), True),
    ],
)
def test_a_range_is_ready_unless_its_condition_says_otherwise(
    conditions: tuple[Condition, ...], *, is_ready: bool
) -> None:
    assert replace(a_service_cidr(), conditions=conditions).is_ready == is_ready


def test_a_range_that_is_being_removed_is_not_ready() -> None:
    served = a_service_cidr()
    leaving = replace(served, metadata=replace(served.metadata, deleted_at=NOON))
    assert not leaving.is_ready
