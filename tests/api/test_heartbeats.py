"""Heartbeats over HTTP: renewed and unknown Pods, malformed bodies, and restored readiness."""

from typing import Any

import httpx
import pytest

from app.schemas.heartbeats import HEARTBEATS_MAX, HeartbeatResult
from tests.registries import an_api
from tests.waiting import eventually

SERVICE = {
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def a_pod(name: str = "p0", lease_s: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"leaseDurationSeconds": lease_s},
        "status": {"podIPs": [{"ip": "10.0.0.1"}]},
    }


async def ready(client: httpx.AsyncClient) -> dict[str, Any]:
    pod = (await client.get("/pods/default/p0")).json()
    return next(entry for entry in pod["status"]["conditions"] if entry["type"] == "Ready")


async def until_expired(client: httpx.AsyncClient) -> None:
    async def has_expired() -> bool:
        return (await ready(client)).get("reason") == "LeaseExpired"

    await eventually(has_expired)


async def test_one_heartbeat_takes_no_revision(database_url: str) -> None:
    async with an_api(database_url) as client:
        created = (await client.post("/pods", json=a_pod(lease_s=60))).json()
        response = await client.post("/pods/default/p0/heartbeat")
        after = (await client.get("/pods")).json()

    assert response.json() == {"renewed": [{"namespace": "default", "name": "p0"}], "unknown": []}
    assert after["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]


async def test_a_bulk_heartbeat_lists_unknown_pods(database_url: str) -> None:
    async with an_api(database_url) as client:
        await client.post("/pods", json=a_pod(lease_s=60))
        pods = [{"namespace": "default", "name": "p0"}, {"name": "p1"}]
        response = await client.post("/heartbeats", json={"pods": pods})

    assert HeartbeatResult.model_validate_json(response.content).model_dump() == {
        "renewed": [{"namespace": "default", "name": "p0"}],
        "unknown": [{"namespace": "default", "name": "p1"}],
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["pods"]),
        (
            {"pods": [{"name": "p0"}, {}, {"namespace": "default"}]},
            ["pods[1].name", "pods[2].name"],
        ),
        ({"pods": "p0"}, ["pods"]),
        ({"pods": [{"name": "p0", "namespace": 1}]}, ["pods[0].namespace"]),
        ({"pods": [{"name": "p"}] * (HEARTBEATS_MAX + 1)}, ["pods"]),
    ],
)
async def test_malformed_heartbeats_are_refused(
    body: object, fields: list[str], database_url: str
) -> None:
    async with an_api(database_url) as client:
        response = await client.post("/heartbeats", json=body)

    assert response.status_code == httpx.codes.BAD_REQUEST
    assert [cause["field"] for cause in response.json()["details"]["causes"]] == fields


@pytest.mark.parametrize("path", ["/pods/default/p9/heartbeat", "/nodes/n9/heartbeat"])
async def test_an_unknown_object_has_no_lease(path: str, database_url: str) -> None:
    async with an_api(database_url) as client:
        response = await client.post(path)

    assert response.status_code == httpx.codes.NOT_FOUND
    assert response.json()["reason"] == "NotFound"


async def test_a_node_heartbeat_answers_with_the_lease_duration(database_url: str) -> None:
    async with an_api(database_url, node_lease_seconds=7) as client:
        await client.post("/nodes", json={"metadata": {"name": "n1"}})
        response = await client.post("/nodes/n1/heartbeat")

    assert response.json() == {"node": "n1", "leaseDurationSeconds": 7}


async def test_a_pod_with_an_expired_lease_is_ready_again_when_its_heartbeat_is_answered(
    database_url: str,
) -> None:
    async with an_api(database_url) as client:
        await client.post("/services", json=SERVICE)
        await client.post("/pods", json=a_pod())
        await until_expired(client)
        explained = (await client.get("/services/default/web/explain")).json()
        metrics = (await client.get("/metrics")).text

        await client.post("/pods/default/p0/heartbeat")
        assert (await ready(client))["reason"] == "NoReadinessProbe"

    assert "its lease of 1 s ran out without a heartbeat" in explained["summary"]
    assert "waypost_lapsed_pods 1.0" in metrics
    assert "waypost_mass_failure_guards 0.0" in metrics


@pytest.mark.parametrize("way", ["put", "apply"])
async def test_registering_again_is_a_heartbeat(way: str, database_url: str) -> None:
    async with an_api(database_url) as client:
        await client.post("/apply", json=a_pod())
        await until_expired(client)
        if way == "put":
            await client.put("/pods/default/p0", json=a_pod())
        else:
            await client.post("/apply", json=a_pod())
        assert (await ready(client))["status"] == "True"


async def test_an_edit_of_a_read_object_is_no_heartbeat(database_url: str) -> None:
    async with an_api(database_url) as client:
        await client.post("/pods", json=a_pod())
        await until_expired(client)
        read = (await client.get("/pods/default/p0")).json()
        read["metadata"]["labels"]["tier"] = "front"
        response = await client.put("/pods/default/p0", json=read)

    assert response.status_code == httpx.codes.OK
    conditions = response.json()["status"]["conditions"]
    assert [entry["reason"] for entry in conditions] == ["LeaseExpired", "NoReadinessProbe"]
