"""What every kind has, of two kinds that ``test_added_kinds`` adds to a copy of the application."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api import application
from app.cli.columns import sheet
from app.cli.kinds import kind_named
from app.store.keeping.backup import backup_lines, read_backup, restore
from tests.databases import connected, empty_database
from tests.end_to_end.processes import serving
from tests.registries import an_api

Wire = dict[str, Any]


def a_gadget(name: str, **spec: object) -> Wire:
    return {
        "apiVersion": "example.dev/v1",
        "kind": "Gadget",
        "metadata": {"name": name, "labels": {"of": name}},
        "spec": spec,
    }


async def names(api: httpx.AsyncClient, path: str) -> list[str]:
    answer = await api.get(path)
    assert answer.status_code == 200, answer.text
    return [each["metadata"]["name"] for each in answer.json()["items"]]


async def counts(api: httpx.AsyncClient) -> dict[str, int]:
    items = (await api.get("/gadgetcounts")).json()["items"]
    return {each["metadata"]["name"]: each["count"] for each in items}


@pytest.fixture
def document() -> Wire:
    return application.build(version="1.2.3").openapi()


async def test_it_is_created_read_replaced_patched_and_deleted(database_url: str) -> None:
    async with an_api(database_url) as api:
        created = await api.post("/gadgets", json=a_gadget("a", parts=["x"]))
        assert (created.status_code, created.json()["spec"]["colour"]) == (201, "red")
        assert (await api.get("/gadgets/default/a")).json() == created.json()
        put = await api.put("/gadgets/default/a", json=a_gadget("a", colour="blue"))
        assert (put.json()["spec"]["colour"], put.json()["metadata"]["generation"]) == ("blue", 2)
        for kind, patch in (
            ("application/merge-patch+json", {"spec": {"colour": "red"}}),
            ("application/strategic-merge-patch+json", {"spec": {"parts": ["y"]}}),
            ("application/json-patch+json", [{"op": "add", "path": "/spec/parts/-", "value": "z"}]),
        ):
            headers = {"content-type": kind}
            body = json.dumps(patch)
            answer = await api.patch("/gadgets/default/a", content=body, headers=headers)
            assert answer.status_code == 200, answer.text
        assert answer.json()["spec"] == {"colour": "red", "parts": ["y", "z"]}
        assert (await api.delete("/gadgets/default/a")).json()["status"] == "Success"
        assert (await api.get("/gadgets/default/a")).status_code == 404


async def test_its_status_is_reported_apart_and_counts_for_no_generation(database_url: str) -> None:
    async with an_api(database_url) as api:
        born = await api.post("/gadgets", json={**a_gadget("a"), "status": {"working": True}})
        assert born.json()["status"] == {"working": False}
        report = {**a_gadget("a", colour="blue"), "status": {"working": True}}
        seen = (await api.put("/gadgets/default/a/status", json=report)).json()
        assert (seen["spec"]["colour"], seen["status"]) == ("red", {"working": True})
        assert seen["metadata"]["generation"] == 1


async def test_its_rules_are_told_with_their_paths(database_url: str) -> None:
    async with an_api(database_url) as api:
        refused = await api.post("/gadgets", json=a_gadget("A", colour="green"))
        causes = {cause["field"] for cause in refused.json()["details"]["causes"]}
        assert (refused.status_code, causes) == (422, {"metadata.name", "spec.colour"})
        mistyped = await api.post("/gadgets", json=a_gadget("a", parts=[1]))
        assert mistyped.json()["details"]["causes"][0]["field"] == "spec.parts[0]"


async def test_it_is_listed_by_labels_fields_and_pages(database_url: str) -> None:
    async with an_api(database_url) as api:
        for name, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
            await api.post("/gadgets", json=a_gadget(name, colour=colour))
        assert await names(api, "/gadgets?labelSelector=of=b") == ["b"]
        assert await names(api, "/gadgets?fieldSelector=spec.colour=red") == ["a", "c"]
        first = (await api.get("/gadgets?limit=2")).json()["metadata"]
        rest = await names(api, f"/gadgets?limit=2&continue={first['continue']}")
        assert (rest, first["remainingItemCount"]) == (["c"], 1)


async def test_it_is_applied_pruned_and_goes_with_its_namespace(database_url: str) -> None:
    async with an_api(database_url) as api:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
        gadget = a_gadget("a")
        gadget["metadata"]["namespace"] = "x"
        body = {"apiVersion": "v1", "kind": "List", "items": [gadget, namespace]}
        applied = (await api.post("/apply", json=body)).json()
        assert [item["operation"] for item in applied["results"]] == ["created", "created"]
        await api.post("/apply?prune=true&labelSelector=of=a", json=namespace)
        assert await names(api, "/gadgets") == []
        await api.post("/apply", json=body)
        await api.delete("/namespaces/x")
        assert await names(api, "/gadgets") == []


async def test_what_follows_from_it_is_counted_and_never_written(database_url: str) -> None:
    async with an_api(database_url) as api:
        for name, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
            await api.post("/gadgets", json=a_gadget(name, colour=colour))
        assert await counts(api) == {"blue": 1, "red": 2}
        before = (await api.get("/gadgetcounts")).json()["metadata"]["resourceVersion"]
        await api.delete("/gadgets/default/b")
        assert await counts(api) == {"red": 2}
        then = f"/gadgetcounts?resourceVersion={before}&resourceVersionMatch=Exact"
        assert await names(api, then) == ["blue", "red"]
        one = (await api.get("/gadgetcounts/red")).json()
        refused = await api.put("/gadgetcounts/red", json=one)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        (ignored,) = (await api.post("/apply", json=one)).json()["results"]
        assert (ignored["operation"], "never written" in ignored["message"]) == ("ignored", True)
        refused = await api.post("/apply?strict=true", json=one)
        assert refused.json()["details"]["causes"][0]["field"] == "documents[0].kind"


async def test_both_are_watched_also_from_before_a_start(tmp_path: Path, database_url: str) -> None:
    async with serving(tmp_path, database_url=database_url) as running:
        api = running.client
        begun = (await api.get("/gadgets")).json()["metadata"]["resourceVersion"]
        await api.post("/gadgets", json=a_gadget("a"))
        await api.post("/gadgets", json=a_gadget("b"))
        await api.delete("/gadgets/default/a")
        await api.delete("/gadgets/default/b")
        seen = await events(api, begun)
    async with serving(tmp_path, database_url=database_url) as running:
        assert await events(running.client, begun) == seen
    assert [(type_, kind, count) for type_, kind, _, count in seen] == [
        ("ADDED", "Gadget", None),
        ("ADDED", "GadgetCount", 1),
        ("ADDED", "Gadget", None),
        ("MODIFIED", "GadgetCount", 2),
        ("DELETED", "Gadget", None),
        ("MODIFIED", "GadgetCount", 1),
        ("DELETED", "Gadget", None),
        ("DELETED", "GadgetCount", 1),
    ]


async def events(api: httpx.AsyncClient, since: str) -> list[tuple[str, str, str, int | None]]:
    """Give type, kind, revision and count of what a watch tells after a revision."""
    path = f"/watch?kinds=Gadget,GadgetCount&resourceVersion={since}&timeoutSeconds=1"
    lines = [json.loads(line) for line in (await api.get(path)).text.splitlines()]
    found = [(line["type"], line["object"]) for line in lines if line["type"] != "BOOKMARK"]
    return [
        (type_, seen["kind"], seen["metadata"]["resourceVersion"], seen.get("count"))
        for type_, seen in found
    ]


async def test_it_is_backed_up_and_brought_back(database_url: str) -> None:
    async with an_api(database_url) as api:
        await api.post("/gadgets", json=a_gadget("a", parts=["x"]))
    async with connected(database_url) as engine:
        lines = [line async for line in backup_lines(engine)]
        await empty_database(database_url)
        await restore(engine, read_backup(lines), replace=False)
    async with an_api(database_url) as api:
        assert (await names(api, "/gadgets"), await counts(api)) == (["a"], {"red": 1})


async def test_the_command_line_lists_it(database_url: str) -> None:
    gadget = kind_named("gd")
    assert gadget is kind_named("gadgets")
    async with an_api(database_url) as api:
        await api.post("/gadgets", json=a_gadget("a"))
        items = (await api.get("/gadgets")).json()["items"]
    table = sheet(items, gadget, datetime.now(UTC))
    assert (table.headings, table.rows[0][0]) == (("NAME", "AGE"), "a")


def test_the_document_describes_both(document: Wire) -> None:
    paths = document["paths"]
    assert set(paths["/gadgets"]) == {"get", "post"}
    assert set(paths["/gadgets/{namespace}/{name}"]) == {"get", "put", "patch", "delete"}
    assert set(paths["/gadgets/{namespace}/{name}/status"]) == {"get", "put", "patch"}
    assert set(paths["/gadgetcounts"]) == set(paths["/gadgetcounts/{name}"]) == {"get"}
    assert paths["/gadgetcounts"]["get"]["operationId"] == "list_gadget_counts"
    components = document["components"]
    assert {"Gadget", "GadgetList", "GadgetCount", "GadgetCountList"} <= set(components["schemas"])
    mapping = components["schemas"]["WatchedObject"]["discriminator"]["mapping"]
    assert {"Gadget", "GadgetCount"} <= set(mapping)
    assert "GadgetCount" not in components["schemas"]["Manifest"]["discriminator"]["mapping"]
    registered = components["examples"]["RegisteredGadget"]["value"]
    assert registered["spec"] == {"colour": "red", "parts": []}
    assert {tag["name"] for tag in document["tags"]} >= {"gadgets", "gadgetCounts"}
