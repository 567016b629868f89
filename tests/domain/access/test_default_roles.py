"""The built-in roles: every shared case, and how stored ones are brought up to them."""

import pytest

from app.domain.access.decision import Allowed, authorize
from app.domain.access.default_roles import default_roles
from tests.domain.access.vectors import Case, a_state, a_user, attributes_of, cases_of


def a_binding_of(case: Case) -> dict[str, object]:
    """The role of a case, bound to its user in its namespace."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"namespace": case["boundIn"], "name": "bound"},
        "roleRef": {"kind": "ClusterRole", "name": case["role"]},
        "subjects": [{"kind": "User", "name": case["user"]["name"]}],
    }


@pytest.mark.parametrize("case", cases_of("default-role"), ids=lambda case: case["id"])
def test_the_shared_cases_are_allowed_by_the_built_in_roles(case: Case) -> None:
    snapshot = a_state([a_binding_of(case)], *default_roles())
    decision = authorize(snapshot, a_user(case), attributes_of(case["request"]))
    assert isinstance(decision, Allowed) == case["expect"]["allowed"]
