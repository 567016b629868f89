"""Kinds: their API groups and names."""

import pytest

from app.domain.objects.resource import Object as Registered
from app.domain.resources import RESOURCES, WATCHED_BY_DEFAULT, resource_of
from tests.builders import (
    a_cluster_role,
    a_cluster_role_binding,
    a_namespace,
    a_node,
    a_pod,
    a_role,
    a_role_binding,
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
    a_role(),
    a_cluster_role(),
    a_role_binding(),
    a_cluster_role_binding(),
]
NETWORK = {"Namespace", "Node", "ServiceCIDR", "Service", "Pod", "EndpointSlice"}


def test_core_kinds_have_no_group_and_the_others_have_their_own() -> None:
    groups = {kind.name: kind.group for kind in RESOURCES}
    assert (groups["Service"], groups["EndpointSlice"]) == ("", "discovery.k8s.io")


def test_a_watch_that_names_no_kinds_has_those_of_the_network() -> None:
    rbac = {kind.name for kind in RESOURCES if kind.group == "rbac.authorization.k8s.io"}
    assert len(rbac) == 4
    assert not rbac & WATCHED_BY_DEFAULT
    assert NETWORK <= WATCHED_BY_DEFAULT


def test_roles_are_written_before_what_refers_to_them_and_before_the_network() -> None:
    order = [kind.name for kind in RESOURCES]
    rbac = ["ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding"]
    assert order[: order.index("Namespace") + 1 + len(rbac)] == ["Namespace", *rbac]


@pytest.mark.parametrize("registered", OBJECTS, ids=lambda each: type(each).__name__)
def test_every_object_is_of_the_kind_named_like_its_class(registered: Registered) -> None:
    assert resource_of(registered).name == type(registered).__name__
