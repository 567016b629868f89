"""Streams of changes, as a client reads them."""

import json
from typing import Any

import httpx
import pytest

Wire = dict[str, Any]
FOR_A_MOMENT = {"timeoutSeconds": "1"}


def a_manifest(name: str, **labels: str) -> Wire:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"ports": [{"port": 80}]}}


async def watched(api: httpx.AsyncClient, path: str = "/watch", **query: str) -> list[Wire]:
    """Read a stream until the server ends it."""
    answer = await api.get(path, params={**FOR_A_MOMENT, **query})
    assert answer.status_code == httpx.codes.OK, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def shown(events: list[Wire]) -> list[tuple[str, str]]:
    return [
        (event["type"], event["object"]["metadata"].get("name", ""))
        for event in events
        if event["type"] != "BOOKMARK"
    ]


async def test_a_watch_begins_with_what_is_there_and_says_when_that_is_all(
    api: httpx.AsyncClient,
) -> None:
    for name in ("b", "a"):
        await api.post("/services", json=a_manifest(name))
    events = await watched(api, kinds="Service")
    assert [event["type"] for event in events] == ["ADDED", "ADDED", "BOOKMARK", "BOOKMARK"]
    assert shown(events) == [("ADDED", "a"), ("ADDED", "b")]
    end = events[2]["object"]["metadata"]
    assert end["annotations"] == {"k8s.io/initial-events-end": "true"}


@pytest.mark.parametrize("since", ["0", "00"])
async def test_from_revision_nought_a_watch_begins_with_what_is_there(
    api: httpx.AsyncClient, since: str
) -> None:
    await api.post("/services", json=a_manifest("a"))
    assert shown(await watched(api, kinds="Service", resourceVersion=since)) == [("ADDED", "a")]


async def test_a_watch_resumes_after_a_revision_without_loss_or_repeat(
    api: httpx.AsyncClient,
) -> None:
    first = (await api.post("/services", json=a_manifest("a"))).json()
    since = first["metadata"]["resourceVersion"]
    await api.post("/services", json=a_manifest("b"))
    await api.delete("/services/default/a")

    events = await watched(api, kinds="Service", resourceVersion=since)

    assert shown(events) == [("ADDED", "b"), ("DELETED", "a")]
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert revisions == sorted(revisions)
    assert int(since) < revisions[0]


async def test_list_and_watch_meet(api: httpx.AsyncClient) -> None:
    await api.post("/services", json=a_manifest("a"))
    listing = (await api.get("/services")).json()
    await api.post("/services", json=a_manifest("b"))
    since = listing["metadata"]["resourceVersion"]
    events = await watched(api, "/services", watch="true", resourceVersion=since)
    assert shown(events) == [("ADDED", "b")]


async def test_what_is_nothing_to_a_watcher_is_passed_over(api: httpx.AsyncClient) -> None:
    first = (await api.post("/services", json=a_manifest("a"))).json()
    last = (await api.post("/nodes", json={"metadata": {"name": "n1"}})).json()
    since = first["metadata"]["resourceVersion"]
    events = await watched(api, kinds="Pod", resourceVersion=since, progress="true")
    assert {event["type"] for event in events} == {"BOOKMARK"}
    revision = last["metadata"]["resourceVersion"]
    assert {event["object"]["metadata"]["resourceVersion"] for event in events} == {revision}


async def test_an_object_that_starts_or_stops_matching_is_added_or_deleted(
    api: httpx.AsyncClient,
) -> None:
    created = (await api.post("/services", json=a_manifest("a", tier="db"))).json()
    since = created["metadata"]["resourceVersion"]
    for tier in ("web", "db"):
        await api.put("/services/default/a", json=a_manifest("a", tier=tier))
    events = await watched(api, kinds="Service", labelSelector="tier=web", resourceVersion=since)
    assert shown(events) == [("ADDED", "a"), ("DELETED", "a")]
    assert events[1]["object"]["metadata"]["labels"] == {"tier": "web"}


