"""The finalizers of a Namespace: set at creation, changed by finalize alone."""

from typing import Any

import httpx
import pytest

Wire = dict[str, Any]
OWN = "example.com/mine"
PATH = "/namespaces/shop"
HELD: Wire = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop", "finalizers": [OWN]},
    "spec": {"ports": [{"port": 80}]},
}


def a_namespace(*finalizers: str) -> Wire:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop"},
        "spec": {"finalizers": [*finalizers]},
    }


async def finalizers(api: httpx.AsyncClient) -> list[str]:
    answer = await api.get(PATH)
    assert answer.is_success, answer.text
    return answer.json()["spec"].get("finalizers", [])


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ((), ["kubernetes"]),
        (("kubernetes",), ["kubernetes"]),
        ((OWN,), [OWN, "kubernetes"]),
        (("controller.cattle.io/namespace-auth", OWN), [OWN, "kubernetes"]),
    ],
)
async def test_finalizers_of_a_new_namespace_are_kept_and_kubernetes_is_added(
    api: httpx.AsyncClient, sent: tuple[str, ...], kept: list[str]
) -> None:
    answer = await api.post("/namespaces", json=a_namespace(*sent))
    assert await finalizers(api) == kept
    warned = " ".join(answer.headers.get_list("warning"))
    assert ("cattle.io" in warned) == ("controller.cattle.io/namespace-auth" in sent)


async def test_no_write_but_finalize_changes_them(api: httpx.AsyncClient) -> None:
    await api.post("/namespaces", json=a_namespace(OWN))
    merge = {"content-type": "application/merge-patch+json"}
    for answer in (
        await api.put(PATH, json=a_namespace("example.com/other")),
        await api.patch(PATH, json={"spec": {"finalizers": []}}, headers=merge),
        await api.post("/apply", json=a_namespace()),
    ):
        assert answer.is_success, answer.text
        assert await finalizers(api) == [OWN, "kubernetes"]
    labelled = {**a_namespace("example.com/other"), "status": {"phase": "Terminating"}}
    labelled["metadata"] = {"name": "shop", "labels": {"a": "b"}}
    answer = await api.put(f"{PATH}/finalize", json=labelled)
    assert answer.is_success, answer.text
    assert await finalizers(api) == ["example.com/other"]
    found = (await api.get(PATH)).json()
    assert "a" not in found["metadata"]["labels"]
    assert found["status"]["phase"] == "Active"


async def test_a_users_own_finalizer_keeps_a_namespace_until_it_is_finalized(
    api: httpx.AsyncClient,
) -> None:
    await api.post("/namespaces", json=a_namespace(OWN))
    await api.post("/services", json={**HELD, "metadata": {"name": "web", "namespace": "shop"}})
    assert (await api.delete(PATH)).is_success
    assert (await api.get("/services/shop/web")).status_code == httpx.codes.NOT_FOUND
    assert await finalizers(api) == [OWN]
    assert (await api.get(PATH)).json()["status"]["phase"] == "Terminating"
    assert (await api.put(f"{PATH}/finalize", json=a_namespace())).is_success
    assert (await api.get(PATH)).status_code == httpx.codes.NOT_FOUND


async def test_finalize_does_not_remove_a_namespace_with_objects(api: httpx.AsyncClient) -> None:
    await api.post("/services", json=HELD)
    assert (await api.delete(PATH)).is_success
    assert (await api.put(f"{PATH}/finalize", json=a_namespace())).is_success
    assert (await api.get("/services/shop/web")).is_success
    merge = {"content-type": "application/merge-patch+json"}
    freed = {"metadata": {"finalizers": None}}
    assert (await api.patch("/services/shop/web", json=freed, headers=merge)).is_success
    assert (await api.get(PATH)).status_code == httpx.codes.NOT_FOUND


async def test_finalize_refuses_a_missing_or_changed_namespace(api: httpx.AsyncClient) -> None:
    missing = await api.put(f"{PATH}/finalize", json=a_namespace())
    assert missing.status_code == httpx.codes.NOT_FOUND
    await api.post("/namespaces", json=a_namespace(OWN))
    for sent, status in (
        ({"name": "shop", "resourceVersion": "1"}, httpx.codes.CONFLICT),
        ({"name": "other"}, httpx.codes.BAD_REQUEST),
    ):
        answer = await api.put(f"{PATH}/finalize", json={**a_namespace(), "metadata": sent})
        assert answer.status_code == status, answer.text
    bad = await api.put(f"{PATH}/finalize", json=a_namespace("a b"))
    assert bad.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert await finalizers(api) == [OWN, "kubernetes"]


async def test_the_answer_to_a_delete_is_the_namespace_as_it_is_then(
    api: httpx.AsyncClient,
) -> None:
    await api.post("/namespaces", json={"metadata": {"name": "x"}})
    held = {"metadata": {"name": "p", "namespace": "x", "finalizers": ["example.dev/own"]}}
    await api.post("/pods", json=held)
    deleted = await api.delete("/namespaces/x")
    read = await api.get("/namespaces/x")
    assert (deleted.json(), deleted.headers["etag"]) == (read.json(), read.headers["etag"])
