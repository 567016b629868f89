"""Containers become Services and Pods: the same for any order, and one bad one hinders no other."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.names import NamespacedName, label_problems, subdomain_problems
from app.registrar.docker.containers import Container, Health
from app.registrar.docker.desired import (
    DIGEST,
    Desired,
    Place,
    addresses_of,
    desired_of,
    label_of,
)
from app.registrar.docker.ports import Unregistrable, ports_of

PLACE = Place(registrar="m1", addresses=("192.0.2.1",))
WEB = NamespacedName("default", "web")


def container(name: str = "web-1", **changes: Any) -> Container:  # noqa: ANN401  fields
    given: dict[str, Any] = {
        "id": f"id-{name}",
        "name": name,
        "labels": {"waypost.service": "web", "waypost.port": "80:8080"},
        "networks": {"net": ("10.0.0.5",)},
    }
    return Container(**{**given, **changes})


def composed(name: str, project: str, service: str, **labels: str) -> Container:
    own = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    return container(name, labels={**own, **labels})


def desired(*containers: Container, stopping: frozenset[str] = frozenset()) -> Desired:
    return desired_of(containers, stopping, PLACE)


def ready(pod: dict[str, Any]) -> str:
    (condition,) = pod["status"]["conditions"]
    return str(condition["status"])


def test_a_container_becomes_a_pod_of_a_service() -> None:
    found = desired(container())
    service, pod = found.services[WEB], found.pods[NamespacedName("default", "web-1.m1")]
    assert service["spec"] == {
        "selector": {"waypost/service": "web"},
        "ports": [{"port": 80, "targetPort": "tcp", "protocol": "TCP"}],
    }
    assert pod["metadata"]["labels"] == {"waypost/service": "web", "waypost/registrar": "m1"}
    assert pod["spec"] == {
        "leaseDurationSeconds": 15,
        "containers": [
            {
                "name": "container",
                "ports": [{"name": "tcp", "containerPort": 8080, "protocol": "TCP"}],
            }
        ],
    }
    assert pod["status"]["podIPs"] == [{"ip": "10.0.0.5"}]
    assert found.problems == ()


def test_replicas_are_pods_of_one_service() -> None:
    found = desired(container("web-1"), container("web-2"), container("web-3"))
    assert [*found.services] == [WEB]
    assert [key.name for key in found.pods] == ["web-1.m1", "web-2.m1", "web-3.m1"]


def test_a_service_of_compose_has_its_name() -> None:
    found = desired(composed("shop-data_base-1", "shop", "data_base"))
    (key,) = found.services
    assert key.name == "data-base"
    assert [pod["metadata"]["labels"]["waypost/service"] for pod in found.pods.values()] == [
        key.name
    ]


def test_services_of_two_projects_with_one_name_are_not_mixed() -> None:
    found = desired(composed("a-db-1", "a", "db"), composed("b-db-1", "b", "db"))
    assert [key.name for key in found.pods] == ["a-db-1.m1"]
    (problem,) = found.problems
    assert "container b-db-1" in problem
    assert "waypost.service" in problem
    apart = desired(
        composed("a-db-1", "a", "db"),
        composed("b-db-1", "b", "db", **{"waypost.namespace": "b"}),
    )
    assert len(apart.services) == 2


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"waypost.port": "80"},
        {"waypost.service": ""},
        {"com.docker.compose.service": "web", "waypost.service": ""},
        {"com.docker.compose.service": "web", "com.docker.compose.oneoff": "True"},
    ],
    ids=str,
)
def test_what_is_not_to_be_followed_is_not_registered(labels: dict[str, str]) -> None:
    assert desired(container(labels=labels)) == Desired()


@pytest.mark.parametrize(
    ("health", "is_paused", "status"),
    [
        (Health.NONE, False, "True"),
        (Health.HEALTHY, False, "True"),
        (Health.STARTING, False, "False"),
        (Health.UNHEALTHY, False, "False"),
        (Health.HEALTHY, True, "False"),
    ],
)
def test_the_health_check_says_whether_it_is_ready(
    health: Health,
    is_paused: bool,  # noqa: FBT001  a parameter of the table
    status: str,
) -> None:
    (pod,) = desired(container(health=health, is_paused=is_paused)).pods.values()
    assert ready(pod) == status


def test_one_that_stops_terminates_for_as_long_as_it_may_take() -> None:
    found = desired(container(stop_s=30), stopping=frozenset({"id-web-1"}))
    assert found.terminating == {NamespacedName("default", "web-1.m1"): 35}
    assert found.pods, "it serves until it has ended"


def test_one_that_does_not_run_is_not_registered() -> None:
    assert desired(container(is_running=False)) == Desired()


NETWORKS = {"a": ("10.1.0.2",), "b": ("10.2.0.2", "fd00::2"), "c": ("10.3.0.2",)}


@pytest.mark.parametrize(
    ("labels", "preferred", "addresses"),
    [
        ({}, (), ("10.1.0.2",)),
        ({}, ("b",), ("10.2.0.2", "fd00::2")),
        ({}, ("none", "c", "b"), ("10.3.0.2",)),
        ({"waypost.network": "b"}, ("c",), ("10.2.0.2", "fd00::2")),
    ],
    ids=str,
)
def test_a_network_is_chosen(
    labels: dict[str, str], preferred: tuple[str, ...], addresses: tuple[str, ...]
) -> None:
    place = Place(registrar="m1", networks=preferred)
    assert addresses_of(container(labels=labels, networks=NETWORKS), place) == addresses


def test_both_families_make_a_dual_stack_pod() -> None:
    (pod,) = desired(container(networks={"b": NETWORKS["b"]})).pods.values()
    assert pod["status"]["podIPs"] == [{"ip": "10.2.0.2"}, {"ip": "fd00::2"}]


def test_the_machine_s_network_has_the_machine_s_address() -> None:
    assert addresses_of(container(is_in_host_network=True), PLACE) == ("192.0.2.1",)
    with pytest.raises(Unregistrable, match="--address is not given"):
        addresses_of(container(is_in_host_network=True), Place(registrar="m1"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"networks": {}}, "no address in any network"),
        ({"labels": {"waypost.service": "Web"}}, "'Web' is no name"),
        ({"labels": {"waypost.service": "1web"}}, "must begin with a letter"),
        ({"labels": {"waypost.service": "web", "waypost.port": "0"}}, "no port from 1 to 65535"),
        ({"labels": {"waypost.service": "web", "waypost.port": "a b=1"}}, "is no port such as"),
        ({"labels": {"waypost.service": "web", "waypost.port": "1/x"}}, "is no port such as"),
        ({"labels": {"waypost.service": "web", "waypost.port": "1,1"}}, "two of its ports"),
        ({"labels": {"waypost.service": "web", "waypost.labels": "a"}}, "is no label"),
        ({"labels": {"waypost.service": "web", "waypost.network": "x"}}, "it has in: net"),
        ({"labels": {"waypost.service": "web", "waypost.namespace": "A"}}, "'A' is no name"),
    ],
    ids=str,
)
def test_one_that_cannot_be_registered_is_told_and_hinders_no_other(
    changes: dict[str, Any], words: str
) -> None:
    found = desired(container("bad", **changes), container("good"))
    assert [key.name for key in found.pods] == ["good.m1"]
    (problem,) = found.problems
    assert problem.startswith("container bad: ")
    assert words in problem


@pytest.mark.parametrize(
    ("label", "exposed", "found"),
    [
        ("", (), []),
        ("", ("8080/tcp",), [("", 8080, 8080, "tcp", "tcp")]),
        ("81", ("8080/tcp",), [("", 81, 81, "tcp", "tcp")]),
        ("http=80:8080", (), [("http", 80, 8080, "tcp", "http")]),
        (
            "",
            ("53/tcp", "53/udp"),
            [("tcp-53", 53, 53, "tcp", "tcp-53"), ("udp-53", 53, 53, "udp", "udp-53")],
        ),
        (
            "http=80, dns=53:1053/udp",
            (),
            [("http", 80, 80, "tcp", "http"), ("dns", 53, 1053, "udp", "dns")],
        ),
    ],
    ids=str,
)
def test_ports_are_those_of_the_label_or_those_exposed(
    label: str, exposed: tuple[str, ...], found: list[tuple[str, int, int, str, str]]
) -> None:
    ports = ports_of(container(labels={"waypost.port": label}, exposed=exposed))
    assert [
        (each.name, each.number, each.target, each.protocol, each.target_name) for each in ports
    ] == found


def test_a_service_without_ports_is_headless() -> None:
    found = desired(container(labels={"waypost.service": "web"}))
    assert found.services[WEB]["spec"]["clusterIP"] == "None"


NAMES = st.text(max_size=300)


@given(NAMES)
def test_any_name_becomes_a_label(name: str) -> None:
    assert not label_problems(label_of(name))


@given(NAMES, NAMES)
def test_labels_tell_names_apart(first: str, second: str) -> None:
    assert (label_of(first) == label_of(second)) == (first == second)


CONTAINERS = st.lists(
    st.builds(
        container,
        st.text("ab_-.", min_size=1, max_size=8),
        labels=st.fixed_dictionaries(
            {},
            optional={
                "waypost.service": st.sampled_from(["web", "db", "", "No"]),
                "waypost.port": st.sampled_from(["80", "http=80", "80,81", "x"]),
                "com.docker.compose.project": st.sampled_from(["p", "q"]),
                "com.docker.compose.service": st.sampled_from(["web", "d_b"]),
            },
        ),
        networks=st.sampled_from([{}, {"a": ("10.0.0.1",)}, {"b": ("10.0.0.2", "fd00::1")}]),
        health=st.sampled_from(Health),
        is_running=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda each: each.name,
)


@given(CONTAINERS, st.randoms(use_true_random=False))
def test_the_order_of_containers_is_irrelevant(containers: list[Container], random: Random) -> None:
    shuffled = [*containers]
    random.shuffle(shuffled)
    assert desired(*containers) == desired(*shuffled)


@given(CONTAINERS)
def test_every_pod_has_a_legal_name_and_a_service_that_selects_it(
    containers: list[Container],
) -> None:
    found = desired(*containers)
    for key, pod in found.pods.items():
        assert not subdomain_problems(key.name)
        service = NamespacedName(key.namespace, pod["metadata"]["labels"]["waypost/service"])
        assert service in found.services
    assert len(found.pods) + len(found.problems) <= len(containers)


@given(CONTAINERS, CONTAINERS)
def test_digests_are_equal_where_manifests_are(
    first: list[Container], second: list[Container]
) -> None:
    for key, pod in desired(*first).pods.items():
        other = desired(*second).pods.get(key)
        if other is not None:
            digests = [each["metadata"]["annotations"][DIGEST] for each in (pod, other)]
            assert (digests[0] == digests[1]) == (pod == other)
