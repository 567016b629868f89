"""Agents of nodes: every shared case, and what no agent may do."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.domain.access.decision import authorize
from app.domain.access.refusals import Refused
from app.domain.errors import Forbidden
from app.domain.names import NamespacedName
from app.domain.objects.resource import Object
from app.domain.registration.strategies import strategy_of
from app.domain.resources import RESOURCES
from app.schemas.objects.codec import decode_object, encode_object
from app.schemas.patches.strategic_merge import strategic_merge
from tests.builders import a_node
from tests.domain.access.vectors import Case, a_state, a_user, attributes_of, cases_of

KINDS = {resource.plural: resource for resource in RESOURCES}


def outcome(case: Case) -> Refused | None:
    """What becomes of a request: its decision, then what its body would change."""
    request, user = case["request"], a_user(case)
    snapshot = a_state(case["objects"], a_node("n1"), a_node("n2"))
    attributes = attributes_of(request)
    decision = authorize(snapshot, user, attributes)
    if isinstance(decision, Refused) or "body" not in request:
        return decision if isinstance(decision, Refused) else None
    kind = KINDS[request["resource"]]
    current = snapshot.of(kind).get(NamespacedName(attributes.namespace, attributes.name))
    desired = written(current, kind.name, request)
    try:
        strategy_of(desired).authorize_write(snapshot, user, current, desired)
    except Forbidden as refusal:
        return Refused(message=refusal.message, resource=refusal.kind, name=refusal.name)
    return None


def written(current: Object | None, kind: str, request: Mapping[str, Any]) -> Object:
    """The object that a create, an update or a patch would store, before defaults."""
    if current is None or request["verb"] != "patch":
        return decode_object(request["body"], kind).object
    wire = strategic_merge(kind, encode_object(current), request["body"])
    patched = decode_object(wire).object
    meta = replace(patched.metadata, resource_version="")
    return replace(patched, metadata=meta)


@pytest.mark.parametrize("case", cases_of("node"), ids=lambda case: case["id"])
def test_the_shared_cases_are_decided_as_by_kubernetes(case: Case) -> None:
    refusal = outcome(case)
    assert (refusal is None) == case["expect"]["allowed"]
    if "message" in case["expect"]:
        assert refusal is not None
        assert refusal.message == case["expect"]["message"]
