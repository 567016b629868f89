"""What Prometheus is told to scrape: what opts in, as it asks for it, and nothing else."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.monitoring.targets import AGENT_PORT, Shown, TargetGroup, all_shown, targets_of
from app.domain.names import Revision
from app.domain.objects.node import NodeAddress
from app.domain.objects.pod import ContainerPort
from app.domain.objects.resource import Object
from app.domain.snapshot import load
from app.registry.leases.self_registration import dns_pod
from app.schemas.health import ScrapeTargets
from tests.builders import (
    a_container,
    a_meta,
    a_node,
    a_pod,
    a_service,
    an_endpoint,
    an_endpoint_slice,
)

SCRAPED = {"prometheus.io/scrape": "true"}
OWN = "waypost.example:8053"
EVERYTHING = Shown(pods=all_shown, services=all_shown, nodes=all_shown)


def listed(*objects: Object, shown: Shown = EVERYTHING) -> list[TargetGroup]:
    snapshot = load(objects, revision=Revision(1))
    return list(targets_of(snapshot, shown, own=OWN, scheme="https"))


def others(*objects: Object) -> dict[str, dict[str, str]]:
    """Give the labels by address, of all but the server itself."""
    return {group.targets[0]: dict(group.labels) for group in listed(*objects)[1:]}


def a_scraped_pod(name: str = "a", *ports: ContainerPort, **annotations: str) -> Object:
    named = {f"prometheus.io/{key}": value for key, value in annotations.items()}
    meta = a_meta(name, annotations={**SCRAPED, **named}, labels={"app.kubernetes.io/name": "x"})
    return a_pod(name, metadata=meta, containers=(a_container(*ports),), pod_ips=("10.0.0.1",))


def test_the_server_that_is_asked_is_there_by_the_name_it_was_asked_by() -> None:
    (group,) = listed(a_pod("not-asked-for"))
    assert group.targets == (OWN,)
    assert group.labels["__scheme__"] == "https"
    assert group.labels["job"] == "waypost-server"


def test_registered_processes_stand_for_themselves() -> None:
    server = dns_pod("a", ("10.0.0.5",), dns_port=53, api_port=8053, is_server=True)
    replica = dns_pod("b", ("fd00::6", "10.0.0.6"), dns_port=53, api_port=9153)
    first, second = listed(server, replica)
    assert (first.targets, first.labels["job"]) == (("10.0.0.5:8053",), "waypost-server")
    assert (second.targets, second.labels["job"]) == (("[fd00::6]:9153",), "waypost-dns")
    assert (first.labels["__scheme__"], second.labels["__scheme__"]) == ("https", "http")


def test_a_pod_names_its_port_its_path_and_its_scheme() -> None:
    pod = a_scraped_pod(
        "a",
        ContainerPort(name="web", container_port=80),
        port="9100",
        path="status",
        scheme="https",
    )
    ((address, labels),) = others(pod).items()
    assert address == "10.0.0.1:9100"
    assert labels["__metrics_path__"] == "/status"
    assert labels["__scheme__"] == "https"
    assert labels["__meta_waypost_role"] == "pod"
    assert labels["__meta_kubernetes_namespace"] == "default"
    assert labels["__meta_kubernetes_pod_name"] == "a"
    assert labels["__meta_kubernetes_pod_label_app_kubernetes_io_name"] == "x"
    assert labels["__meta_kubernetes_pod_labelpresent_app_kubernetes_io_name"] == "true"
    assert labels["__meta_kubernetes_pod_annotation_prometheus_io_scrape"] == "true"


def test_a_pod_that_names_no_port_is_asked_at_each_that_it_declares() -> None:
    ports = (ContainerPort(name="web", container_port=80), ContainerPort(container_port=81))
    assert list(others(a_scraped_pod("a", *ports))) == ["10.0.0.1:80", "10.0.0.1:81"]
    assert others(a_scraped_pod("a")) == {}


@pytest.mark.parametrize("port", ["0", "65536", "-1", "1e3", "٣", "http", "999999999999"])
def test_what_is_no_port_counts_as_none(port: str) -> None:
    assert others(a_scraped_pod("a", port=port)) == {}


def test_a_service_stands_for_its_endpoints() -> None:
    service = a_service("web", metadata=a_meta("web", annotations=SCRAPED))
    slice_ = an_endpoint_slice(an_endpoint("10.0.0.7"), service="web")
    ((address, labels),) = others(service, slice_).items()
    assert address.startswith("10.0.0.7:")
    assert labels["__meta_kubernetes_service_name"] == "web"
    assert labels["__meta_kubernetes_endpointslice_endpoint_conditions_ready"] == "true"


def test_an_agent_is_asked_where_its_node_says_so() -> None:
    addresses = (NodeAddress(type="InternalIP", address="10.1.0.1"),)
    plain = a_node("n1", addresses=addresses)
    asked = a_node("n2", metadata=a_meta("n2", "", annotations=SCRAPED), addresses=addresses)
    ((address, labels),) = others(plain, asked).items()
    assert (address, labels["node"]) == (f"10.1.0.1:{AGENT_PORT}", "n2")


def test_what_a_caller_may_not_list_is_not_shown() -> None:
    def none(_: str) -> bool:
        return False

    shown = Shown(pods="other".__eq__, services=none, nodes=none)
    assert len(listed(a_scraped_pod("a", port="80"), shown=shown)) == 1


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4))
def test_every_answer_is_what_the_document_says(annotations: dict[str, str]) -> None:
    meta = a_meta("a", annotations={**annotations, **SCRAPED, "prometheus.io/port": "80"})
    pod = a_pod("a", metadata=meta, pod_ips=("10.0.0.1",))
    groups = [{"targets": each.targets, "labels": each.labels} for each in listed(pod)]
    ScrapeTargets.model_validate_json(json.dumps(groups))
    for group in listed(pod):
        assert all(name.isascii() and name.isidentifier() for name in group.labels)


async def test_the_route_answers_in_the_form_of_http_sd(api: httpx.AsyncClient) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a", "annotations": {**SCRAPED, "prometheus.io/port": "9100"}},
        "status": {"podIP": "10.244.0.9"},
    }
    assert (await api.post("/pods", json=manifest)).status_code == 201
    answer = await api.get("/prometheus/targets")
    assert answer.headers["content-type"] == "application/json"
    server, pod = answer.json()
    assert server["targets"] == ["localhost"]
    assert pod["targets"] == ["10.244.0.9:9100"]