async def test_server_sent_events_bear_their_revision_and_resume_by_it(
    api: httpx.AsyncClient,
) -> None:
    first = (await api.post("/services", json=a_manifest("a"))).json()
    await api.post("/services", json=a_manifest("b"))
    headers = {
        "accept": "text/event-stream",
        "last-event-id": first["metadata"]["resourceVersion"],
    }
    answer = await api.get("/watch", params={**FOR_A_MOMENT, "kinds": "Service"}, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    fields = [line.partition(": ") for line in answer.text.splitlines() if line]
    first_event = {name: value for name, _, value in fields[:3]}
    assert first_event["event"] == "ADDED"
    assert json.loads(first_event["data"])["metadata"]["name"] == "b"
    assert first_event["id"] == json.loads(first_event["data"])["metadata"]["resourceVersion"]


def sent(text: str) -> list[tuple[str, str, Wire]]:
    """Read server-sent events: id, or nothing, type and object."""
    events: list[tuple[str, str, Wire]] = []
    for block in text.split("\n\n")[:-1]:
        fields = {name: value for name, _, value in (x.partition(": ") for x in block.split("\n"))}
        events.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
    return events


async def test_an_id_is_sent_only_where_nothing_would_be_lost_by_resuming(
    api: httpx.AsyncClient,
) -> None:
    await api.post("/services", json=a_manifest("a"))
    head = {"apiVersion": "v1", "kind": "Service"}
    both = {"apiVersion": "v1", "kind": "List", "items": [head | a_manifest(n) for n in "bc"]}
    stream = {"accept": "text/event-stream"}
    initial = await api.get("/watch", params={**FOR_A_MOMENT, "kinds": "Service"}, headers=stream)
    added, end, *_ = sent(initial.text)
    assert (added[0], added[1]) == ("", "ADDED"), "the initial state is whole at its end"
    assert (end[0], end[1]) == (end[2]["metadata"]["resourceVersion"], "BOOKMARK")

    revision = (await api.post("/apply", json=both)).json()["resourceVersion"]
    query = {**FOR_A_MOMENT, "kinds": "Service"}
    resumed = await api.get("/watch", params=query, headers={**stream, "last-event-id": end[0]})
    events = [(id_, wire["metadata"]["name"]) for id_, _, wire in sent(resumed.text)[:2]]
    assert events == [("", "b"), (revision, "c")], "one revision, of which the last event is whole"


@pytest.mark.parametrize(
    ("asked", "is_resumed", "names"),
    [
        ("true", True, ["a", "b"]),
        ("false", True, ["b"]),
        ("true", False, ["a", "b"]),
        ("false", False, []),
    ],
)
async def test_initial_events_are_sent_or_left_out_as_requested(
    api: httpx.AsyncClient, asked: str, *, is_resumed: bool, names: list[str]
) -> None:
    first = (await api.post("/services", json=a_manifest("a"))).json()
    await api.post("/services", json=a_manifest("b"))
    since = {"resourceVersion": first["metadata"]["resourceVersion"]} if is_resumed else {}
    events = await watched(api, "/services", watch="true", sendInitialEvents=asked, **since)
    assert [name for _, name in shown(events)] == names


@pytest.mark.parametrize(
    ("query", "code", "reason"),
    [
        ({"kinds": "Deployment"}, 400, "BadRequest"),
        ({"labelSelector": "=="}, 400, "BadRequest"),
        ({"resourceVersion": "999999"}, 504, "Timeout"),
    ],
)
async def test_a_watch_that_cannot_begin_says_why(
    api: httpx.AsyncClient, query: dict[str, str], code: int, reason: str
) -> None:
    answer = await api.get("/watch", params={**FOR_A_MOMENT, **query})
    assert (answer.status_code, answer.json()["reason"]) == (code, reason)
