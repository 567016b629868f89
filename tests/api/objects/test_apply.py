"""Apply: all manifests or none, and applying again changes nothing."""

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


async def test_one_body_is_one_revision_and_a_repeat_is_none(api: httpx.AsyncClient) -> None:
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


async def test_a_list_equals_a_stream(api: httpx.AsyncClient) -> None:
    document = {"apiVersion": "v1", "kind": "List", "items": [SERVICE, POD]}
    answer = await api.post("/apply", json=document)
    assert operations(answer) == ["created", "created"]


async def test_fields_dropped_from_the_manifest_are_removed_and_those_of_other_writers_stay(
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


async def test_one_invalid_document_refuses_all_and_every_invalid_one_is_named(
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


async def test_strict_refuses_kinds_and_fields_that_are_not_stored(api: httpx.AsyncClient) -> None:
    kind = await applied(api, SERVICE, DEPLOYMENT, strict="true")
    assert kind.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert kind.json()["details"]["causes"][0]["field"] == "documents[1].kind"
    field = await applied(api, {**SERVICE, "data": {}}, strict="true")
    assert field.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_prune_deletes_matching_objects_missing_from_the_body(api: httpx.AsyncClient) -> None:
    other = {**SERVICE, "metadata": {"name": "old", "labels": {"part": "ent"}}}
    alone = {**SERVICE, "metadata": {"name": "alone"}}
    await applied(api, SERVICE, other, alone)
    answer = await applied(api, SERVICE, prune="true", labelSelector="part=ent")
    assert operations(answer) == ["unchanged", "deleted"]
    names = [item["metadata"]["name"] for item in (await api.get("/services")).json()["items"]]
    assert names == ["alone", "ent"]
    assert (await applied(api, SERVICE, prune="true")).status_code == httpx.codes.BAD_REQUEST


async def test_a_dry_run_reports_and_writes_nothing(api: httpx.AsyncClient) -> None:
    answer = await applied(api, SERVICE, dryRun="All")
    assert answer.json()["dryRun"] is True
    assert operations(answer) == ["created"]
    assert (await api.get("/services")).json()["items"] == []


async def test_reported_readiness_survives_applying_the_same_file(api: httpx.AsyncClient) -> None:
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


async def test_a_document_without_kind_is_refused(api: httpx.AsyncClient) -> None:
    answer = await applied(api, DEPLOYMENT, UNTYPED, {"metadata": {"name": "ent"}})
    fields = [cause["field"] for cause in answer.json()["details"]["causes"]]
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert fields == ["documents[1].apiVersion", "documents[2].apiVersion", "documents[2].kind"]


def causes(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, answer.text
    return [(each["field"], each["reason"]) for each in answer.json()["details"]["causes"]]


async def test_violations_found_while_reading_hide_none_of_other_documents(
    api: httpx.AsyncClient,
) -> None:
    bad_value = {**SERVICE, "spec": {"ports": [{"port": 99_999, "targetPort": 80}]}}
    bad_both: Wire = {**SERVICE, "spec": {"type": "Foo", "ports": [{"port": "eighty"}]}}
    unnamed: Wire = {**POD, "metadata": {"labels": {"a": 1}}}
    answer = await applied(api, UNTYPED, bad_value, bad_both, DEPLOYMENT, unnamed, strict="true")
    assert causes(answer) == [
        ("documents[0].apiVersion", "FieldValueRequired"),
        ("documents[1].spec.ports[0].port", "FieldValueInvalid"),
        ("documents[2].spec.ports[0].port", "FieldValueTypeInvalid"),
        ("documents[2].spec.type", "FieldValueNotSupported"),
        ("documents[3].kind", "FieldValueNotSupported"),
        ("documents[4].metadata.name", "FieldValueRequired"),
        ("documents[4].metadata.labels.a", "FieldValueTypeInvalid"),
    ]
    assert (await api.get("/services/default/ent")).status_code == httpx.codes.NOT_FOUND


async def test_one_object_is_refused_for_types_and_values_at_once(api: httpx.AsyncClient) -> None:
    spec = {"type": "Foo", "ports": [{"port": "eighty"}]}
    await api.post("/services", json={**SERVICE, "spec": {"ports": [{"port": 80}]}})
    for answer in (
        await api.post("/services", json={**SERVICE, "spec": spec}),
        await api.put("/services/default/ent", json={**SERVICE, "spec": spec}),
        await api.patch(
            "/services/default/ent",
            json={"spec": spec},
            headers={"content-type": "application/merge-patch+json"},
        ),
    ):
        assert answer.status_code == httpx.codes.BAD_REQUEST
        fields = [each["field"] for each in answer.json()["details"]["causes"]]
        assert fields == ["spec.ports[0].port", "spec.type"]


@pytest.mark.parametrize("written", ["12", "yes", "1.5"])
async def test_a_name_of_another_type_is_not_reported_as_missing(
    api: httpx.AsyncClient, written: str
) -> None:
    body = f"apiVersion: v1\nkind: Service\nmetadata:\n  name: {written}\n"
    answer = await api.post("/apply", content=body, headers=YAML)
    assert causes(answer) == [("documents[0].metadata.name", "FieldValueTypeInvalid")]
    assert answer.json()["details"]["causes"][0]["message"].endswith(": put it in quotes")


@pytest.mark.parametrize("body", ["", "# nothing\n", "---\n---\n", "kind: List\nitems: []\n"])
@pytest.mark.parametrize("query", [{}, {"prune": "true", "labelSelector": "part=ent"}])
async def test_an_empty_apply_is_refused_and_prunes_nothing(
    api: httpx.AsyncClient, body: str, query: dict[str, str]
) -> None:
    await applied(api, SERVICE)
    answer = await api.post("/apply", params=query, content=body, headers=YAML)
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["message"] == "no objects passed to apply"
    assert (await api.get("/services/default/ent")).is_success


async def test_a_mistyped_kind_is_ignored_with_a_suggestion(api: httpx.AsyncClient) -> None:
    answer = await applied(api, {**SERVICE, "kind": "Servce"})
    assert operations(answer) == ["ignored"]
    assert answer.json()["results"][0]["message"] == (
        'Servce is not held here (did you mean "Service"?)'
    )


@pytest.mark.parametrize("media", ["application/json", "application/yaml"])
async def test_every_duplicate_key_is_named_when_strict(api: httpx.AsyncClient, media: str) -> None:
    body = (
        '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "name": "ent"}, '
        '"spec": {"type": "NodePort", "type": "ClusterIP"}, "spec": {"ports": [{"port": 80}]}}'
    )
    strict = {"fieldValidation": "Strict"}
    headers = {"content-type": media}
    one = await api.post("/services", params=strict, content=body, headers=headers)
    assert one.status_code == httpx.codes.BAD_REQUEST
    fields = {each["field"] for each in one.json()["details"]["causes"]}
    assert fields == {"metadata.name", "spec.type", "spec"}
    many = await api.post("/apply", params=strict, content=body, headers=headers)
    assert {field for field, _ in causes(many)} == {f"documents[0].{field}" for field in fields}


async def test_a_kind_of_the_same_name_in_another_group_is_ignored(api: httpx.AsyncClient) -> None:
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


async def test_a_document_in_a_malformed_namespace_is_refused(api: httpx.AsyncClient) -> None:
    misplaced = {**SERVICE, "metadata": {"name": "ent", "namespace": "No_Namespace"}}
    answer = await applied(api, misplaced)
    fields = [cause["field"] for cause in answer.json()["details"]["causes"]]
    assert fields == ["documents[0].metadata.namespace"]


def warnings(answer: httpx.Response) -> list[str]:
    assert answer.is_success, answer.text
    return [
        header.removeprefix('299 - "').removesuffix('"').replace('\\"', '"')
        for header in answer.headers.get_list("warning")
    ]


TYPO: Wire = {
    **SERVICE,
    "spec": {"selecter": {"app": "a"}, "ports": [{"port": 80, "targetport": 8080}]},
}
REGISTERED: Wire = {
    **POD,
    "spec": {
        "containers": [
            {"name": "a", "image": "x", "env": [{"name": "A", "vaule": "1"}]},
            {"name": "b", "image": "y"},
        ],
        "volumes": [],
    },
}


NOT_KEPT = "spec.volumes, spec.containers[*].image, spec.containers[*].env"


async def test_mistyped_fields_are_named_with_a_suggestion_and_fields_not_stored_in_one_line(
    api: httpx.AsyncClient,
) -> None:
    other = {**REGISTERED, "metadata": {"name": "ent-2"}}
    assert warnings(await applied(api, DEPLOYMENT, TYPO, REGISTERED, other)) == [
        'unknown field "documents[1].spec.selecter" (did you mean "selector"?)',
        'unknown field "documents[1].spec.ports[0].targetport" (did you mean "targetPort"?)',
        'unknown field "documents[2].spec.containers[0].env[0].vaule" (did you mean "value"?)',
        'unknown field "documents[3].spec.containers[0].env[0].vaule" (did you mean "value"?)',
        f"Pod: known fields that are not kept here: {NOT_KEPT}",
    ]


async def test_duplicate_keys_are_named(api: httpx.AsyncClient) -> None:
    body = "apiVersion: v1\nkind: Namespace\nmetadata: {name: n1, name: n1}\n"
    answer = await api.post("/apply", content=body, headers=YAML)
    assert warnings(answer) == ['duplicate field "documents[0].metadata.name"']


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {prots: [{port: 80}]}\n",
            'unknown field "documents[0].spec.prots" (did you mean "ports"?)',
        ),
        (
            "apiVersion: v1\nkind: Service\nmetdata: {name: a}\nspec: {ports: [{port: 80}]}\n",
            'unknown field "documents[0].metdata" (did you mean "metadata"?)',
        ),
    ],
)
async def test_a_refusal_names_the_mistyped_field_that_may_be_its_reason(
    api: httpx.AsyncClient, body: str, hint: str
) -> None:
    refused = await api.post("/apply", content=body, headers=YAML)
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    found = [header.replace("\\", "") for header in refused.headers.get_list("warning")]
    assert f'299 - "{hint}"' in found


