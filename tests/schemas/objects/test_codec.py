"""The codec: decoding, refusals, and that encoding loses nothing."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadRequest, CauseReason
from app.domain.names import Revision, Uid
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.resource import Object
from app.domain.objects.service import Service
from app.domain.objects.token import Token
from app.domain.resources import RESOURCES, RESOURCES_BY_KIND, resource_of
from app.schemas.documents.yaml_output import encode_yaml
from app.schemas.objects.codec import (
    decode_bytes,
    decode_known,
    decode_object,
    decode_stored,
    encode_bytes,
    encode_json,
    encode_object,
    encode_stored,
    identify,
)
from app.schemas.objects.wires import wire_of
from tests.builders import NOON, a_service, an_endpoint_slice
from tests.declared import problems_as
from tests.schemas.wire_strategies import json_values, objects

VECTORS = Path(__file__).parents[2] / "vectors"

ALWAYS_IN_METADATA = {"name", "uid", "resourceVersion", "creationTimestamp"}
SOMETIMES = {"aggregationRule"}
UNVALIDATED = ("is not one of", "is less than", "is greater than")
"""What may be wrong with the values of drawn objects, which have not been validated."""
SERVICE: dict[str, Any] = {"apiVersion": "v1", "kind": "Service"}


def a_decoded_service(**parts: object) -> Service:
    decoded = decode_object({**SERVICE, **parts}).object
    assert isinstance(decoded, Service)
    return decoded


def refusal_of(document: dict[str, Any], kind: str | None = None) -> BadRequest:
    with pytest.raises(BadRequest) as refused:
        decode_object(document, kind)
    return refused.value


def test_a_missing_field_is_zero_and_nothing_is_defaulted() -> None:
    service = a_decoded_service(metadata={"name": "ent"}, spec={"ports": [{"port": 80}]})

    assert (service.type, service.cluster_ip, service.selector) == ("", "", None)
    assert (service.ports[0].protocol, service.ports[0].target_port) == ("TCP", 0)


def test_null_is_absence_and_in_a_map_the_empty_text() -> None:
    service = a_decoded_service(
        metadata={"name": "ent", "labels": {"app": None}, "annotations": None},
        spec={"clusterIP": None, "ports": None, "selector": None},
    )

    assert service == Service(metadata=replace(service.metadata, labels={"app": ""}))
    assert service.metadata.annotations == {}


def test_all_wrong_types_are_listed_with_their_paths() -> None:
    refusal = refusal_of(
        {
            **SERVICE,
            "metadata": {"name": 3, "labels": {"example.com/a": 1}, "creationTimestamp": "now"},
            "spec": {
                "ports": [{"port": "80", "targetPort": []}, {"port": 80.0, "nodePort": True}, 7],
                "selector": ["app"],
                "healthCheckNodePort": 2**31,
                "externalIPs": "192.0.2.1",
            },
        }
    )

    assert {cause.reason for cause in refusal.causes} == {CauseReason.TYPE_INVALID}
    assert {cause.field: cause.message for cause in refusal.causes} == {
        "metadata.name": "must be a string, not an integer: put it in quotes",
        "metadata.labels[example.com/a]": "must be a string, not an integer: put it in quotes",
        "metadata.creationTimestamp": "must be an RFC 3339 time such as 2006-01-02T15:04:05Z",
        "spec.ports[0].port": "must be an integer, not a string",
        "spec.ports[0].targetPort": "must be an integer or a string, not a list",
        "spec.ports[1].port": "must be an integer, not a number",
        "spec.ports[1].nodePort": "must be an integer, not a boolean",
        "spec.ports[2]": "must be an object, not an integer",
        "spec.selector": "must be an object, not a list",
        "spec.healthCheckNodePort": "must fit into the range of its integer type",
        "spec.externalIPs": "must be a list, not a string",
    }


@pytest.mark.parametrize(
    ("document", "kind", "field"),
    [
        ({}, None, "apiVersion"),
        ({"apiVersion": "v1"}, None, "kind"),
        ({"apiVersion": "v1", "kind": 7}, None, "kind"),
        ({"apiVersion": "v2", "kind": "Service"}, None, "kind"),
        ({"apiVersion": "apps/v1", "kind": "Deployment"}, None, "kind"),
        ({"apiVersion": "v1", "kind": "Pod"}, "Service", "kind"),
        ({"apiVersion": "apps/v1"}, "Service", "apiVersion"),
    ],
)
def test_another_kind_is_refused(document: dict[str, Any], kind: str | None, field: str) -> None:
    assert refusal_of(document, kind).causes[0].field == field


def test_the_kind_of_the_route_counts_when_the_body_has_none() -> None:
    assert decode_object({"metadata": {"name": "ent"}}, "Service").object == a_decoded_service(
        metadata={"name": "ent"}
    )


def test_unknown_fields_are_listed_and_known_ones_without_meaning_are_not() -> None:
    decoded = decode_object(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "a",
                "managedFields": [{"manager": "kubectl"}],
                "selfLink": "/a",
                "color": 1,
            },
            "spec": {
                "containers": [
                    {"name": "main"},
                    {"name": "b", "image": "nginx", "ports": [{"x": 1}]},
                ]
            },
            "extra.part": 1,
        }
    )

    assert [each.path for each in decoded.ignored_fields] == [
        "[extra.part]",
        "metadata.color",
        "spec.containers[1].image",
        "spec.containers[1].ports[0].x",
    ]


def test_unknown_fields_of_a_newer_server_are_ignored() -> None:
    known = {**SERVICE, "metadata": {"name": "a"}}
    assert decode_known({**known, "since": "2027"}) == decode_object(known).object
    with pytest.raises(BadRequest):
        decode_known({**known, "spec": 1})


def test_a_python_spelling_of_a_field_is_unknown() -> None:
    decoded = decode_object({**SERVICE, "spec": {"cluster_ip": "None"}})
    assert [each.path for each in decoded.ignored_fields] == ["spec.cluster_ip"]


@pytest.mark.parametrize(
    ("text", "revision"), [("42", 42), ("", 0), ("0x2a", 0), ("-1", 0), ("٤٢", 0), ("9" * 40, 0)]
)
def test_a_resource_version_is_kept_as_text_and_as_the_revision_it_may_be(
    text: str, revision: int
) -> None:
    metadata = a_decoded_service(metadata={"resourceVersion": text}).metadata

    assert (metadata.resource_version, metadata.revision) == (text, revision)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.999999999+01:00", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_times_become_utc_with_whole_seconds(text: str, moment: datetime) -> None:
    assert a_decoded_service(metadata={"creationTimestamp": text}).metadata.created_at == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05",
        "2026-13-02T03:04:05Z",
        "0001-01-01T00:00:00+14:00",
        "2026-W01-1T03:04:05Z",
        "20260102T030405.000Z",
        "",
        7,
    ],
)
def test_other_text_is_not_a_time(text: object) -> None:
    refusal = refusal_of({**SERVICE, "metadata": {"creationTimestamp": text}})

    assert [cause.field for cause in refusal.causes] == ["metadata.creationTimestamp"]


@pytest.mark.parametrize(
    ("status", "ips"),
    [
        ({"podIP": "10.0.0.1"}, ("10.0.0.1",)),
        ({"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}, ("10.0.0.1", "fd00::1")),
        ({"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "::1"}]}, ("10.0.0.1", "::1")),
        ({"podIP": "10.0.0.9", "podIPs": [{"ip": "10.0.0.1"}]}, ("10.0.0.9",)),
    ],
)
def test_the_addresses_of_a_pod_come_from_either_field(
    status: dict[str, Any], ips: tuple[str, ...]
) -> None:
    pod = decode_object({"status": status}, "Pod").object

    assert isinstance(pod, Pod)
    assert pod.pod_ips == ips


def test_quantities_may_be_numbers() -> None:
    node = decode_object(
        {"status": {"capacity": {"cpu": 4, "memory": "8Gi", "x": 0.5}}}, "Node"
    ).object

    assert isinstance(node, Node)
    assert node.capacity == {"cpu": "4", "memory": "8Gi", "x": "0.5"}


def test_taints_of_a_node_are_encoded_as_they_were_given() -> None:
    taints = [
        {
            "key": "ToBeDeletedByClusterAutoscaler",
            "effect": "NoSchedule",
            "value": "1767268800",
            "timeAdded": "2026-01-01T12:00:00Z",
        },
        {"key": "other", "effect": "NoExecute"},
    ]
    node = decode_object({"spec": {"taints": taints}}, "Node").object

    assert encode_object(node)["spec"] == {"taints": taints}


def test_the_fields_that_a_service_always_has() -> None:
    wire = encode_object(Service(metadata=a_service().metadata))

    assert wire["status"] == {"loadBalancer": {}}
    assert wire["spec"] == {"ports": []}
    assert wire["metadata"] == {
        "name": "web",
        "namespace": "default",
        "uid": "uid-web",
        "creationTimestamp": "2026-01-01T12:00:00Z",
    }


def test_endpoints_and_ports_of_a_slice_are_lists_even_if_empty() -> None:
    wire = encode_object(an_endpoint_slice(ports=()))

    assert (wire["endpoints"], wire["ports"]) == ([], [])


def test_a_document_of_an_unknown_kind_is_identified() -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}
    knative = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": 7}

    assert identify(deployment) == ("apps/v1", "Deployment", "", "a", None)
    assert identify(knative)[2:] == ("", "", None)
    assert identify({**SERVICE, "metadata": {"namespace": 3}}).held is RESOURCES_BY_KIND["Service"]


@given(objects)
def test_stored_bytes_decode_to_the_same_object(registered: Object) -> None:
    stored = encode_bytes(registered)

    assert decode_bytes(resource_of(registered), stored) == registered
    assert encode_bytes(decode_bytes(resource_of(registered).name, stored)) == stored


@given(objects)
def test_an_encoded_object_has_no_unknown_fields(registered: Object) -> None:
    decoded = decode_object(encode_object(registered))
    revision = registered.metadata.revision
    as_client = replace(registered.metadata, resource_version=str(revision) if revision else "")

    assert decoded.object == replace(registered, metadata=as_client)
    assert decoded.ignored_fields == ()


@given(objects)
def test_bytes_are_the_json_of_the_dict(registered: Object) -> None:
    assert encode_bytes(registered) == encode_json(encode_object(registered))
    assert json.loads(encode_bytes(registered)) == json.loads(json.dumps(encode_object(registered)))


@given(objects)
def test_encoded_objects_match_their_schema(registered: Object) -> None:
    assigned = replace(
        registered.metadata,
        name="a",
        namespace="default" if resource_of(registered).is_namespaced else "",
        uid=Uid("b"),
        revision=Revision(1),
        created_at=NOON,
    )
    resource = resource_of(registered)
    shown = json.loads(encode_bytes(replace(registered, metadata=assigned)))

    found = problems_as(resource.name, shown)
    assert [each for each in found if not any(words in each for words in UNVALIDATED)] == []
    fields = {field.alias or "" for field in wire_of(resource).model.model_fields.values()}
    assert fields - shown.keys() <= SOMETIMES
    assert shown["metadata"].keys() >= ALWAYS_IN_METADATA


@given(objects, st.binary(min_size=32, max_size=32))
def test_a_digest_is_in_the_stored_form_of_an_object_and_in_no_other(
    drawn: Object, digest: bytes
) -> None:
    token = Token(metadata=drawn.metadata, user="alice", description=repr(drawn))
    registered = replace(token, digest=digest.hex())
    document = encode_object(registered)
    kept = encode_stored(registered)
    for shown in (encode_bytes(registered), encode_yaml(document), repr(registered).encode()):
        assert digest.hex().encode() not in shown
    assert kept is not None
    assert decode_stored("Token", kept.decode()) == replace(
        registered, metadata=replace(registered.metadata, resource_version="")
    )
    assert (
        decode_object({**document, "digest": digest.hex()}).object == decode_object(document).object
    )


@given(json_values, json_values, json_values)
def test_any_value_anywhere_is_decoded_or_refused_with_causes(
    metadata: object, spec: object, status: object
) -> None:
    for kind in RESOURCES:
        document = {"metadata": metadata, "spec": spec, "status": status, "endpoints": spec}
        try:
            decoded = decode_object(document, kind.name)
        except BadRequest:
            assert refusal_of(document, kind.name).causes
        else:
            assert resource_of(decoded.object) is kind


@pytest.mark.parametrize("name", ["service.json", "ipfamily.json", "endpointslice.json"])
def test_objects_of_the_vectors_have_no_unknown_fields(name: str) -> None:
    cases = json.loads((VECTORS / name).read_text())
    found = [each for case in cases for each in case.get("existing", []) if "kind" in each]
    for document in found:
        if identify(document).held is not None:
            assert decode_object(document).ignored_fields == (), document
