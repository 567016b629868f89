"""Operations of every collection: status, headers and body of the answers."""

import gzip
from typing import Any

import httpx
import pytest
import yaml

from app.schemas.objects.encoding import ENCODER

Wire = dict[str, Any]
JSON = {"content-type": "application/json"}
MERGE = {"content-type": "application/merge-patch+json"}


def a_manifest(name: str = "ent", **spec: Any) -> Wire:  # noqa: ANN401  any field of a spec
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def created(api: httpx.AsyncClient, *names: str) -> list[Wire]:
    answers = [await api.post("/services", json=a_manifest(name)) for name in names]
    assert {answer.status_code for answer in answers} == {httpx.codes.CREATED}
    return [answer.json() for answer in answers]


def names_of(listing: Wire) -> list[str]:
    return [item["metadata"]["name"] for item in listing["items"]]


async def test_a_created_object_has_a_location(api: httpx.AsyncClient) -> None:
    answer = await api.post("/services", json=a_manifest())
    assert answer.status_code == httpx.codes.CREATED
    assert answer.headers["location"] == "/services/default/ent"
    read = await api.get(answer.headers["location"])
    assert read.json() == answer.json()
    assert read.headers["etag"] == f'"{read.json()["metadata"]["resourceVersion"]}"'


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/services"),
        ("POST", "/apply"),
        ("POST", "/heartbeats"),
        ("POST", "/resolve"),
        ("POST", "/render"),
        ("PUT", "/services/default/ent"),
        ("PATCH", "/services/default/ent"),
        ("DELETE", "/services/default/ent"),
        ("PUT", "/nodes/n1/ipvs/observed"),
    ],
)
async def test_a_body_without_content_type_is_refused(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    await created(api, "ent")
    answer = await api.request(method, path, content=b'{"kind":"Service"}')
    assert answer.status_code == httpx.codes.UNSUPPORTED_MEDIA_TYPE
    assert answer.json()["reason"] == "UnsupportedMediaType"
    assert "has no Content-Type" in answer.json()["message"]


async def test_a_body_of_another_type_is_refused_by_its_type(api: httpx.AsyncClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}  # which curl -d sends
    answer = await api.post("/services", content="{}", headers=form)
    assert answer.status_code == httpx.codes.UNSUPPORTED_MEDIA_TYPE
    assert answer.json()["message"] == (
        'the body of the request was in an unknown format ("application/x-www-form-urlencoded") - '
        "accepted media types include: application/json, application/yaml"
    )


async def test_without_a_body_no_content_type_is_needed(api: httpx.AsyncClient) -> None:
    await created(api, "ent")
    assert (await api.delete("/services/default/ent")).is_success
    heartbeat = await api.post("/pods/default/nobody/heartbeat")
    assert heartbeat.status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "br", "Deflate", "identity, gzip", ""])
@pytest.mark.parametrize("path", ["/services", "/apply", "/heartbeats"])
async def test_an_encoded_body_is_refused_before_it_is_read(
    api: httpx.AsyncClient, path: str, coding: str
) -> None:
    headers = {"content-type": "application/json", "content-encoding": coding}
    answer = await api.post(path, content=gzip.compress(b"{}"), headers=headers)
    assert answer.status_code == httpx.codes.UNSUPPORTED_MEDIA_TYPE
    assert "Content-Encoding" in answer.json()["message"]
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_body_with_content_encoding_identity_is_read(api: httpx.AsyncClient) -> None:
    headers = {"content-encoding": "Identity"}
    answer = await api.post("/services", json=a_manifest(), headers=headers)
    assert answer.status_code == httpx.codes.CREATED