async def test_field_validation_decides_about_unknown_fields(api: httpx.AsyncClient) -> None:
    assert warnings(await applied(api, TYPO, REGISTERED, fieldValidation="Ignore")) == []
    refused = await applied(api, SERVICE, TYPO, REGISTERED, fieldValidation="Strict")
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    causes = refused.json()["details"]["causes"]
    assert [cause["field"] for cause in causes[:3]] == [
        "documents[1].spec.selecter",
        "documents[1].spec.ports[0].targetport",
        "documents[2].spec.volumes",
    ]
    assert causes[0]["message"] == 'unknown field (did you mean "selector"?)'
    assert (await applied(api, fieldValidation="Perhaps")).status_code == 422
    ignored = await applied(api, DEPLOYMENT, fieldValidation="Strict")
    assert operations(ignored) == ["ignored"]


async def test_warnings_name_the_document_and_the_field_if_there_is_one(
    api: httpx.AsyncClient,
) -> None:
    old = {"service.kubernetes.io/topology-aware-hints": "Auto"}
    doubtful: Wire = {
        **SERVICE,
        "metadata": {"name": "a", "annotations": old},
        "spec": {"ports": [{"port": 80}], "externalIPs": ["198.51.100.7"]},
    }
    annotation, address = warnings(await applied(api, POD, doubtful))
    assert annotation.startswith("documents[1]: annotation ")
    assert address == "documents[1].spec.externalIPs is deprecated"


