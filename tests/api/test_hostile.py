"""Any request gets an answer that the document declares, and refusals change nothing."""
# ruff: noqa: ANN401  what is sent may be anything

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.schemas.documents.yaml_output import encode_yaml
from tests.declared import document, may_answer
from tests.registries import an_api

Wire = dict[str, Any]

MANIFEST: Wire = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
    "spec": {
        "type": "LoadBalancer",
        "selector": {"app": "web"},
        "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
        "clusterIP": "10.96.0.77",
        "clusterIPs": ["10.96.0.77"],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "externalIPs": ["198.51.100.7"],
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
        "loadBalancerSourceRanges": ["198.51.100.0/24"],
        "externalTrafficPolicy": "Local",
        "healthCheckNodePort": 30100,
    },
}
PATHS = [
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("metadata", "labels"),
    ("metadata", "annotations"),
    ("metadata", "finalizers"),
    ("metadata",),
    ("spec",),
    *(("spec", field) for field in MANIFEST["spec"]),
    ("spec", "ports", 0),
    ("spec", "ports", 0, "port"),
    ("spec", "ports", 0, "targetPort"),
    ("spec", "ports", 0, "nodePort"),
    ("spec", "selectorExpressions"),
    ("status",),
    ("kind",),
    ("unknown",),
]

texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "None", "0x7f.1", "010.96.0.001", "::ffff:10.96.0.1", "fd00::1%eth0", "1e9999"]
    ),
    st.sampled_from(["a" * 100_000, "\x00", "\ud800".encode("utf-16", "surrogatepass").hex()]),
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
deep = st.integers(1, 5_000).map(lambda depth: "[" * depth + "]" * depth)
bodies = st.one_of(st.binary(max_size=200), deep.map(str.encode), texts.map(str.encode))
METHODS = ("GET", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Target:
    runner: asyncio.Runner
    client: httpx.AsyncClient

    def send(self, method: str, path: str, **what: Any) -> httpx.Response:
        return self.runner.run(self.client.request(method, path, **what))

    def state(self) -> tuple[Any, ...]:
        paths = ("/services", "/namespaces", "/endpointslices", "/clusterips")
        return tuple(self.send("GET", path).json() for path in paths)


@pytest.fixture(scope="module")
def target(module_database_url: str) -> Iterator[Target]:
    with asyncio.Runner() as runner:
        api = an_api(module_database_url)
        client = runner.run(api.__aenter__())
        yield Target(runner, client)
        runner.run(api.__aexit__(None, None, None))


declared: Wire = document()["paths"]
sizes = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def answers_as_declared(target: Target, before: tuple[Any, ...], response: httpx.Response) -> None:
    assert may_answer(declared["/services"]["post"], response.status_code), response.text
    if response.status_code == httpx.codes.CREATED.value:
        target.send("DELETE", response.headers["Location"], json={"gracePeriodSeconds": 0})
        return
    body = response.json()
    assert (body["kind"], body["code"]) == ("Status", response.status_code)
    assert target.state() == before


@sizes
@given(st.lists(st.tuples(st.sampled_from(PATHS), values), min_size=1, max_size=3))
def test_manifests_with_anything_anywhere(
    target: Target, changes: list[tuple[tuple[str | int, ...], object]]
) -> None:
    manifest = json.loads(json.dumps(MANIFEST))
    for path, value in changes:
        put(manifest, path, value)
    before = target.state()
    body = json.dumps(manifest)
    response = target.send(
        "POST", "/services", content=body, headers={"content-type": "application/json"}
    )
    answers_as_declared(target, before, response)


@sizes
@given(
    st.one_of(st.binary(max_size=200), deep.map(str.encode), st.text(max_size=80).map(str.encode))
)
@pytest.mark.parametrize("media", ["application/json", "application/yaml"])
def test_bodies_of_any_bytes(target: Target, media: str, body: bytes) -> None:
    before = target.state()
    for path in ("/services", "/apply"):
        response = target.send("POST", path, content=body, headers={"content-type": media})
        assert response.status_code < httpx.codes.INTERNAL_SERVER_ERROR, response.text
        if response.is_error:
            assert response.json()["kind"] == "Status"
    assert target.state() == before


@sizes
@given(values)
def test_yaml_and_json_are_answered_alike(target: Target, value: object) -> None:
    manifest = {**MANIFEST, "spec": {**MANIFEST["spec"], "selector": value}}
    as_json = target.send("POST", "/services?dryRun=All", json=manifest)
    as_yaml = target.send(
        "POST",
        "/services?dryRun=All",
        content=encode_yaml(manifest),
        headers={"content-type": "application/yaml"},
    )
    assert as_yaml.status_code == as_json.status_code


def test_aliases_that_explode_are_refused(target: Target) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    response = target.send(
        "POST",
        "/services",
        content="\n".join(lines),
        headers={"content-type": "application/yaml"},
    )
    assert response.status_code == httpx.codes.BAD_REQUEST


def test_bodies_above_the_bound_are_refused(target: Target) -> None:
    response = target.send(
        "POST",
        "/services",
        content=b" " * (8 * 1024 * 1024 + 1),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert response.json()["reason"] == "RequestEntityTooLarge"


@sizes
@given(
    st.sampled_from(sorted(declared)), values, st.sampled_from(["GET", "PUT", "PATCH", "DELETE"])
)
def test_no_route_answers_with_an_error_of_its_own(
    target: Target, path: str, value: object, method: str
) -> None:
    if path == "/watch":
        return  # a stream, which has no end of its own
    concrete = path.replace("{namespace}", "default").replace("{name}", "web")
    response = target.send(
        method,
        concrete,
        content=json.dumps(value),
        headers={
            "content-type": "application/merge-patch+json"
            if method == "PATCH"
            else "application/json"
        },
        params={"labelSelector": str(value)[:100], "limit": str(value)[:20]},
    )
    assert response.status_code != httpx.codes.INTERNAL_SERVER_ERROR, response.text


def put(manifest: Wire, path: tuple[str | int, ...], value: object) -> None:
    """Set a value at a path, unless an earlier change removed the path."""
    inner: Any = manifest
    for step in path[:-1]:
        try:
            inner = inner[step]
        except (KeyError, IndexError, TypeError):
            return
    try:
        inner[path[-1]] = value
    except (IndexError, TypeError):
        return
