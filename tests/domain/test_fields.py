"""Field selectors: every vector, then every path that a kind offers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadRequest
from app.domain.fields import parse_field_selector
from app.domain.names import Revision
from app.domain.objects.node import NODE
from app.domain.objects.resource import AnyResource, Object
from app.domain.objects.service import SERVICE
from app.domain.resources import RESOURCES, resource_of
from app.domain.snapshot import load
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_node,
    a_pod,
    a_service,
    a_service_cidr,
    an_endpoint_slice,
)
from tests.vector_matching import load_vectors

vectors = [v for v in load_vectors("selector.json") if v["kind"] == "fieldSelectorString"]
readable = [vector for vector in vectors if vector["valid"]]
unreadable = [vector for vector in vectors if not vector["valid"]]


def resource_named(plural: str) -> AnyResource:
    return next(resource for resource in RESOURCES if resource.plural == plural)


def an_object(resource: str, fields: dict[str, str]) -> Object:
    """An object whose fields have these values."""
    match resource, fields:
        case "services", {"metadata.name": name}:
            return a_service(name)
        case "pods", {"status.phase": phase}:
            return a_pod(phase=phase)
        case _:
            raise AssertionError(fields)


@pytest.mark.parametrize("vector", readable, ids=[v["name"] for v in readable])
def test_a_selector_is_parsed_as_the_vector_says(vector: dict[str, Any]) -> None:
    resource = vector["resource"]
    selector = parse_field_selector(vector["input"], resource_named(resource))

    assert [
        {"field": t.field, "operator": t.operator, "value": t.value} for t in selector.terms
    ] == vector["terms"]
    assert all(selector.matches(an_object(resource, fields)) for fields in vector["matches"])
    assert not any(
        selector.matches(an_object(resource, fields)) for fields in vector["doesNotMatch"]
    )


@pytest.mark.parametrize("vector", unreadable, ids=[v["name"] for v in unreadable])
def test_a_syntax_error_is_a_bad_request(vector: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        parse_field_selector(vector["input"], resource_named(vector["resource"]))


POD = a_pod(
    pod_ips=("10.244.0.1", "FD00::1"),
    restart_policy="Always",
    scheduler_name="default-scheduler",
    service_account_name="web",
    nominated_node_name="n2",
)


@pytest.mark.parametrize(
    ("text", "registered"),
    [
        ("", POD),
        ("metadata.name=web-1,metadata.namespace=default", POD),
        ("spec.nodeName=n1", POD),
        ("spec.restartPolicy=Always", POD),
        ("spec.schedulerName=default-scheduler", POD),
        ("spec.serviceAccountName=web", POD),
        ("spec.hostNetwork=false", POD),
        ("status.phase=Running", POD),
        ("status.podIP=10.244.0.1", POD),
        ("status.podIPs=10.244.0.1", POD),
        ("status.podIPs=fd00:0::1", POD),
        ("status.nominatedNodeName=n2", POD),
        ("status.podIP=", a_pod(pod_ips=())),
        ("spec.clusterIP=10.96.0.20,spec.type=ClusterIP", a_service()),
        ("spec.clusterIP!=None", a_service()),
        ("spec.clusterIP=None", a_headless_service()),
        ("spec.unschedulable=true", a_node(is_unschedulable=True)),
        ("status.phase=Active", a_namespace()),
        ("metadata.name=web-abcde", an_endpoint_slice()),
        ("metadata.name=kubernetes", a_service_cidr()),
        (",,metadata.name!=x,", a_service_cidr()),
    ],
)
def test_a_field_is_found(text: str, registered: Object) -> None:
    assert parse_field_selector(text, resource_of(registered)).matches(registered)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"metadata.name=a\,b", "a,b"),
        (r"metadata.name=a\=b", "a=b"),
        (r"metadata.name=a\\b", "a\\b"),
        ("metadata.name=", ""),
    ],
)
def test_a_backslash_escapes_a_sign(text: str, value: str) -> None:
    selector = parse_field_selector(text, SERVICE)
    assert [term.value for term in selector.terms] == [value]


@pytest.mark.parametrize(
    "text", ["metadata.name=a=b", "metadata.name=a\\", "metadata.name>a", " metadata.name=a", "x"]
)
def test_syntax_errors_are_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_field_selector(text, SERVICE)


def test_a_node_has_no_namespace_field() -> None:
    with pytest.raises(BadRequest):
        parse_field_selector("metadata.namespace=default", NODE)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("metadata.namespace=default", POD),
        ("spec.nodeName=n1", POD),
        ("status.podIP=10.244.0.1", POD),
        ("status.podIPs=FD00::1", POD),
        ("spec.clusterIP=10.96.0.20", a_service()),
    ],
)
def test_an_index_entry_contains_every_match(text: str, found: Object) -> None:
    kind = resource_of(found)
    snapshot = load([POD, a_service()], revision=Revision(1))
    (term,) = parse_field_selector(text, kind).index_terms(kind)
    assert found.metadata.key in snapshot.members(*term)


@pytest.mark.parametrize("text", ["spec.clusterIP=None", "spec.clusterIP=", "spec.clusterIP!=a"])
def test_conditions_without_an_index_have_no_index_terms(text: str) -> None:
    assert not tuple(parse_field_selector(text, SERVICE).index_terms(SERVICE))


@given(st.sampled_from(RESOURCES), st.text(max_size=20))
def test_any_text_is_parsed_or_refused(kind: AnyResource, text: str) -> None:
    try:
        selector = parse_field_selector(text, kind)
    except BadRequest:
        return
    assert text.strip(",") == "" or selector.terms