async def test_warnings_fit_into_headers(api: httpx.AsyncClient) -> None:
    many: Wire = {**SERVICE, "spec": {"ports": [{"port": 80}], **{f"x{n}": 1 for n in range(90)}}}
    long: Wire = {
        **SERVICE,
        "spec": {"ports": [{"port": 80}], **{f"{n:0>120}": 1 for n in range(90)}},
    }
    for document in (many, long):
        found = warnings(await applied(api, document))
        assert len(found) <= 65
        assert found[-1] == f"{90 - len(found) + 1} more warnings are not listed"
        assert sum(map(len, found)) < 10_000


async def test_a_refusal_names_the_path_in_the_document_where_the_merge_has_another(
    api: httpx.AsyncClient,
) -> None:
    ports = [{"port": 9090, "name": "theirs"}, {"port": 80, "name": "ours"}]
    await api.post("/services", json={**SERVICE, "spec": {"ports": ports}})
    wrong = {**SERVICE, "spec": {"ports": [{"port": 80, "name": "Ours"}]}}
    answer = await applied(api, wrong)
    fields = [cause["field"] for cause in answer.json()["details"]["causes"]]
    assert fields == ["documents[0].spec.ports[0].name"]


async def test_an_annotation_of_the_largest_size_can_be_applied_and_changed(
    api: httpx.AsyncClient,
) -> None:
    def annotated(text: str) -> Wire:
        return {**SERVICE, "metadata": {"name": "ent", "annotations": {"a": text}}}

    largest = "x" * (256 * 1024 - 1)
    assert operations(await applied(api, annotated(largest))) == ["created"]
    assert operations(await applied(api, annotated(largest))) == ["unchanged"]
    assert operations(await applied(api, annotated("small"))) == ["configured"]
    too_large = await applied(api, annotated(f"{largest}x"))
    assert too_large.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_a_manifest_too_large_to_be_kept_gives_a_warning(api: httpx.AsyncClient) -> None:
    slice_: Wire = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "large"},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "zone": "z" * 2_200}] * 1_000,
    }
    answer = await api.post("/apply", json=slice_)
    (warning,) = warnings(answer)
    assert warning.startswith("documents[0]: what is applied has more than ")
    assert operations(await api.post("/apply", json=slice_)) == ["unchanged"]


STREAM = """
{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n0"}}
null
{
  "apiVersion": "v1",
  "kind": "List",
  "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n1", "lables": {}}}]
}{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "p"}}
"""


@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson", "application/yaml"])
async def test_concatenated_json_objects_are_a_stream(api: httpx.AsyncClient, media: str) -> None:
    body = f"\ufeff{STREAM}".encode()
    answer = await api.post("/apply", content=body, headers={"content-type": media})
    assert operations(answer) == ["created"] * 3
    assert warnings(answer) == [
        'unknown field "documents[1].metadata.lables" (did you mean "labels"?)'
    ]


async def test_a_truncated_stream_is_refused_with_its_position(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/apply", content=f"{STREAM}{{", headers={"content-type": "application/json"}
    )
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "document 5, line 9, column" in answer.json()["message"]
    assert (await api.get("/services")).json()["items"] == []
