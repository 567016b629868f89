"""Endpoints objects through /apply: accepted, mirrored, in the result, and removed again."""

from typing import Any

import httpx
import pytest
import yaml

Wire = dict[str, Any]

YAML = {"content-type": "application/yaml"}
MIRRORED_BY = "endpointslice.kubernetes.io/managed-by=endpointslicemirroring-controller.k8s.io"
SERVICE: Wire = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "legacy-db"},
    "spec": {"clusterIP": "None", "ports": [{"port": 3306}]},
}
ENDPOINTS: Wire = {
    "apiVersion": "v1",
    "kind": "Endpoints",
    "metadata": {"name": "legacy-db", "labels": {"team": "data"}},
    "subsets": [
        {
            "addresses": [{"ip": "192.0.2.77", "hostname": "db-0", "nodeName": "n1"}],
            "notReadyAddresses": [{"ip": "192.0.2.78"}],
            "ports": [{"name": "mysql", "port": 3306, "appProtocol": "example.com/mysql"}],
        }
    ],
}
SELECTING: Wire = {**SERVICE, "spec": {"selector": {"app": "x"}, "ports": [{"port": 3306}]}}


async def applied(api: httpx.AsyncClient, *documents: Wire, **query: str) -> httpx.Response:
    body = yaml.safe_dump_all(documents, sort_keys=False)
    return await api.post("/apply", params=query, content=body, headers=YAML)


def operations(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.is_success, answer.text
    return [(each["kind"], each["operation"]) for each in answer.json()["results"]]


async def mirrored(api: httpx.AsyncClient) -> list[Wire]:
    answer = await api.get("/endpointslices", params={"labelSelector": MIRRORED_BY})
    return answer.json()["items"]


async def resolved(api: httpx.AsyncClient, name: str) -> list[str]:
    params = {"name": f"{name}.default.svc.cluster.local.", "type": "A"}
    records: list[Wire] = (await api.get("/resolve", params=params)).json()["records"]
    return [record["data"] for record in records]


async def test_endpoints_become_slices_that_names_resolve_to(api: httpx.AsyncClient) -> None:
    first = await applied(api, ENDPOINTS, SERVICE)
    assert operations(first) == [("Endpoints", "created"), ("Service", "created")]
    assert "warning" not in first.headers
    [slice_] = await mirrored(api)
    assert slice_["metadata"]["labels"]["team"] == "data"
    assert slice_["ports"] == [
        {
            "name": "mysql",
            "protocol": "TCP",
            "port": 3306,
            "appProtocol": "example.com/mysql",
        }
    ]
    assert [endpoint["conditions"] for endpoint in slice_["endpoints"]] == [
        {"ready": True},
        {"ready": False},
    ]
    assert await resolved(api, "legacy-db") == ["192.0.2.77"]
    assert await resolved(api, "db-0.legacy-db") == ["192.0.2.77"]

    again = await applied(api, ENDPOINTS, SERVICE)
    assert [operation for _, operation in operations(again)] == ["unchanged", "unchanged"]
    assert again.json()["resourceVersion"] == first.json()["resourceVersion"]
    said = (await api.get("/services/default/legacy-db/explain")).json()
    [reason, *_] = said["slices"][0]["reasons"]
    assert reason["code"] == "Mirrored"


async def test_addresses_left_out_of_the_next_apply_are_removed(api: httpx.AsyncClient) -> None:
    await applied(api, SERVICE, ENDPOINTS)
    moved: Wire = {**ENDPOINTS, "subsets": [{"addresses": [{"ip": "2001:db8::1"}]}]}
    assert operations(await applied(api, moved)) == [("Endpoints", "configured")]
    [slice_] = await mirrored(api)
    assert (slice_["addressType"], slice_["ports"]) == ("IPv6", [])
    assert operations(await applied(api, {**ENDPOINTS, "subsets": None})) == [
        ("Endpoints", "configured")
    ]
    assert await mirrored(api) == []


async def test_a_missing_service_gives_a_warning(api: httpx.AsyncClient) -> None:
    answer = await applied(api, ENDPOINTS)
    assert operations(answer) == [("Endpoints", "created")]
    assert "there is no Service default/legacy-db yet" in answer.headers["warning"]
    await applied(api, SERVICE)
    assert await resolved(api, "legacy-db") == ["192.0.2.77"]
    await api.delete("/services/default/legacy-db")
    assert await mirrored(api) == []


@pytest.mark.parametrize(
    ("service", "meta", "words"),
    [
        (SELECTING, {}, "the Service default/legacy-db has a selector"),
        (
            SERVICE,
            {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
            "skip-mirror=true",
        ),
    ],
)
async def test_endpoints_that_are_not_mirrored_are_ignored_with_a_reason(
    api: httpx.AsyncClient, service: Wire, meta: Wire, words: str
) -> None:
    ignored = {**ENDPOINTS, "metadata": {"name": "legacy-db", **meta}}
    answer = await applied(api, ignored, service, strict="true")
    assert operations(answer)[0] == ("Endpoints", "ignored")
    assert words in answer.json()["results"][0]["message"]
    assert await mirrored(api) == []


async def test_a_list_of_endpoints_is_read_like_any_other(api: httpx.AsyncClient) -> None:
    item = {"metadata": {"name": "legacy-db"}, "subsets": ENDPOINTS["subsets"]}
    body = {"apiVersion": "v1", "kind": "EndpointsList", "items": [item]}
    answer = await api.post("/apply", json=body)
    assert operations(answer) == [("Endpoints", "created")]


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        (
            {"subsets": [{"addresses": [{"ip": "db"}], "ports": [{"port": 0}]}, {}]},
            [
                "documents[0].subsets[0].addresses[0].ip",
                "documents[0].subsets[0].ports[0].port",
                "documents[0].subsets[1]",
            ],
        ),
        ({"subsets": {}}, ["documents[0].subsets"]),
        ({"metadata": {}}, ["documents[0].metadata.name"]),
        ({"metadata": []}, ["documents[0].metadata"]),
    ],
)
async def test_violations_of_endpoints_are_reported_with_all_others(
    api: httpx.AsyncClient, changed: Wire, fields: list[str]
) -> None:
    bad_service = {**SERVICE, "spec": {"ports": [{"port": 80, "name": "A"}]}}
    answer = await applied(api, {**ENDPOINTS, **changed}, bad_service)
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    causes = [cause["field"] for cause in answer.json()["details"]["causes"]]
    assert causes == [*fields, "documents[1].spec.ports[0].name"]


