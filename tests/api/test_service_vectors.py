"""The vectors of registration through the HTTP API, on a real database.

What exists is posted first, then the request; the answer, and what is free
afterwards, are what the vector says.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

import httpx
import pytest

from tests.registries import an_api
from tests.vector_matching import NEEDS_ADMISSION, differences, load_vectors

Wire = dict[str, Any]

LEFT_OUT: Mapping[str, str] = {
    **NEEDS_ADMISSION,
    "apply-without-fieldmanager": "server-side apply is not offered; /apply is",
}
OFF_GATES = "a feature that is always on here is switched off"

VECTORS = [vector for vector in load_vectors("service.json") if vector["name"] not in LEFT_OUT]
FAMILIES = load_vectors("ipfamily.json")
CLUSTERS = (("IPv4",), ("IPv6",), ("IPv4", "IPv6"), ("IPv6", "IPv4"))
RANGES = {"IPv4": "10.0.0.0/16", "IPv6": "2000::/108"}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
async def test_a_request_is_answered_as_the_vector_says(vector: Wire, database_url: str) -> None:
    config, expect = vector["config"], vector["expect"]
    gates = {**config.get("features", {}), **config.get("featuresForRequest", {})}
    if not all([*config.get("features", {}).values(), *gates.values()]):
        pytest.skip(OFF_GATES)
    settings = {
        "service_cidrs": tuple(config["serviceCIDRs"]),
        "node_port_range": config.get("nodePortRange", "30000-32767"),
        "namespace_autocreate": vector["name"] != "namespace-missing",
    }
    async with an_api(database_url, **settings) as client:
        for extra in config.get("extraServiceCIDRs", ()):
            await created(client, "servicecidrs", a_range(extra))
        for document in vector["existing"]:
            await created(client, "services", document)
        before = await stored(client, vector["request"])

        response = await sent(client, vector["request"])

        body = response.json()
        assert response.status_code == expect["code"], body
        if expect["accepted"]:
            assert not differences(expect["result"], body, before=before)
        else:
            assert refusal(body) == Counter(
                (error["field"], error["reason"]) for error in expect["errors"]
            )
        await assert_after(client, expect.get("after", {}))


@pytest.mark.parametrize("cluster", CLUSTERS, ids="-".join)
async def test_families_are_resolved_as_the_matrix_says(
    cluster: tuple[str, ...], database_url: str
) -> None:
    vectors = [vector for vector in FAMILIES if tuple(vector["cluster"]) == cluster]
    assert vectors
    ranges = tuple(RANGES[family] for family in cluster)
    async with an_api(database_url, service_cidrs=ranges) as client:
        for vector in vectors:
            response = await client.post("/services", json=a_family_manifest(vector))
            assert_families(vector, response)
            await client.delete("/services/default/web")


def assert_families(vector: Wire, response: httpx.Response) -> None:
    body, expect = response.json(), vector["expect"]
    if not expect["accepted"]:
        assert response.status_code == expect["code"], (vector, body)
        assert refusal(body) == Counter(
            (error["field"], error["reason"]) for error in expect["errors"]
        )
        return
    assert response.status_code == httpx.codes.CREATED, (vector, body)
    assert body["spec"]["ipFamilies"] == expect["ipFamilies"]
    assert body["spec"]["ipFamilyPolicy"] == expect["ipFamilyPolicy"]
    addresses = body["spec"]["clusterIPs"]
    assert (addresses if addresses == ["None"] else len(addresses)) == (
        ["None"] if expect["clusterIPs"] == "None" else expect["clusterIPs"]
    )


def a_range(extra: Wire) -> Wire:
    return {"metadata": {"name": extra["name"]}, "spec": {"cidrs": extra["cidrs"]}}


def a_family_manifest(vector: Wire) -> Wire:
    spec: Wire = {"ports": [{"port": 80}]}
    if vector["selector"]:
        spec["selector"] = {"app": "web"}
    for field in ("clusterIPs", "ipFamilyPolicy", "ipFamilies"):
        if vector[field] is not None:
            spec[field] = vector[field]
    if vector["clusterIPs"]:
        spec["clusterIP"] = vector["clusterIPs"][0]
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}


async def created(client: httpx.AsyncClient, plural: str, document: Wire) -> None:
    response = await client.post(f"/{plural}", json=document)
    assert response.status_code == httpx.codes.CREATED, response.text


async def stored(client: httpx.AsyncClient, request: Wire) -> Wire:
    response = await client.get(object_path(request))
    return cast("Wire", response.json()) if response.is_success else {}


async def sent(client: httpx.AsyncClient, request: Wire) -> httpx.Response:
    method = request["method"]
    path = "/services" if method == "POST" else object_path(request)
    if request.get("path", "").endswith("/status"):
        path += "/status"
    content_type = request.get("contentType", "application/json")
    return await client.request(
        method,
        f"{path}?{request.get('query', '')}",
        content=json.dumps(request["object"]),
        headers={"content-type": content_type},
    )


def object_path(request: Wire) -> str:
    if target := request.get("target"):
        return f"/services/{target if '/' in target else f'default/{target}'}"
    meta = request["object"]["metadata"]
    return f"/services/{meta.get('namespace', 'default')}/{meta.get('name', '')}"


def refusal(body: Wire) -> Counter[tuple[str, str]]:
    """List the causes of a refused object; other refusals have only a reason."""
    if body["reason"] == "Invalid":
        return Counter((cause["field"], cause["reason"]) for cause in body["details"]["causes"])
    return Counter([("", body["reason"])])


async def assert_after(client: httpx.AsyncClient, after: Wire) -> None:
    shown = (await client.get("/clusterips")).json()
    held = {allocation["address"] for allocation in shown["allocations"]}
    services = (await client.get("/services")).json()["items"]
    assert not held & set(after.get("free", ()))
    assert held >= set(after.get("allocated", ()))
    for number in after.get("freeNodePorts", ()):
        probe = {"type": "NodePort", "ports": [{"port": 1, "nodePort": number}]}
        manifest = {"metadata": {"name": "probe"}, "spec": probe}
        response = await client.post("/services", params={"dryRun": "All"}, json=manifest)
        assert response.status_code == httpx.codes.CREATED, response.text
    names = {service["metadata"]["name"] for service in services}
    assert not names & set(after.get("notStored", ()))