async def test_yaml_is_read_and_written(api: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/yaml", "accept": "application/yaml"}
    answer = await api.post("/services", content=yaml.safe_dump(a_manifest()), headers=headers)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    assert answer.headers["content-type"].startswith("application/yaml")
    assert yaml.safe_load(answer.text) == (await api.get("/services/default/ent")).json()


@pytest.mark.parametrize(
    ("headers", "code", "reason"),
    [
        ({"content-type": "text/plain"}, 415, "UnsupportedMediaType"),
        ({**JSON, "accept": "text/html"}, 406, "NotAcceptable"),
    ],
)
async def test_unsupported_media_types_are_refused(
    api: httpx.AsyncClient, headers: dict[str, str], code: int, reason: str
) -> None:
    answer = await api.post("/services", content=b"{}", headers=headers)
    if code == httpx.codes.NOT_ACCEPTABLE.value:
        await created(api, "ent")
        answer = await api.get("/services/default/ent", headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (code, reason)


async def test_an_unchanged_object_is_not_sent_again(api: httpx.AsyncClient) -> None:
    (service,) = await created(api, "ent")
    tag = f'"{service["metadata"]["resourceVersion"]}"'
    answer = await api.get("/services/default/ent", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (httpx.codes.NOT_MODIFIED, b"")
    answer = await api.get("/services/default/ent", headers={"if-none-match": '"1"'})
    assert answer.status_code == httpx.codes.OK


async def test_an_object_is_encoded_once_for_the_store_answers_lists_and_watches(
    api: httpx.AsyncClient,
) -> None:
    await api.get("/pods")
    before = ENCODER.encoded
    body = {"metadata": {"name": "p"}, "status": {"podIP": "10.244.0.1"}}
    created = await api.post("/pods", json=body)
    read = await api.get("/pods/default/p")
    listed = await api.get("/pods")
    watched = await api.get("/watch?kinds=Pod&timeoutSeconds=1")
    assert created.json() == read.json() == listed.json()["items"][0]
    assert read.text in watched.text
    assert ENCODER.encoded - before == 1


async def test_a_stale_write_is_a_conflict(api: httpx.AsyncClient) -> None:
    await created(api, "ent")
    path = "/services/default/ent"
    by_tag = await api.put(path, json=a_manifest(), headers={"if-match": '"999"'})
    assert by_tag.status_code == httpx.codes.PRECONDITION_FAILED
    stale = a_manifest()
    stale["metadata"]["resourceVersion"] = "999"
    by_version = await api.put(path, json=stale)
    assert (by_version.status_code, by_version.json()["reason"]) == (409, "Conflict")
    new_only = await api.put(path, json=a_manifest(), headers={"if-none-match": "*"})
    assert new_only.status_code == httpx.codes.PRECONDITION_FAILED


async def test_a_put_creates_a_service_that_is_missing(api: httpx.AsyncClient) -> None:
    answer = await api.put("/services/default/ent", json=a_manifest())
    assert answer.status_code == httpx.codes.CREATED
    assert (await api.put("/services/default/ent", json=a_manifest())).status_code == 200
    missing = await api.put("/nodes/n1", json={"metadata": {"name": "n1"}})
    assert missing.status_code == httpx.codes.NOT_FOUND


async def test_a_body_whose_key_differs_from_the_path_is_refused(api: httpx.AsyncClient) -> None:
    for manifest in (
        a_manifest("other"),
        {**a_manifest(), "metadata": {"name": "ent", "namespace": "dev"}},
    ):
        answer = await api.put("/services/default/ent", json=manifest)
        assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


async def test_all_pages_show_one_revision(api: httpx.AsyncClient) -> None:
    await created(api, "a", "b", "c", "d")
    first = (await api.get("/services", params={"limit": 2})).json()
    assert names_of(first) == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 2

    await api.delete("/services/default/c")
    await created(api, "bb")
    rest = {"limit": 10, "continue": first["metadata"]["continue"]}
    second = (await api.get("/services", params=rest)).json()

    assert names_of(second) == ["c", "d"]
    assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}
    assert names_of((await api.get("/services")).json()) == ["a", "b", "bb", "d"]


@pytest.mark.parametrize("token", ["?", "e30", "a" * 3_000])
async def test_an_invalid_token_is_refused(api: httpx.AsyncClient, token: str) -> None:
    answer = await api.get("/services", params={"continue": token})
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


async def test_lists_are_filtered_by_labels_and_fields(api: httpx.AsyncClient) -> None:
    for name, labels in (("a", {"tier": "web"}), ("b", {"tier": "db"}), ("c", {})):
        manifest = a_manifest(name)
        manifest["metadata"]["labels"] = labels
        await api.post("/services", json=manifest)
    found = {
        query: names_of((await api.get(f"/services?{query}")).json())
        for query in (
            "labelSelector=tier%3Dweb",
            "labelSelector=tier",
            "labelSelector=!tier",
            "labelSelector=tier+in+(web,db)",
            "fieldSelector=metadata.name%3Dc",
            "fieldSelector=spec.type!%3DClusterIP",
            "namespace=dev",
        )
    }
    assert list(found.values()) == [["a"], ["a", "b"], ["c"], ["a", "b"], ["c"], [], []]


@pytest.mark.parametrize(
    "query",
    ["labelSelector=%3D%3D", "fieldSelector=spec.ports%3D1", "limit=x", "limit=-1"],
)
async def test_invalid_queries_are_refused(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/services?{query}")
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


async def test_a_list_waits_for_a_revision_and_times_out(api: httpx.AsyncClient) -> None:
    (service,) = await created(api, "ent")
    seen = {"resourceVersion": service["metadata"]["resourceVersion"]}
    assert (await api.get("/services", params=seen)).status_code == httpx.codes.OK
    ahead = await api.get("/services", params={"resourceVersion": "999999"})
    assert (ahead.status_code, ahead.json()["reason"]) == (504, "Timeout")
    assert ahead.headers["retry-after"]


async def test_a_list_at_an_exact_revision_shows_the_earlier_state(api: httpx.AsyncClient) -> None:
    (first, _) = await created(api, "a", "b")
    past = {
        "resourceVersion": first["metadata"]["resourceVersion"],
        "resourceVersionMatch": "Exact",
    }
    assert names_of((await api.get("/services", params=past)).json()) == ["a"]


async def test_unknown_fields_are_named_refused_or_ignored(api: httpx.AsyncClient) -> None:
    manifest = a_manifest(replicas=3)
    warned = await api.post("/services?dryRun=All", json=manifest)
    assert warned.headers.get_list("warning") == ['299 - "unknown field \\"spec.replicas\\""']
    ignored = await api.post("/services?dryRun=All&fieldValidation=Ignore", json=manifest)
    assert "warning" not in ignored.headers
    strict = await api.post("/services?dryRun=All&fieldValidation=Strict", json=manifest)
    assert strict.status_code == httpx.codes.BAD_REQUEST
    assert strict.json()["details"]["causes"][0]["field"] == "spec.replicas"


async def test_all_causes_are_reported_together_with_their_paths(api: httpx.AsyncClient) -> None:
    ports = [{"port": 0, "name": "A"}, {"port": 70_000, "name": "A"}]
    answer = await api.post(
        "/services", json={"metadata": {"name": "Ent"}, "spec": {"ports": ports}}
    )
    body = answer.json()
    assert (answer.status_code, body["reason"], body["details"]["kind"]) == (
        422,
        "Invalid",
        "Service",
    )
    assert {cause["field"] for cause in body["details"]["causes"]} >= {
        "metadata.name",
        "spec.ports[0].name",
        "spec.ports[0].port",
        "spec.ports[1].name",
        "spec.ports[1].port",
    }


async def test_values_of_wrong_types_are_all_named(api: httpx.AsyncClient) -> None:
    answer = await api.post("/services", json={"metadata": [], "spec": {"ports": [{"port": "80"}]}})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    fields = {cause["field"] for cause in answer.json()["details"]["causes"]}
    assert fields == {"metadata", "spec.ports[0].port"}


@pytest.mark.parametrize(
    ("language", "patch"),
    [
        ("merge-patch", {"metadata": {"labels": {"tier": "web"}}}),
        ("strategic-merge-patch", {"metadata": {"labels": {"tier": "web"}}}),
        ("json-patch", [{"op": "add", "path": "/metadata/labels", "value": {"tier": "web"}}]),
    ],
)
async def test_a_patch_changes_only_the_fields_in_it(
    api: httpx.AsyncClient, language: str, patch: object
) -> None:
    (service,) = await created(api, "ent")
    request = api.build_request("PATCH", "/services/default/ent", json=patch)
    request.headers["content-type"] = f"application/{language}+json"
    patched = (await api.send(request)).json()
    assert patched["metadata"]["labels"] == {"tier": "web"}
    assert patched["spec"] == service["spec"]


async def test_a_patch_that_does_not_apply_changes_nothing(api: httpx.AsyncClient) -> None:
    (service,) = await created(api, "ent")
    path = "/services/default/ent"
    bad = await api.patch(path, json={"spec": {"ports": [{"port": 0}]}}, headers=MERGE)
    assert bad.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    other = await api.patch(path, json={}, headers=JSON)
    assert other.status_code == httpx.codes.UNSUPPORTED_MEDIA_TYPE
    assert (await api.get(path)).json() == service


async def test_a_dry_run_shows_the_result_and_writes_nothing(api: httpx.AsyncClient) -> None:
    shown = await api.post("/services?dryRun=All", json=a_manifest())
    assert shown.json()["spec"]["clusterIP"]
    assert (await api.get("/services/default/ent")).status_code == httpx.codes.NOT_FOUND
    wrong = await api.post("/services?dryRun=Some", json=a_manifest())
    assert wrong.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_a_delete_answers_with_the_deleted_object(api: httpx.AsyncClient) -> None:
    (service,) = await created(api, "ent")
    options = {"preconditions": {"uid": "another"}}
    refused = await api.request("DELETE", "/services/default/ent", json=options)
    assert refused.status_code == httpx.codes.CONFLICT
    assert (await api.delete("/services/default/ent")).json() == service
    assert (await api.delete("/services/default/ent")).status_code == httpx.codes.NOT_FOUND
    range_ = {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.1.0.0/24"]}}
    await api.post("/servicecidrs", json=range_)
    gone = (await api.delete("/servicecidrs/more")).json()
    assert (gone["kind"], gone["status"]) == ("Status", "Success")


async def test_a_second_delete_may_end_a_pod_immediately(api: httpx.AsyncClient) -> None:
    pod = {"metadata": {"name": "ent-1"}, "status": {"podIPs": [{"ip": "10.244.1.5"}]}}
    await api.post("/pods", json=pod)
    marked = (await api.delete("/pods/default/ent-1", params={"gracePeriodSeconds": 60})).json()
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 60
    assert (await api.get("/pods/default/ent-1")).is_success
    await api.delete("/pods/default/ent-1", params={"gracePeriodSeconds": 0})
    assert (await api.get("/pods/default/ent-1")).status_code == httpx.codes.NOT_FOUND


async def test_a_status_is_written_separately(api: httpx.AsyncClient) -> None:
    pod = {"metadata": {"name": "ent-1"}, "status": {"podIPs": [{"ip": "10.244.1.5"}]}}
    await api.post("/pods", json=pod)
    report = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    path = "/pods/default/ent-1/status"
    answer = await api.patch(path, json=report, headers=MERGE)
    ready = [each for each in answer.json()["status"]["conditions"] if each["type"] == "Ready"]
    assert [each["status"] for each in ready] == ["False"]
    assert (await api.get(path)).json()["status"]["podIP"] == "10.244.1.5"


@pytest.mark.parametrize("path", ["/index.html", "/nothing", "/services/a/b/c/d"])
async def test_unknown_paths_are_answered_with_a_status(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["reason"]) == (404, "NotFound")
    wrong = await api.put("/services", json={})
    assert (wrong.status_code, wrong.json()["reason"]) == (405, "MethodNotAllowed")


async def test_every_cause_of_an_object_in_a_malformed_namespace_is_reported(
    api: httpx.AsyncClient,
) -> None:
    manifest = a_manifest(ports=[{"port": 0, "targetPort": 80}])
    manifest["metadata"]["namespace"] = "No_Namespace"
    answer = await api.post("/services", json=manifest)
    fields = [cause["field"] for cause in answer.json()["details"]["causes"]]
    assert (answer.status_code, fields) == (422, ["metadata.namespace", "spec.ports[0].port"])
    assert answer.json()["details"]["kind"] == "Service"


async def test_preconditions_of_a_read_are_checked(api: httpx.AsyncClient) -> None:
    (service,) = await created(api, "ent")
    path, tag = "/services/default/ent", f'"{service["metadata"]["resourceVersion"]}"'
    for header, value, code in (
        ("if-none-match", "*", 304),
        ("if-none-match", f"W/{tag}", 304),
        ("if-match", tag, 200),
        ("if-match", "*", 200),
        ("if-match", f"W/{tag}", 412),
        ("if-match", '"0"', 412),
    ):
        answer = await api.get(path, headers={header: value})
        assert answer.status_code == code, (header, value)


async def test_preconditions_of_a_write_are_checked(api: httpx.AsyncClient) -> None:
    (service,) = await created(api, "ent")
    path, tag = "/services/default/ent", f'"{service["metadata"]["resourceVersion"]}"'
    for header, value, code in (
        ("if-none-match", "*", 412),
        ("if-none-match", tag, 412),
        ("if-match", f"W/{tag}", 412),
        ("if-none-match", '"0"', 200),
        ("if-match", f'"0", {tag}', 200),
    ):
        answer = await api.put(path, json=a_manifest(), headers={header: value})
        assert answer.status_code == code, (header, value)


async def test_a_put_with_a_revision_creates_nothing(api: httpx.AsyncClient) -> None:
    manifest = a_manifest()
    manifest["metadata"]["resourceVersion"] = "1"
    answer = await api.put("/services/default/ent", json=manifest)
    assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")


async def test_duplicate_fields_in_a_patch_are_reported(api: httpx.AsyncClient) -> None:
    await created(api, "ent")
    path = "/services/default/ent"
    patch = b'{"spec":{"sessionAffinity":"None","sessionAffinity":"ClientIP"}}'
    warned = await api.patch(path, content=patch, headers=MERGE)
    assert warned.headers["warning"] == '299 - "duplicate field \\"spec.sessionAffinity\\""'
    query = {"fieldValidation": "Strict"}
    refused = await api.patch(path, content=patch, headers=MERGE, params=query)
    assert refused.status_code == httpx.codes.BAD_REQUEST


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"propagationPolicy": "Bogus"}, ["propagationPolicy"]),
        ({"propagationPolicy": "Orphan", "orphanDependents": True}, ["propagationPolicy"]),
        ({"dryRun": ["All", "Some"]}, ["dryRun[1]"]),
    ],
)
async def test_invalid_options_of_a_delete_delete_nothing(
    api: httpx.AsyncClient, options: Wire, fields: list[str]
) -> None:
    await created(api, "ent")
    refused = await api.request("DELETE", "/services/default/ent", json=options)
    causes = [cause["field"] for cause in refused.json()["details"]["causes"]]
    assert (refused.status_code, causes) == (422, fields)
    assert (await api.get("/services/default/ent")).is_success
    query = {"propagationPolicy": "Bogus"}
    assert (await api.delete("/services/default/ent", params=query)).status_code == 422