async def test_strict_refuses_unknown_fields_of_endpoints(api: httpx.AsyncClient) -> None:
    typo: Wire = {**ENDPOINTS, "subset": []}
    answer = await applied(api, typo, strict="true")
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.json()["details"]["causes"][0]["field"] == "documents[0].subset"
    assert operations(await applied(api, typo)) == [("Endpoints", "created")]


async def test_a_dry_run_reports_and_writes_nothing(api: httpx.AsyncClient) -> None:
    answer = await applied(api, SERVICE, ENDPOINTS, dryRun="All")
    assert operations(answer)[1] == ("Endpoints", "created")
    assert await mirrored(api) == []


async def test_pruning_keeps_endpoints_in_the_body_and_deletes_others(
    api: httpx.AsyncClient,
) -> None:
    query = {"prune": "true", "labelSelector": "team=data"}
    await applied(api, SERVICE, ENDPOINTS, **query)
    assert len(await mirrored(api)) == 1
    assert operations(await applied(api, ENDPOINTS, **query)) == [("Endpoints", "unchanged")]
    assert operations(await applied(api, SERVICE, **query)) == [
        ("Service", "unchanged"),
        ("EndpointSlice", "deleted"),
    ]


async def test_their_slices_can_be_applied_again_as_they_are_read(api: httpx.AsyncClient) -> None:
    await applied(api, SERVICE, ENDPOINTS)
    listed = (await api.get("/endpointslices")).json()
    answer = await api.post("/apply", json=listed)
    assert answer.is_success, answer.text
    before = [slice_["endpoints"] for slice_ in await mirrored(api)]
    assert operations(await applied(api, SERVICE, ENDPOINTS)) == [
        ("Service", "unchanged"),
        ("Endpoints", "unchanged"),
    ]
    assert [slice_["endpoints"] for slice_ in await mirrored(api)] == before


async def test_a_dump_with_endpoints_and_slices_is_applied_once(api: httpx.AsyncClient) -> None:
    await applied(api, SERVICE, ENDPOINTS)
    [dumped] = (await api.get("/endpointslices")).json()["items"]
    await api.delete("/services/default/legacy-db")
    dumped["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "Endpoints", "name": "legacy-db", "uid": "u"}
    ]
    answer = await applied(api, ENDPOINTS, dumped, SERVICE)
    assert operations(answer)[0] == ("Endpoints", "unchanged")
    [slice_] = await mirrored(api)
    assert slice_["metadata"]["name"] == dumped["metadata"]["name"]
