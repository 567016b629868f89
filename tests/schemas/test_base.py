"""The base of wire models, and the schemas of all of them."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.schemas import apply, clusterips, health, heartbeats, status
from app.schemas.base import COMPONENT, Input, Output, wire_name
from app.schemas.objects.lists import list_model
from app.schemas.objects.service import ServiceSpec
from app.schemas.objects.wires import WIRES

WRITTEN = (*(wire.model for wire in WIRES), heartbeats.Heartbeats)
READ = (
    *map(list_model, WIRES),
    status.Status,
    apply.ApplyResult,
    heartbeats.HeartbeatResult,
    clusterips.ClusterIPAllocations,
    health.Health,
    health.Version,
)


def schemas() -> dict[str, dict[str, Any]]:
    _, shared = models_json_schema(
        [
            *((model, "validation") for model in WRITTEN),
            *((model, "serialization") for model in READ),
        ]
    )
    found: dict[str, dict[str, Any]] = shared["$defs"]
    return found


def parts(schema: object) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield cast("dict[str, Any]", schema)
        for value in cast("dict[str, object]", schema).values():
            yield from parts(value)
    elif isinstance(schema, list):
        for value in cast("list[object]", schema):
            yield from parts(value)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("cluster_ip", "clusterIP"),
        ("cluster_ips", "clusterIPs"),
        ("pod_ip", "podIP"),
        ("pod_ips", "podIPs"),
        ("host_ip", "hostIP"),
        ("external_ips", "externalIPs"),
        ("load_balancer_ip", "loadBalancerIP"),
        ("client_ip", "clientIP"),
        ("pod_cidr", "podCIDR"),
        ("pod_cidrs", "podCIDRs"),
        ("provider_id", "providerID"),
        ("uid", "uid"),
        ("ip", "ip"),
        ("cidrs", "cidrs"),
        ("api_version", "apiVersion"),
        ("http_get", "httpGet"),
        ("http_headers", "httpHeaders"),
        ("dns_policy", "dnsPolicy"),
        ("publish_not_ready_addresses", "publishNotReadyAddresses"),
        ("continue_", "continue"),
    ],
)
def test_fields_have_kubernetes_spelling(name: str, wire: str) -> None:
    assert wire_name(name) == wire


def test_no_model_has_two_schemas() -> None:
    assert not [name for name in schemas() if name.endswith(("-Input", "-Output"))]


def test_every_object_has_fields_or_a_type_of_values() -> None:
    for name, schema in schemas().items():
        for part in parts(schema):
            if part.get("type") == "object":
                assert part.get("properties") or part.get("additionalProperties"), name


def test_an_absent_field_is_omitted_and_never_null() -> None:
    for name, schema in schemas().items():
        for part in parts(schema):
            assert part.get("type") != "null", name
            assert part.get("default", "") is not None, name


def test_every_model_has_a_description() -> None:
    assert [name for name, schema in schemas().items() if not schema.get("description")] == []


def test_required_names_are_fields() -> None:
    for name, schema in schemas().items():
        assert set(schema.get("required", ())) <= set(schema.get("properties", ())), name


def test_what_every_writer_has_to_send_is_required() -> None:
    found = schemas()

    assert "required" not in found["ObjectMeta"]
    assert found["Service"]["required"] == ["apiVersion", "kind", "metadata"]
    assert found["EndpointSlice"]["required"] == ["apiVersion", "kind", "metadata", "addressType"]
    assert found["ServicePort"]["required"] == ["port"]


def test_vocabularies_and_ranges_are_documented() -> None:
    properties = ServiceSpec.model_json_schema()["properties"]
    port = schemas()["ServicePort"]["properties"]["port"]

    vocabulary = properties["type"][COMPONENT]["ServiceType"]
    assert vocabulary["enum"] == ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]
    assert (port["format"], port["minimum"], port["maximum"]) == ("int32", 1, 65535)


@pytest.mark.parametrize("model", [*WRITTEN, *READ])
def test_a_model_is_either_input_or_output(model: type[BaseModel]) -> None:
    assert issubclass(model, Input) != issubclass(model, Output)
