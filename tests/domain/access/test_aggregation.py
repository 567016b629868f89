"""Aggregation: the shared cases, and chains and circles of aggregates."""

from dataclasses import replace

import pytest

from app.domain.access.aggregation import effective_rules
from app.domain.names import NamespacedName
from app.domain.objects.role import CLUSTER_ROLE
from app.schemas.objects.access.roles import encode_cluster_role
from tests.domain.access.vectors import Case, a_state, cases_of


@pytest.mark.parametrize("case", cases_of("aggregate"), ids=lambda case: case["id"])
def test_the_shared_cases_have_the_rules_of_others(case: Case) -> None:
    roles = a_state(case["objects"]).of(CLUSTER_ROLE)
    role = roles[NamespacedName("", case["name"])]
    shown = replace(role, rules=effective_rules(roles, role))
    assert encode_cluster_role(shown)["rules"] == case["expect"]["rules"]
