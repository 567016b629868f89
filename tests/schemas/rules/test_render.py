"""A request for rules is read object by object, and answered as the whole state would be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.errors import BadRequest
from app.domain.names import REVISION_ZERO
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.node import Node
from app.domain.objects.service import Service
from app.domain.snapshot import load
from app.schemas.objects.codec import encode_object
from app.schemas.rules.render import decode_rendering, read_request
from tests.rules_strategies import addressed_nodes, proxied_services, proxied_slices


def a_request(node: Node, services: list[Service], slices: list[EndpointSlice]) -> dict[str, Any]:
    return {
        "node": encode_object(node),
        "services": [encode_object(each) for each in services],
        "endpointSlices": [encode_object(each) for each in slices],
    }


@given(
    addressed_nodes(),
    st.lists(proxied_services(), max_size=4, unique_by=lambda each: each.metadata.key),
    st.lists(proxied_slices(), max_size=4, unique_by=lambda each: each.metadata.key),
)
def test_the_rules_are_those_of_a_snapshot_with_every_term(
    node: Node, services: list[Service], slices: list[EndpointSlice]
) -> None:
    rendering = decode_rendering(read_request(a_request(node, services, slices)))
    whole = load([*rendering.services, *rendering.slices], revision=REVISION_ZERO)
    assert len(rendering.services) == len(services)
    assert rendering.rules() == node_rules(whole, rendering.node, RulesConfig())


PORTS = [{"port": 80}]


@pytest.mark.parametrize(
    ("services", "slices", "fields"),
    [
        ([{"spec": 1}], [], ["services[0].spec"]),
        (
            [{"spec": {"ports": PORTS}}, {"spec": {"ports": [{"port": "x"}]}}],
            [{"endpoints": 7}],
            ["services[1].spec.ports[0].port", "endpointSlices[0].endpoints"],
        ),
        ([7], {}, ["services[0]", "endpointSlices"]),
    ],
)
def test_wrong_types_are_named_by_their_place_in_the_request(
    services: object, slices: object, fields: list[str]
) -> None:
    document: dict[str, object] = {"node": {}, "services": services, "endpointSlices": slices}
    with pytest.raises(BadRequest) as refused:
        read_request(document)
    assert [cause.field for cause in refused.value.causes] == fields
