"""Finalizers: those of a cluster's own controllers do not count, all others do."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.objects.resource import Object
from app.domain.objects.service_cidr import FINALIZER
from app.domain.registration.finalizers import is_of_cluster, lasting_finalizers
from tests.builders import a_node, a_pod, a_service, a_service_cidr

LOAD_BALANCER = "service.kubernetes.io/load-balancer-cleanup"
OWN = "example.com/hold"

labels = st.from_regex(r"[a-z]([a-z0-9]{0,5}[a-z0-9])?", fullmatch=True)


def held_by(registered: Object, *finalizers: str) -> tuple[str, ...]:
    meta = replace(registered.metadata, finalizers=finalizers)
    return lasting_finalizers(replace(registered, metadata=meta))


@pytest.mark.parametrize(
    "name",
    [
        LOAD_BALANCER,
        "batch.kubernetes.io/job-tracking",
        "kubernetes.io/pvc-protection",
        "kueue.x-k8s.io/managed",
        "foregroundDeletion",
        "orphan",
        "kubernetes",
        "karpenter.sh/termination",
        "service.k8s.aws/resources",
        "service.k8s.alibaba/resources",
        "gke.networking.io/l4-netlb-v1",
        "networking.gke.io/l4-ilb-v1",
        "svccontroller.k3s.cattle.io/daemonset",
    ],
)
def test_finalizers_of_controllers_in_clusters_are_known(name: str) -> None:
    assert is_of_cluster(name)


@pytest.mark.parametrize(
    "name",
    [
        OWN,
        "kubernetes.io.example.com/hold",
        "mykubernetes.io/hold",
        "example.com/kubernetes.io",
        "io/hold",
        "hold",
        "",
    ],
)
def test_finalizers_of_users_are_left_alone(name: str) -> None:
    assert not is_of_cluster(name)


@given(st.lists(labels, min_size=1, max_size=3), labels)
def test_a_users_domain_is_never_taken_for_a_clusters(parts: list[str], name: str) -> None:
    assert not is_of_cluster(f"{'.'.join(parts)}.example.com/{name}")


@given(st.lists(labels, max_size=3), labels)
def test_subdomains_of_a_clusters_domain_count_as_well(parts: list[str], name: str) -> None:
    assert is_of_cluster(f"{'.'.join([*parts, 'kubernetes.io'])}/{name}")


@pytest.mark.parametrize("registered", [a_service(), a_pod(), a_node()])
def test_only_finalizers_of_users_count_in_their_order(
    registered: Object,
) -> None:
    assert held_by(registered, OWN, LOAD_BALANCER, "a", FINALIZER) == (OWN, "a")
    assert held_by(registered, LOAD_BALANCER) == ()


def test_the_registrys_own_finalizer_counts_for_a_range() -> None:
    assert held_by(a_service_cidr(), FINALIZER, LOAD_BALANCER) == (FINALIZER,)
