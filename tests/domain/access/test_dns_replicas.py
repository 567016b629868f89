"""DNS replicas: they write the Pods of DNS processes, and no others."""

from dataclasses import replace

import pytest

from app.domain.access.attributes import Attributes
from app.domain.access.decision import Allowed, authorize
from app.domain.access.default_roles import default_roles
from app.domain.access.dns_replicas import USER_NAME
from app.domain.access.refusals import Refused
from app.domain.access.subjects import AUTHENTICATED, User, service_account_groups
from app.domain.errors import Forbidden
from app.domain.names import Revision
from app.domain.objects.pod import POD, Pod
from app.domain.registration.strategies import strategy_for
from app.domain.snapshot import load
from app.registry.leases.self_registration import dns_pod
from tests.builders import a_cluster_role_binding, a_pod, a_subject

REPLICA = User(name=USER_NAME, groups=(*service_account_groups("kube-system"), AUTHENTICATED))
STATE = load([*default_roles()], revision=Revision(1))
# An operator may grant too much; the restriction holds all the same.
GENEROUS = load(
    [
        *default_roles(),
        a_cluster_role_binding(a_subject(USER_NAME), name="generous", role="cluster-admin"),
    ],
    revision=Revision(1),
)
OWN = dns_pod("host", ("192.0.2.1",), dns_port=1053, api_port=8054)


def asked(verb: str, name: str = "", namespace: str = "kube-system", sub: str = "") -> Attributes:
    return Attributes(verb=verb, resource="pods", subresource=sub, namespace=namespace, name=name)


@pytest.mark.parametrize("state", [STATE, GENEROUS], ids=["default", "generous"])
@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "get"])
def test_a_replica_registers_and_removes_itself(state: object, verb: str) -> None:
    name = "" if verb == "create" else OWN.metadata.name
    found = authorize(STATE if state is STATE else GENEROUS, REPLICA, asked(verb, name))
    assert isinstance(found, Allowed)
    beat = asked("create", OWN.metadata.name, sub="heartbeat")
    assert isinstance(authorize(STATE, REPLICA, beat), Allowed)


@pytest.mark.parametrize(
    ("name", "namespace"),
    [("web-1", "kube-system"), ("waypost-dns-x", "prod"), ("dns-waypost-dns-", "kube-system")],
)
@pytest.mark.parametrize("verb", ["update", "patch", "delete"])
def test_other_pods_are_refused_whatever_is_granted(name: str, namespace: str, verb: str) -> None:
    decision = authorize(GENEROUS, REPLICA, asked(verb, name, namespace))
    assert isinstance(decision, Refused)
    assert decision.message == (
        f'pods "{name}" is forbidden: user "{USER_NAME}" can only write pods named waypost-dns-* '
        "in namespace kube-system with label k8s-app=kube-dns"
    )


def test_a_new_pod_in_another_namespace_is_refused() -> None:
    assert isinstance(authorize(GENEROUS, REPLICA, asked("create", "", "prod")), Refused)
    assert isinstance(authorize(STATE, REPLICA, asked("create", "", "prod")), Refused)


def test_what_a_replica_follows_it_may_watch() -> None:
    groups = {"services": "", "endpointslices": "discovery.k8s.io", "namespaces": "", "pods": ""}
    for resource, group in groups.items():
        follow = Attributes(verb="watch", api_group=group, resource=resource)
        assert isinstance(authorize(STATE, REPLICA, follow), Allowed)
    assert isinstance(authorize(STATE, REPLICA, Attributes(verb="get", path="/resolve")), Allowed)
    assert isinstance(
        authorize(STATE, REPLICA, Attributes(verb="watch", resource="nodes")), Refused
    )


def test_what_is_no_pod_is_left_to_the_roles_of_the_replica() -> None:
    write = Attributes(verb="create", resource="services", namespace="kube-system")
    assert isinstance(authorize(GENEROUS, REPLICA, write), Allowed)
    assert isinstance(authorize(STATE, REPLICA, write), Refused)


def refusal_of(pod: Pod, user: User = REPLICA) -> str:
    try:
        strategy_for(POD).authorize_write(STATE, user, None, pod)
    except Forbidden as refusal:
        return refusal.message
    return ""


def test_the_body_must_be_a_dns_process() -> None:
    meta = OWN.metadata
    assert refusal_of(OWN) == ""
    assert (
        refusal_of(replace(OWN, metadata=replace(meta, name="", generate_name="waypost-dns-")))
        == ""
    )
    for wrong in (
        replace(meta, name="web-1"),
        replace(meta, namespace="prod"),
        replace(meta, labels={}),
        replace(meta, labels={"k8s-app": "other"}),
    ):
        assert "can only write pods named waypost-dns-*" in refusal_of(replace(OWN, metadata=wrong))
    assert refusal_of(a_pod(), User(name="alice")) == ""
