"""What an agent reads by hand is what the models of the wire read."""

import json
from collections.abc import Callable
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from app.agent.modes.node_texts import NodeText, read_changes, read_whole
from app.domain.dataplane.rules.health_checks import HealthCheckChange, HealthCheckNodePort
from app.domain.names import NamespacedName
from app.schemas.objects.metadata import parse_revision
from app.schemas.rules import models
from app.schemas.rules.health_checks import encode_health_check_changes, encode_health_checks
from app.schemas.rules.operations import NftablesRulesChanges
from waypost.client.errors import Misbehaved

NAMES = st.text("abc", min_size=1, max_size=3)
SERVICES = st.builds(NamespacedName, NAMES, NAMES)
CHECKS = st.builds(
    HealthCheckNodePort,
    st.integers(1, 65_535),
    st.integers(0, 9),
    st.lists(st.sampled_from(["0.0.0.0", "::", "192.0.2.1"]), max_size=2).map(tuple),  # noqa: S104
)
SHARED = st.fixed_dictionaries(
    {
        "node": st.just("n1"),
        "resourceVersion": st.integers(0, 10**17).map(str),
        "nodeEligible": st.booleans(),
        "text": st.text(max_size=9),
    }
)
WHOLES = st.tuples(SHARED, st.dictionaries(SERVICES, CHECKS, max_size=3)).map(
    lambda drawn: {
        "kind": "NodeText",
        **drawn[0],
        "healthCheckNodePorts": encode_health_checks(drawn[1]),
    }
)
CHANGES = st.tuples(
    SHARED, st.lists(st.builds(HealthCheckChange, SERVICES, st.none() | CHECKS), max_size=3)
).map(
    lambda drawn: {
        "kind": "NodeTextChanges",
        "since": "1",
        **drawn[0],
        "healthCheckNodePorts": encode_health_check_changes(drawn[1]),
    }
)


def of_model(found: models.NftablesRules | NftablesRulesChanges) -> NodeText:
    revision = parse_revision(found.resource_version)
    return NodeText(revision, found.text, found.health_check_node_ports, found.node_eligible)


@given(WHOLES)
def test_a_whole_is_what_its_model_reads(document: dict[str, object]) -> None:
    body = json.dumps(document).encode()
    assert read_whole(body) == of_model(models.NftablesRules.model_validate_json(body))


@given(CHANGES)
def test_changes_are_what_their_model_reads(document: dict[str, object]) -> None:
    body = json.dumps(document).encode()
    assert read_changes(body) == of_model(NftablesRulesChanges.model_validate_json(body))


WRONG = st.sampled_from([None, 1, -1, 70_000, True, "x", [], [1], {}, {"name": "x"}])
Read = Callable[[bytes], NodeText]


@given(document=WHOLES | CHANGES, data=st.data())
def test_a_damaged_document_is_refused_or_is_what_its_model_reads(
    document: dict[str, object], data: st.DataObject
) -> None:
    checks = cast("list[dict[str, object]]", document["healthCheckNodePorts"])
    damaged = data.draw(st.sampled_from([document, *checks]))
    name = data.draw(st.sampled_from(sorted({*damaged} - {"node", "since"})))
    damaged[name] = data.draw(WRONG)
    body = json.dumps(document).encode()
    is_whole = "since" not in document
    model = models.NftablesRules if is_whole else NftablesRulesChanges
    read: Read = read_whole if is_whole else read_changes
    try:
        found = read(body)
    except Misbehaved:
        return  # the model takes 1 for true
    assert found == of_model(model.model_validate_json(body))
