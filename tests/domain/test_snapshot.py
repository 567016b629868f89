"""The snapshot: applying changes equals loading, and its index is complete."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import IPFamily, canonical, parse_address
from app.domain.changes import Change
from app.domain.labels import Requirement
from app.domain.names import NamespacedName, Revision
from app.domain.objects.resource import Object
from app.domain.objects.service import (
    MASS_FAILURE_GUARD,
    TOPOLOGY_MODE_ANNOTATION,
    LoadBalancerIngress,
    Service,
    ServicePort,
)
from app.domain.occupied import Occupied
from app.domain.resources import RESOURCES
from app.domain.snapshot import Snapshot, load, terms_of
from tests.builders import (
    NOON,
    a_condition,
    a_headless_service,
    a_namespace,
    a_node,
    a_pod,
    a_service,
    a_service_cidr,
    an_endpoint,
    an_endpoint_slice,
    key,
)
from tests.strategies import addressed_services, histories, pods

IPV4_BITS, PORT_BITS = 32, 16


def every_object(snapshot: Snapshot) -> list[Object]:
    return [found for kind in RESOURCES for found in snapshot.of(kind).values()]


def loaded(*objects: Object) -> Snapshot:
    return load(objects, revision=Revision(1))


def test_each_kind_is_in_its_own_map() -> None:
    snapshot = loaded(a_service(), a_pod(), a_node(), a_service_cidr(), an_endpoint_slice())

    assert list(snapshot.services) == [key("web")]
    assert list(snapshot.nodes) == [NamespacedName("", "n1")]
    assert {kind.name for kind in RESOURCES if len(snapshot.of(kind)) == 1} == {
        "EndpointSlice",
        "Node",
        "Pod",
        "Service",
        "ServiceCIDR",
    }


def test_keys_in_a_namespace_are_sorted_and_of_no_other() -> None:
    snapshot = loaded(a_pod("b"), a_pod("a"), a_pod("c", "shop"))

    assert snapshot.keys_in("Pod", "default") == [key("a"), key("b")]
    assert snapshot.keys_in("Pod", "nowhere") == []


def test_a_pod_is_found_by_its_address_in_any_spelling() -> None:
    pod = a_pod(pod_ips=("010.244.000.001", "FD00:1::1"))
    snapshot = loaded(pod, a_pod("other", pod_ips=("10.244.0.2",)))

    assert snapshot.pods_with("10.244.0.1") == (pod,)
    assert snapshot.pods_with("fd00:1::1") == (pod,)
    assert snapshot.pods_with("10.244.0.9") == ()


def test_a_service_is_found_by_cluster_address_and_by_node_port() -> None:
    service = a_service(
        type="NodePort",
        ports=(ServicePort(port=80, node_port=30_080),),
        health_check_node_port=30_999,
    )
    snapshot = loaded(service, a_headless_service())

    assert snapshot.service_at("10.96.0.20") == service
    assert snapshot.service_at("10.96.0.21") is None
    assert snapshot.service_on_port(30_080) == snapshot.service_on_port(30_999) == service
    assert snapshot.service_on_port(30_081) is None


def test_an_object_is_found_by_its_labels_and_when_it_is_being_removed() -> None:
    pod = a_pod(deleted_at=NOON)
    snapshot = loaded(pod, a_pod("other", labels={}))

    assert set(snapshot.members("label", "Pod", "app", "web")) == {pod.metadata.key}
    assert set(snapshot.members("terminating", "Pod")) == {pod.metadata.key}
    assert set(snapshot.members("terminating", "Service")) == set()


@pytest.mark.parametrize(
    ("term", "service"),
    [
        ("guarded", replace(a_service(), conditions=(a_condition(MASS_FAILURE_GUARD),))),
        ("balanced", a_service(annotations={TOPOLOGY_MODE_ANNOTATION: "Auto"})),
    ],
)
def test_services_that_depend_on_more_than_their_own_pods_are_found(
    term: str, service: Service
) -> None:
    snapshot = loaded(service, a_service("other"))

    assert set(snapshot.members(term)) == {service.metadata.key}


def test_a_service_is_indexed_by_its_external_addresses() -> None:
    ingress = (LoadBalancerIngress(ip="192.0.2.7"), LoadBalancerIngress(hostname="lb.example"))
    service = a_service(external_ips=("192.0.2.007", "192.0.2.8"), ingress=ingress)
    snapshot = loaded(service)

    for address in ("192.0.2.7", "192.0.2.8"):
        assert set(snapshot.members("external", address)) == {service.metadata.key}


def test_changes_of_every_kind_are_applied_to_their_map() -> None:
    every = [a_service(), a_pod(), a_node(), a_namespace(), an_endpoint_slice(), a_service_cidr()]
    added = [Change(revision=Revision(1), before=None, after=each) for each in every]
    gone = [Change(revision=Revision(2), before=each, after=None) for each in every]

    full = Snapshot().apply(added)

    assert full == load(every, revision=Revision(1))
    assert full.apply(gone) == load([], revision=Revision(2))


def test_slices_of_waypost_and_of_clients_are_found_by_service_and_by_address() -> None:
    managed = an_endpoint_slice(an_endpoint("10.244.0.1"), name="web-b")
    by_hand = an_endpoint_slice(an_endpoint("10.244.0.2"), name="web-a", managed=False)
    snapshot = loaded(managed, by_hand, an_endpoint_slice(name="stray", service=""))

    assert snapshot.slices_of(key("web")) == (by_hand, managed)
    assert snapshot.slices_with("10.244.0.1") == (managed,)


def test_pods_of_a_node_are_found() -> None:
    pod = a_pod(node_name="n7")

    assert loaded(pod, a_pod("x"), a_pod("y", node_name="")).pods_on("n7") == (pod,)


@pytest.mark.parametrize("selector", [None, {}])
def test_a_service_without_a_selector_selects_nothing(selector: dict[str, str] | None) -> None:
    service = a_service(selector=selector)
    snapshot = loaded(service, a_pod())

    assert snapshot.pods_selected_by(service) == ()
    assert snapshot.services_selecting("default", {"app": "web"}) == ()


def test_expressions_alone_select_and_are_found() -> None:
    expression = Requirement(key="app", operator="NotIn", values=("db",))
    service = a_service(selector=None, selector_expressions=(expression,))
    pod = a_pod(labels={})
    snapshot = loaded(service, pod, a_pod("db-0", labels={"app": "db"}))

    assert snapshot.pods_selected_by(service) == (pod,)
    assert snapshot.services_selecting("default", {}) == (service,)
    assert snapshot.services_selecting("default", {"app": "db"}) == ()


def test_a_change_does_not_alter_the_previous_snapshot() -> None:
    before = loaded(a_pod())
    change = Change(revision=Revision(2), before=a_pod(), after=None)

    after = before.apply([change])

    assert before.pods_with("10.244.0.1") == (a_pod(),)
    assert after.pods_with("10.244.0.1") == ()
    assert (before.revision, after.revision) == (1, 2)


def test_an_address_is_free_again_once_the_service_is_gone() -> None:
    service = a_service(cluster_ip="10.96.0.1", cluster_ips=("10.96.0.1",))
    held = loaded(service)
    number = int(parse_address("10.96.0.1") or 0)

    freed = held.apply([Change(revision=Revision(2), before=service, after=None)])

    assert number in held.held_addresses[IPFamily.IPV4]
    assert number not in freed.held_addresses[IPFamily.IPV4]


def test_a_node_port_is_free_again_once_the_service_is_gone() -> None:
    service = a_service(type="NodePort", ports=(ServicePort(port=80, node_port=30_080),))
    held = loaded(service)

    freed = held.apply([Change(revision=Revision(2), before=service, after=None)])

    assert 30_080 in held.held_ports
    assert 30_080 not in freed.held_ports
    assert freed.service_on_port(30_080) is None


def test_an_invalid_address_is_found_by_its_text_and_holds_no_number() -> None:
    service = a_service(cluster_ip="unknown", cluster_ips=("unknown",))
    snapshot = loaded(service)

    assert snapshot.service_at("unknown") == service
    assert snapshot.held_addresses == Snapshot().held_addresses


def test_a_label_that_one_pod_loses_still_finds_the_others() -> None:
    pods = [a_pod(f"p{number}") for number in range(3)]
    change = Change(revision=Revision(2), before=pods[1], after=a_pod("p1", labels={}))

    after = loaded(*pods).apply([change])

    assert after.pods_selected_by(a_service()) == (pods[0], pods[2])


def held_numbers(held: Occupied, candidates: set[int]) -> set[int]:
    return {number for number in candidates if number in held}


@given(histories(), st.integers(0, 12))
def test_applying_the_rest_of_a_history_equals_loading_its_end(
    history: list[Change], place: int
) -> None:
    end = Snapshot().apply(history)
    split = min(place, len(history))
    in_two = Snapshot().apply(history[:split]).apply(history[split:])
    afresh = load(every_object(end), revision=end.revision)

    assert in_two == end == afresh


def numbers_of(family: IPFamily) -> set[int]:
    """The numbers of every address that a generated Service may hold."""
    if family == IPFamily.IPV6:
        return set()
    texts = (f"10.96.{place}.{number}" for place in range(2) for number in range(1, 20))
    return {int(address) for text in texts if (address := parse_address(text)) is not None}


@given(histories())
def test_the_index_has_every_object_and_nothing_else(history: list[Change]) -> None:
    snapshot = Snapshot().apply(history)
    expected: dict[tuple[str, ...], set[NamespacedName]] = {}
    for found in every_object(snapshot):
        for term in terms_of(found):
            expected.setdefault(term, set()).add(found.metadata.key)

    assert {term: set(members) for term, members in snapshot.index.items()} == expected


@given(histories())
def test_queries_by_index_equal_a_full_scan(history: list[Change]) -> None:
    snapshot = Snapshot().apply(history)
    every_pod = [snapshot.pods[name] for name in sorted(snapshot.pods)]
    for service in snapshot.services.values():
        selected = [
            pod
            for pod in every_pod
            if pod.metadata.namespace == service.metadata.namespace
            and service.selects(pod.metadata.labels)
        ]
        assert list(snapshot.pods_selected_by(service)) == selected
        for pod in selected:
            labels = pod.metadata.labels
            found = snapshot.services_selecting(service.metadata.namespace, labels)
            assert service in found
    for pod in every_pod:
        for ip in pod.pod_ips:
            assert pod in snapshot.pods_with(canonical(ip))
        assert not pod.node_name or pod in snapshot.pods_on(pod.node_name)


@given(st.lists(addressed_services(), unique_by=lambda service: service.metadata.key))
def test_held_addresses_and_ports_are_those_of_the_services(services: list[Service]) -> None:
    snapshot = load(services, revision=Revision(1))
    addresses = {
        int(parsed)
        for service in services
        for address in service.addresses
        if (parsed := parse_address(address)) is not None
    }
    ports = {port for service in services for port in service.node_ports}

    assert (
        held_numbers(snapshot.held_addresses[IPFamily.IPV4], numbers_of(IPFamily.IPV4)) == addresses
    )
    assert held_numbers(snapshot.held_ports, set(range(30_000, 30_200))) == ports


@given(st.lists(pods(), unique_by=lambda pod: pod.metadata.key))
def test_the_order_of_loading_does_not_matter(drawn: list[Object]) -> None:
    forwards = load(drawn, revision=Revision(1))
    backwards = load(reversed(drawn), revision=Revision(1))

    assert forwards.pods == backwards.pods
    assert forwards.index == backwards.index