async def test_a_report_keeps_fields_that_it_leaves_out(api: httpx.AsyncClient) -> None:
    pod = {
        "metadata": {"name": "ent-1", "labels": {"app": "ent"}, "annotations": {"a": "b"}},
        "status": {"podIPs": [{"ip": "10.244.1.5"}]},
    }
    await api.post("/pods", json=pod)
    report = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    path = "/pods/default/ent-1/status"
    reported = (await api.put(path, json=report)).json()
    assert reported["metadata"]["labels"] == {"app": "ent"}
    assert reported["metadata"]["annotations"] == {"a": "b"}
    assert reported["status"]["podIP"] == "10.244.1.5"
    assert [each["status"] for each in reported["status"]["conditions"]] == ["False"]
    gone = await api.patch(path, json={"status": {"podIP": None, "podIPs": None}}, headers=MERGE)
    assert gone.json()["status"]["podIPs"] == []


async def test_a_finished_pod_is_removed_immediately(api: httpx.AsyncClient) -> None:
    pod = {"metadata": {"name": "ent-1"}, "status": {"phase": "Failed", "podIP": "10.244.1.5"}}
    await api.post("/pods", json=pod)
    await api.delete("/pods/default/ent-1")
    assert (await api.get("/pods/default/ent-1")).status_code == httpx.codes.NOT_FOUND


