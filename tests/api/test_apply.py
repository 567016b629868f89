"""Many manifests at once: all of them or none, and the second time nothing."""

from typing import Any

import httpx
import pytest
import yaml

Wire = dict[str, Any]
YAML = {"content-type": "application/yaml"}

SERVICE: Wire = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "ent", "labels": {"part": "ent"}},
    "spec": {"selector": {"app": "ent"}, "ports": [{"port": 80}], "type": "NodePort"},
}
POD: Wire = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "ent-1", "labels": {"app": "ent"}},
    "status": {"podIPs": [{"ip": "10.244.1.5"}]},
}
UNTYPED = {key: SERVICE[key] for key in ("kind", "metadata", "spec")}
DEPLOYMENT: Wire = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ent"}}


async def applied(api: httpx.AsyncClient, *documents: Wire, **query: str) -> httpx.Response:
    body = yaml.safe_dump_all(documents, sort_keys=False)
    return await api.post("/apply", params=query, content=body, headers=YAML)


def operations(answer: httpx.Response) -> list[str]:
    assert answer.is_success, answer.text
    return [result["operation"] for result in answer.json()["results"]]


async def test_one_body_is_one_revision_and_twice_is_none(api: httpx.AsyncClient) -> None:
    first = await applied(api, POD, SERVICE, DEPLOYMENT)
    assert operations(first) == ["created", "created", "ignored"]
    second = await applied(api, POD, SERVICE, DEPLOYMENT)
    assert operations(second) == ["unchanged", "unchanged", "ignored"]
    assert second.json()["resourceVersion"] == first.json()["resourceVersion"]
    revisions = {
        (await api.get(path)).json()["metadata"]["resourceVersion"]
        for path in ("/pods/default/ent-1", "/services/default/ent")
    }
    assert revisions == {first.json()["resourceVersion"]}


async def test_a_list_is_as_good_as_a_stream(api: httpx.AsyncClient) -> None:
    document = {"apiVersion": "v1", "kind": "List", "items": [SERVICE, POD]}
    answer = await api.post("/apply", json=document)
    assert operations(answer) == ["created", "created"]


async def test_what_the_manifest_drops_goes_and_what_others_wrote_stays(
    api: httpx.AsyncClient,
) -> None:
    await applied(api, SERVICE)
    before = (await api.get("/services/default/ent")).json()
    await api.patch(
        "/services/default/ent",
        json={"metadata": {"labels": {"by": "someone"}}},
        headers={"content-type": "application/merge-patch+json"},
    )
    changed: Wire = {**SERVICE, "metadata": {"name": "ent", "labels": {}}}
    assert operations(await applied(api, changed)) == ["configured"]
    after = (await api.get("/services/default/ent")).json()
    assert after["metadata"]["labels"] == {"by": "someone"}
    assert after["spec"] == before["spec"]


async def test_one_bad_document_stops_them_all_and_every_one_is_named(
    api: httpx.AsyncClient,
) -> None:
    bad_port = {**SERVICE, "spec": {"ports": [{"port": 99_999}]}}
    bad_type: Wire = {**POD, "metadata": {"name": "p", "labels": []}}
    answer = await applied(api, POD, bad_port, bad_type, DEPLOYMENT)
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    fields = [cause["field"] for cause in answer.json()["details"]["causes"]]
    assert fields[0].startswith("documents[1].spec.ports[0]")
    assert fields[-1].startswith("documents[2].metadata.labels")
    assert (await api.get("/pods")).json()["items"] == []


async def test_strict_refuses_kinds_and_fields_that_are_not_held(api: httpx.AsyncClient) -> None:
    kind = await applied(api, SERVICE, DEPLOYMENT, strict="true")
    assert kind.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert kind.json()["details"]["causes"][0]["field"] == "documents[1].kind"
    field = await applied(api, {**SERVICE, "data": {}}, strict="true")
    assert field.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_prune_removes_what_matches_and_is_not_named(api: httpx.AsyncClient) -> None:
    other = {**SERVICE, "metadata": {"name": "old", "labels": {"part": "ent"}}}
    alone = {**SERVICE, "metadata": {"name": "alone"}}
    await applied(api, SERVICE, other, alone)
    answer = await applied(api, SERVICE, prune="true", labelSelector="part=ent")
    assert operations(answer) == ["unchanged", "deleted"]
    names = [item["metadata"]["name"] for item in (await api.get("/services")).json()["items"]]
    assert names == ["alone", "ent"]
    assert (await applied(api, SERVICE, prune="true")).status_code == httpx.codes.BAD_REQUEST


async def test_a_dry_run_tells_and_does_nothing(api: httpx.AsyncClient) -> None:
    answer = await applied(api, SERVICE, dryRun="All")
    assert answer.json()["dryRun"] is True
    assert operations(answer) == ["created"]
    assert (await api.get("/services")).json()["items"] == []


async def test_what_probes_said_survives_applying_the_same_file(api: httpx.AsyncClient) -> None:
    await applied(api, POD)
    await api.patch(
        "/pods/default/ent-1/status",
        json={"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Down"}]}},
        headers={"content-type": "application/merge-patch+json"},
    )
    assert operations(await applied(api, POD)) == ["unchanged"]
    conditions = (await api.get("/pods/default/ent-1")).json()["status"]["conditions"]
    assert [each["reason"] for each in conditions if each["type"] == "Ready"] == ["Down"]


@pytest.mark.parametrize(
    "document", [{"kind": "Service", "apiVersion": "v1"}, {**POD, "metadata": {}}]
)
async def test_an_object_without_name_is_refused(api: httpx.AsyncClient, document: Wire) -> None:
    answer = await applied(api, document)
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.json()["details"]["causes"][0]["field"] == "documents[0].metadata.name"


async def test_a_document_that_does_not_say_what_it_is_is_refused(api: httpx.AsyncClient) -> None:
    answer = await applied(api, DEPLOYMENT, UNTYPED, {"metadata": {"name": "ent"}})
    fields = [cause["field"] for cause in answer.json()["details"]["causes"]]
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert fields == ["documents[1].apiVersion", "documents[2].apiVersion", "documents[2].kind"]


async def test_another_groups_kind_of_the_same_name_is_ignored(api: httpx.AsyncClient) -> None:
    answer = await applied(api, {**SERVICE, "apiVersion": "serving.knative.dev/v1"})
    assert operations(answer) == ["ignored"]
    assert answer.json()["results"][0]["message"] == (
        "Service of serving.knative.dev/v1 is not held here"
    )


async def test_a_pod_that_moves_to_another_address_is_registered_there(
    api: httpx.AsyncClient,
) -> None:
    await applied(api, POD)
    await applied(api, {**POD, "status": {"podIPs": [{"ip": "10.244.9.9"}]}})
    status = (await api.get("/pods/default/ent-1")).json()["status"]
    assert (status["podIP"], status["podIPs"]) == ("10.244.9.9", [{"ip": "10.244.9.9"}])


async def test_a_document_in_a_malformed_namespace_says_so(api: httpx.AsyncClient) -> None:
    misplaced = {**SERVICE, "metadata": {"name": "ent", "namespace": "No_Namespace"}}
    answer = await applied(api, misplaced)
    fields = [cause["field"] for cause in answer.json()["details"]["causes"]]
    assert fields == ["documents[0].metadata.namespace"]
