"""Explanation of a Service: all causes, nearest misses first, the likeliest in the summary."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.discovery.explain.explanation import (
    Explanation,
    PodExplanation,
    ReasonCode,
    Verdict,
)
from app.domain.discovery.explain.service import explain
from app.domain.errors import NotFound
from app.domain.labels import Requirement
from app.domain.names import Revision
from app.domain.objects.endpoint_slice import (
    MANAGED_BY_LABEL,
    MIRRORED_BY,
    SERVICE_NAME_LABEL,
    EndpointPort,
)
from app.domain.objects.node import Node
from app.domain.objects.pod import Container, ContainerPort, ExecAction, Pod, Probe
from app.domain.objects.resource import Object
from app.domain.objects.service import MASS_FAILURE_GUARD, Service, ServicePort
from app.domain.registration.slices.endpoints import has_computed_endpoints
from app.domain.registration.slices.metadata import SliceNames
from app.domain.registration.slices.planning import desired_in, plan
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    NOON,
    a_condition,
    a_container,
    a_meta,
    a_pod,
    a_service,
    an_endpoint,
    an_endpoint_slice,
    key,
)
from tests.strategies import nodes as any_node
from tests.strategies import pods as any_pod
from tests.strategies import services as any_service

NOON_TEXT = "2026-01-01T12:00:00Z"
BY_COMMAND = Container(readiness_probe=Probe(exec=ExecAction(command=("pg_isready",))))
BY_COMMAND_WORDS = (
    "its readinessProbe is exec, which Waypost does not run; report Ready in its status"
)
NAMED = (ServicePort(port=80, name="http", target_port="http"),)


def registered(*objects: Object) -> Snapshot:
    """Return the snapshot of these objects and the slices that Waypost plans for them."""
    snapshot = load(objects, revision=Revision(1))
    slices: list[Object] = []
    for service in snapshot.services.values():
        if has_computed_endpoints(service):
            names = SliceNames(1, {*snapshot.slices})
            slices.extend(plan((), desired_in(snapshot, service), names=names).create)
    return load([*objects, *slices], revision=Revision(2))


def explained(*objects: Object) -> Explanation:
    return explain(registered(*objects), key("web"))


def the_pod(*objects: Object) -> PodExplanation:
    [pod] = explained(*objects).pods
    return pod


def a_pod_that_is(
    reason: str, message: str = "", at: datetime | None = NOON, **fields: object
) -> Pod:
    condition = a_condition("Ready", "False", reason=reason, message=message, last_transition_at=at)
    return replace(a_pod(), conditions=(condition,), **fields)


def test_a_missing_service_cannot_be_explained() -> None:
    with pytest.raises(NotFound, match='services "web" not found'):
        explain(registered(), key("web"))


def test_a_ready_pod_needs_no_reasons() -> None:
    pod = the_pod(a_service(), a_pod())

    assert (pod.verdict, pod.reasons) == (Verdict.READY, ())
    assert pod.addresses == ("10.244.0.1",)
    assert len(pod.slices) == 1


@pytest.mark.parametrize(
    ("pod", "verdict", "code", "message"),
    [
        (
            a_pod(phase="Succeeded"),
            Verdict.NOT_AN_ENDPOINT,
            ReasonCode.FINISHED,
            "its phase is Succeeded: it will not serve again",
        ),
        (
            a_pod(pod_ips=(), phase="Pending", ready=False),
            Verdict.NOT_AN_ENDPOINT,
            ReasonCode.NO_ADDRESS,
            "it has no address (phase Pending)",
        ),
        (
            a_pod(pod_ips=("fd00:1::1",)),
            Verdict.NOT_AN_ENDPOINT,
            ReasonCode.WRONG_FAMILY,
            "it has no IPv4 address, only fd00:1::1",
        ),
        (
            a_pod(ready=None),
            Verdict.NOT_READY,
            ReasonCode.NOT_READY,
            "it has no Ready condition yet",
        ),
        (
            a_pod(ready=None, containers=(Container(readiness_probe=Probe()),)),
            Verdict.NOT_READY,
            ReasonCode.NOT_READY,
            "it has no Ready condition yet: its readinessProbe has not been run",
        ),
        (
            a_pod(ready=None, containers=(BY_COMMAND,)),
            Verdict.NOT_READY,
            ReasonCode.NOT_READY,
            f"it has no Ready condition yet: {BY_COMMAND_WORDS}",
        ),
        (
            a_pod_that_is("NotReportedYet", containers=(BY_COMMAND,)),
            Verdict.NOT_READY,
            ReasonCode.NOT_READY,
            f"it is not ready since {NOON_TEXT} (NotReportedYet): {BY_COMMAND_WORDS}",
        ),
        (
            a_pod_that_is("Migrating", containers=(BY_COMMAND,)),
            Verdict.NOT_READY,
            ReasonCode.NOT_READY,
            f"it is not ready since {NOON_TEXT} (Migrating)",
        ),
        (
            a_pod_that_is("ProbeFailed", "connection refused"),
            Verdict.NOT_READY,
            ReasonCode.NOT_READY,
            f"it is not ready since {NOON_TEXT} (ProbeFailed): connection refused",
        ),
        (
            a_pod(ready=False),
            Verdict.NOT_READY,
            ReasonCode.NOT_READY,
            "it is not ready",
        ),
        (
            a_pod_that_is("LeaseExpired", lease_duration_s=10),
            Verdict.NOT_READY,
            ReasonCode.LEASE_EXPIRED,
            f"its lease of 10 s ran out without a heartbeat since {NOON_TEXT}",
        ),
        (
            a_pod_that_is("NodeLeaseExpired", at=None),
            Verdict.NOT_READY,
            ReasonCode.NODE_LEASE_EXPIRED,
            "the lease of its node n1 has been expired",
        ),
        (
            a_pod(deleted_at=NOON),
            Verdict.TERMINATING,
            ReasonCode.TERMINATING,
            f"it is being removed, at the latest by {NOON_TEXT}",
        ),
        (
            a_pod(weight=0),
            Verdict.DRAINED,
            ReasonCode.DRAINED,
            "it is drained: its weight is 0",
        ),
    ],
)
def test_the_reason_why_a_selected_pod_is_not_ready_is_given(
    pod: Pod, verdict: Verdict, code: ReasonCode, message: str
) -> None:
    found = the_pod(a_service(), pod)

    assert found.verdict == verdict
    assert [(reason.code, reason.message) for reason in found.reasons] == [(code, message)]
    assert found.is_selected


def test_several_causes_are_all_given() -> None:
    found = the_pod(a_service(), replace(a_pod(ready=False, deleted_at=NOON), weight=0))

    assert [reason.code for reason in found.reasons] == [
        ReasonCode.NOT_READY,
        ReasonCode.TERMINATING,
        ReasonCode.DRAINED,
    ]


def test_a_pod_of_one_family_is_half_an_endpoint_of_a_service_of_both() -> None:
    found = the_pod(a_service(ip_families=("IPv4", "IPv6")), a_pod())

    assert found.verdict == Verdict.READY
    assert found.reasons[0].message == "it has no IPv6 address, only 10.244.0.1"


def test_a_pod_published_regardless_is_ready_and_has_a_reason() -> None:
    found = the_pod(a_service(publish_not_ready_addresses=True), a_pod(ready=False))

    assert found.verdict == Verdict.READY
    assert [r.code for r in found.reasons] == [
        ReasonCode.NOT_READY,
        ReasonCode.PUBLISHED_REGARDLESS,
    ]


@pytest.mark.parametrize(
    ("ports", "declared"),
    [
        ((), "it declares none"),
        (
            (ContainerPort(container_port=8080, name="http", protocol="UDP"),),
            "it declares http (8080/UDP)",
        ),
        ((ContainerPort(container_port=8080),), "it declares unnamed (8080/TCP)"),
    ],
)
def test_a_port_name_that_no_container_has_is_reported(
    ports: tuple[ContainerPort, ...], declared: str
) -> None:
    answer = explained(a_service(ports=NAMED), a_pod(containers=(a_container(*ports),)))
    message = f"no container port is named http with protocol TCP; {declared}"

    assert [reason.message for reason in answer.pods[0].reasons] == [message]
    assert answer.summary == f"The one selected Pod is ready, but web-1: {message}."


def test_a_port_that_the_pod_names_is_not_reported() -> None:
    ports = (*NAMED, ServicePort(port=81, name="admin", target_port="admin"))
    pod = a_pod(containers=(a_container(ContainerPort(container_port=8080, name="http")),))

    assert the_pod(a_service(ports=NAMED), pod).reasons == ()
    assert [reason.message for reason in the_pod(a_service(ports=ports), pod).reasons] == [
        "no container port is named admin with protocol TCP; it declares http (8080/TCP)"
    ]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"app": "wbe"}, "wants app=web, has app=wbe"),
        ({}, "wants app=web, has no such label"),
        ({"App": "web"}, "wants app=web, has no such label but App=web"),
    ],
)
def test_a_failed_label_is_reported_with_the_pod_s_label(
    labels: dict[str, str], message: str
) -> None:
    answer = explained(a_service(), a_pod(labels=labels))

    assert [reason.message for reason in answer.pods[0].reasons] == [message]
    assert answer.pods[0].verdict == Verdict.NOT_AN_ENDPOINT
    assert not answer.pods[0].is_selected
    assert answer.summary == f"No Pod matches app=web; the nearest is web-1: it {message}."


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        (
            Requirement(key="app", operator="In", values=("a", "b")),
            "wants app in (a, b), has app=web",
        ),
        (
            Requirement(key="app", operator="NotIn", values=("web",)),
            "wants app not in (web), has app=web",
        ),
        (Requirement(key="tier", operator="Exists"), "wants a label tier, has no such label"),
        (Requirement(key="app", operator="DoesNotExist"), "wants no label app, has app=web"),
    ],
)
def test_failed_expressions_are_reported(requirement: Requirement, message: str) -> None:
    service = a_service(selector=None, selector_expressions=(requirement,))

    assert [reason.message for reason in the_pod(service, a_pod()).reasons] == [message]


def test_the_nearest_misses_come_first_and_ready_pods_last() -> None:
    service = a_service(selector={"app": "web", "tier": "front"})
    web = {"app": "web", "tier": "front"}
    answer = explained(
        service,
        a_pod("well", labels=web),
        a_pod("unready", labels=web, ready=False),
        a_pod("far", labels={"app": "database", "tier": "back"}),
        a_pod("near", labels={"app": "web", "tier": "fornd"}),
        a_pod("nearer", labels={"app": "web", "tier": "frond"}),
        a_pod("homeless", labels=web, pod_ips=()),
    )

    assert [pod.pod.name for pod in answer.pods] == [
        "homeless",
        "unready",
        "nearer",
        "near",
        "far",
        "well",
    ]


def test_the_number_of_listed_pods_is_bounded_and_the_rest_is_counted() -> None:
    pods = [a_pod(f"p{n}", labels={"app": f"x{n}"}) for n in range(5)]
    snapshot = registered(a_service(), *pods)

    answer = explain(snapshot, key("web"), pods_max=2)

    assert [pod.pod.name for pod in answer.pods] == ["p0", "p1"]
    assert answer.pods_omitted == 3


@pytest.mark.parametrize(
    ("objects", "summary"),
    [
        ((), "There is no Pod in namespace default."),
        (
            (a_pod("web-1", "shop"),),
            (
                "No Pod of namespace default matches app=web, but Pods of namespace shop do: "
                "a selector sees its own namespace only."
            ),
        ),
        (
            (a_pod("a", ready=False), a_pod("b", ready=False), a_pod("c", pod_ips=())),
            "None of 3 selected Pods gets new connections: 2 not ready, 1 without an address.",
        ),
        (
            (a_pod(weight=0),),
            "The one selected Pod, web-1, gets no new connections: it is drained: its weight is 0.",
        ),
        (
            (a_pod("a"), a_pod_that_is("LeaseExpired")),
            "1 of 2 selected Pods is ready; the others: 1 with an expired lease.",
        ),
        ((a_pod(),), "The one selected Pod is ready."),
        ((a_pod("a"), a_pod("b")), "All 2 selected Pods are ready."),
    ],
)
def test_the_summary_gives_the_state_or_the_likeliest_cause(
    objects: tuple[Object, ...], summary: str
) -> None:
    assert explained(a_service(), *objects).summary == summary


def test_an_alias_has_no_endpoints_of_its_own() -> None:
    answer = explained(a_service(type="ExternalName", external_name="example.com"), a_pod())

    assert answer.summary == "web is an alias of example.com and has no endpoints of its own."
    assert answer.pods == ()


def test_the_mass_failure_guard_comes_first() -> None:
    guard = a_condition(MASS_FAILURE_GUARD, message="6 of 10 leases ran out within 30 s")
    other = a_condition("Other")
    answer = explained(a_service(conditions=(other, guard)), a_pod())

    assert answer.conditions == (other, guard)
    assert answer.summary == (
        "The mass-failure guard holds: 6 of 10 leases ran out within 30 s. "
        "The one selected Pod is ready."
    )


BY_HAND = a_service(selector=None)
LABEL = "kubernetes.io/service-name=web"


@pytest.mark.parametrize(
    ("slices", "summary", "codes"),
    [
        (
            (),
            (
                "web has no selector and no slice: give it a selector, "
                f"or write an EndpointSlice labelled {LABEL}."
            ),
            [],
        ),
        (
            (an_endpoint_slice(an_endpoint(), managed=False),),
            "web has no selector; slices written for it have 1 ready endpoint.",
            [ReasonCode.WRITTEN_BY_HAND],
        ),
        (
            (an_endpoint_slice(an_endpoint(ready=False), managed=False),),
            f"web has no selector, and no slice labelled {LABEL} has a ready endpoint.",
            [ReasonCode.WRITTEN_BY_HAND, ReasonCode.NONE_READY],
        ),
        (
            (an_endpoint_slice(managed=False, ports=()),),
            f"web has no selector, and no slice labelled {LABEL} has a ready endpoint.",
            [ReasonCode.WRITTEN_BY_HAND, ReasonCode.NO_ENDPOINTS],
        ),
        (
            (an_endpoint_slice(an_endpoint(), managed=False, ports=()),),
            "web has no selector; slices written for it have 1 ready endpoint.",
            [ReasonCode.WRITTEN_BY_HAND, ReasonCode.NO_PORTS],
        ),
        (
            (
                an_endpoint_slice(
                    an_endpoint("fd00::1"), managed=False, ports=(EndpointPort(port=1, name="x"),)
                ),
            ),
            "web has no selector; slices written for it have 1 ready endpoint.",
            [ReasonCode.WRITTEN_BY_HAND, ReasonCode.WRONG_FAMILY, ReasonCode.PORT_NOT_FOUND],
        ),
        (
            (an_endpoint_slice(an_endpoint()),),
            "web has no selector; slices written for it have 1 ready endpoint.",
            [ReasonCode.LEFT_OVER],
        ),
        (
            (an_endpoint_slice(an_endpoint(), managed=False, service=""),),
            (
                "web has no selector and no slice; default/web-abcde is nearest: "
                f"it would belong to the Service if it were labelled {LABEL}."
            ),
            [ReasonCode.LABEL_MISSING],
        ),
        (
            (an_endpoint_slice(an_endpoint(), name="x", managed=False, service="wbe"),),
            (
                "web has no selector and no slice; default/x is nearest: it is labelled "
                f"kubernetes.io/service-name=wbe, the Service wants {LABEL}."
            ),
            [ReasonCode.LABEL_MISSING],
        ),
    ],
)
def test_slices_written_by_hand_are_explained(
    slices: tuple[Object, ...], summary: str, codes: list[ReasonCode]
) -> None:
    answer = explained(BY_HAND, *slices)

    assert answer.summary == summary
    assert [reason.code for entry in answer.slices for reason in entry.reasons] == codes


def test_the_slice_of_another_service_is_no_near_miss() -> None:
    other = a_service("wbe", selector=None, cluster_ips=())
    slice_ = an_endpoint_slice(an_endpoint(), name="x", managed=False, service="wbe")

    assert explained(BY_HAND, other, slice_).slices == ()


def test_slices_written_beside_a_selector_are_counted_apart() -> None:
    by_hand = an_endpoint_slice(an_endpoint("10.9.9.9"), managed=False)

    answer = explained(a_service(), a_pod(), by_hand)

    assert [reason.code for reason in answer.slices[0].reasons] == [ReasonCode.BESIDE_SELECTOR]
    assert answer.summary.endswith("Slices written by hand add 1 ready endpoint.")
    assert (answer.endpoints, answer.endpoints_ready) == (2, 2)


def test_mirrored_slices_are_marked() -> None:
    labels = {SERVICE_NAME_LABEL: "web", MANAGED_BY_LABEL: MIRRORED_BY}
    slice_ = an_endpoint_slice(an_endpoint(), metadata=a_meta("web-abcde", labels=labels))
    [said] = explained(BY_HAND, slice_).slices
    assert said.managed_by == MIRRORED_BY
    assert said.reasons[0].code == ReasonCode.MIRRORED


def test_slices_that_disagree_with_the_pods_are_reported() -> None:
    stale = an_endpoint_slice(an_endpoint(pod="db-0"))
    snapshot = load(
        [a_service(), a_pod(), a_pod("db-0", labels={"app": "db"}), stale], revision=Revision(1)
    )

    codes = {
        pod.pod.name: [reason.code for reason in pod.reasons]
        for pod in explain(snapshot, key("web")).pods
    }

    assert codes == {
        "web-1": [ReasonCode.NOT_IN_SLICES],
        "db-0": [ReasonCode.SELECTOR_MISMATCH, ReasonCode.LEFT_OVER],
    }


# The laws.


@given(
    any_service(),
    st.lists(any_pod(), max_size=8, unique_by=lambda pod: pod.metadata.key),
    st.lists(any_node(), max_size=3, unique_by=lambda node: node.metadata.name),
)
def test_every_pod_has_a_verdict_and_every_verdict_but_ready_has_a_reason(
    service: Service, pods: list[Pod], nodes: list[Node]
) -> None:
    answer = explained(service, *pods, *nodes)
    here = {pod.metadata.key for pod in pods if pod.metadata.namespace == "default"}

    assert {pod.pod for pod in answer.pods} == here
    assert answer.pods_omitted == 0
    assert answer.summary.endswith(".")
    for pod in answer.pods:
        assert pod.reasons or pod.verdict == Verdict.READY
        assert (pod.verdict == Verdict.NOT_AN_ENDPOINT) == (not pod.slices)
        assert all(reason.code != ReasonCode.NOT_IN_SLICES for reason in pod.reasons)
        assert all(reason.code != ReasonCode.LEFT_OVER for reason in pod.reasons)


@given(
    any_service(),
    st.lists(any_pod(namespace="default"), max_size=8, unique_by=lambda pod: pod.metadata.key),
    st.integers(1, 4),
)
def test_showing_fewer_shows_the_first_of_all(
    service: Service, pods: list[Pod], pods_max: int
) -> None:
    snapshot = registered(service, *pods)
    every, few = explain(snapshot, key("web")), explain(snapshot, key("web"), pods_max=pods_max)

    assert few.pods == every.pods[:pods_max]
    assert len(few.pods) + few.pods_omitted == len(pods)
