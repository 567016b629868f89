"""Rules for Namespaces."""

from typing import Any

import pytest

from app.domain.objects.meta import Condition
from app.domain.registration import namespaces
from tests.builders import a_namespace
from tests.domain.registration.core import reasons

ODD_CONDITION = (Condition(type="", status="yes"),)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"name": "a.b"}, [("metadata.name", "Invalid")]),
        ({"finalizers": ("kubernetes", "a b")}, [("spec.finalizers", "Invalid")]),
        ({"phase": "Gone", "conditions": ODD_CONDITION}, []),
    ],
)
def test_a_namespace_is_checked(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert reasons(namespaces.STRATEGY.violations(None, a_namespace(**fields))) == expected


def test_a_namespace_keeps_its_name() -> None:
    assert not namespaces.STRATEGY.violations(a_namespace(), a_namespace(phase="Terminating"))
    assert reasons(namespaces.STRATEGY.violations(a_namespace(), a_namespace("other"))) == [
        ("metadata.name", "Invalid")
    ]