async def test_relabelling_a_slice_increments_its_generation(api: httpx.AsyncClient) -> None:
    slice_: Wire = {"metadata": {"name": "ent-1"}, "addressType": "IPv4", "endpoints": []}
    await api.post("/endpointslices", json=slice_)
    patch = {"metadata": {"labels": {"kubernetes.io/service-name": "ent"}}}
    path = "/endpointslices/default/ent-1"
    assert (await api.patch(path, json=patch, headers=MERGE)).json()["metadata"]["generation"] == 2


async def test_refusals_are_yaml_for_clients_that_accept_only_yaml(api: httpx.AsyncClient) -> None:
    for path in ("/services/default/ent", "/services?limit=x", "/nowhere"):
        answer = await api.get(path, headers={"accept": "application/yaml"})
        assert answer.headers["content-type"] == "application/yaml"
        assert yaml.safe_load(answer.text)["code"] == answer.status_code
    neither = await api.get("/nowhere", headers={"accept": "text/html"})
    assert neither.json()["reason"] == "NotFound"


@pytest.mark.parametrize("path", ["/services", "/services/default/ent", "/clusterips"])
async def test_answers_are_indented_on_request(api: httpx.AsyncClient, path: str) -> None:
    await created(api, "ent")
    plain, pretty = await api.get(path), await api.get(path, params={"pretty": "true"})
    assert pretty.json() == plain.json()
    assert pretty.text.startswith('{\n  "')
    assert "\n" not in plain.text


async def test_a_report_without_a_transition_time_gets_one(api: httpx.AsyncClient) -> None:
    pod = {"metadata": {"name": "ent-1"}, "status": {"podIPs": [{"ip": "10.244.1.5"}]}}
    created_at = (await api.post("/pods", json=pod)).json()["metadata"]["creationTimestamp"]
    path = "/pods/default/ent-1"
    stored = (await api.get(path)).json()
    assert stored["status"]["conditions"][0]["lastTransitionTime"] == created_at
    for same in (pod, stored):
        written = (await api.put(path, json=same)).json()
        assert written == stored
    flip = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    reported = (await api.patch(f"{path}/status", json=flip, headers=MERGE)).json()
    assert reported["status"]["conditions"][0]["lastTransitionTime"] >= created_at
    again = (await api.patch(f"{path}/status", json=flip, headers=MERGE)).json()
    assert again["metadata"]["resourceVersion"] == reported["metadata"]["resourceVersion"]
