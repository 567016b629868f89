"""Dumps with finalizers of cluster controllers: accepted with a warning, and deletable."""

from typing import Any

import httpx
import pytest

Wire = dict[str, Any]

OF_CLUSTERS = "service.kubernetes.io/load-balancer-cleanup"
OWN = "example.com/hold"
PATH = "/services/shop/a"


def a_dump(*finalizers: str) -> Wire:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a", "namespace": "shop", "finalizers": [*finalizers]},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.8", "ports": [{"port": 80}]},
    }


def is_warned(answer: httpx.Response) -> bool:
    return any(OF_CLUSTERS in warning for warning in answer.headers.get_list("warning"))


async def finalizers(api: httpx.AsyncClient) -> list[str]:
    return (await api.get(PATH)).json()["metadata"].get("finalizers", [])


async def test_a_dump_applied_twice_changes_nothing_the_second_time(api: httpx.AsyncClient) -> None:
    for operation in ("created", "unchanged"):
        answer = await api.post("/apply", json=a_dump(OF_CLUSTERS, OWN))
        assert answer.json()["results"][0]["operation"] == operation
        assert is_warned(answer)
        assert await finalizers(api) == [OWN]


@pytest.mark.parametrize(
    ("media_type", "patch"),
    [
        ("application/merge-patch+json", {"metadata": {"finalizers": [OWN, OF_CLUSTERS]}}),
        ("application/strategic-merge-patch+json", {"metadata": {"finalizers": [OF_CLUSTERS]}}),
        (
            "application/json-patch+json",
            [{"op": "add", "path": "/metadata/finalizers/-", "value": OF_CLUSTERS}],
        ),
    ],
)
async def test_no_patch_adds_a_cluster_finalizer(
    api: httpx.AsyncClient, media_type: str, patch: object
) -> None:
    await api.post("/services", json=a_dump(OWN))
    answer = await api.patch(PATH, json=patch, headers={"content-type": media_type})
    assert answer.is_success, answer.text
    assert is_warned(answer)
    assert await finalizers(api) == [OWN]


async def test_create_and_replace_drop_it_and_the_address_is_free_once_it_is_deleted(
    api: httpx.AsyncClient,
) -> None:
    assert is_warned(await api.post("/services", json=a_dump(OF_CLUSTERS)))
    assert is_warned(await api.put(PATH, json=a_dump(OF_CLUSTERS)))
    assert (await api.delete(PATH)).is_success
    assert (await api.get(PATH)).status_code == httpx.codes.NOT_FOUND
    assert (await api.delete("/namespaces/shop")).is_success
    assert (await api.get("/namespaces/shop")).status_code == httpx.codes.NOT_FOUND
    assert (await api.post("/services", json=a_dump())).status_code == httpx.codes.CREATED
