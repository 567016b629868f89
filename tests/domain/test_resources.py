"""Kinds: their API groups and names."""

import pytest

from app.domain.objects.resource import Object as Registered
from app.domain.resources import RESOURCES, resource_of
from tests.builders import (
    a_namespace,
    a_node,
    a_pod,
    a_service,
    a_service_cidr,
    an_endpoint_slice,
)

OBJECTS = [
    a_namespace(),
    a_node(),
    a_pod(),
    a_service(),
    a_service_cidr(),
    an_endpoint_slice(),
]


def test_core_kinds_have_no_group_and_the_others_have_their_own() -> None:
    groups = {kind.name: kind.group for kind in RESOURCES}
    assert (groups["Service"], groups["EndpointSlice"]) == ("", "discovery.k8s.io")


@pytest.mark.parametrize("registered", OBJECTS, ids=lambda each: type(each).__name__)
def test_every_object_is_of_the_kind_named_like_its_class(registered: Registered) -> None:
    assert resource_of(registered).name == type(registered).__name__
