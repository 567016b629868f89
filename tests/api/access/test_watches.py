"""What a watcher is sent: events of revisions at which it had the right, and why it ends."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import httpx
import pytest

from tests.api.access.guarded import (
    Guarded,
    Wire,
    a_binding,
    a_namespace,
    a_node,
    a_pod,
    a_role,
    a_rule,
    a_service,
    streaming,
)
from tests.waiting import WITHIN_S, until

LOOKS = a_role("looks", a_rule("get list watch", "services"))
FORBIDDEN = 'services is forbidden: User "alice" cannot watch resource "services" in API group ""'


class Seen(NamedTuple):
    """What a stream has said: its events, and the Status with which it ended."""

    events: list[tuple[str, str]]
    code: int
    message: str


@pytest.fixture
async def place(running: Guarded) -> Guarded:
    """That registry, where alice may look at the Services of one namespace."""
    await running.forget()
    await running.hold(a_namespace("prod"), a_namespace("dev"), a_namespace("other"), LOOKS)
    await running.hold(a_binding("looks", "alice", namespace="prod"))
    return running


async def waiting(
    place: Guarded, path: str, headers: dict[str, str]
) -> asyncio.Task[httpx.Response]:
    """Ask for changes, and wait until the registry counts that as a watcher."""
    watching = place.registry.watching
    before = watching.watchers
    task = asyncio.create_task(place.client.get(path, headers=headers))
    await until(lambda: task.done() or watching.watchers > before)
    return task


async def ended(task: asyncio.Task[httpx.Response]) -> Seen:
    """Read a stream that the server has ended or is about to end, with an ERROR."""
    answer = await asyncio.wait_for(task, WITHIN_S)
    assert answer.status_code == 200, answer.text
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines, "it is ended by an ERROR"
    assert lines[-1]["type"] == "ERROR", answer.text
    status = lines[-1]["object"]
    return Seen(events_of(lines[:-1]), status["code"], status["message"])


def events_of(lines: list[Wire]) -> list[tuple[str, str]]:
    return [
        (line["type"], line["object"]["metadata"]["name"])
        for line in lines
        if line["type"] != "BOOKMARK"
    ]


async def deleted(place: Guarded, path: str) -> int:
    """Delete an object as the administrator; gives the revision that the answer names."""
    answer = await place.client.delete(path, headers=place.admin)
    assert answer.is_success, answer.text
    return place.revision


async def lose_binding(place: Guarded) -> None:
    await deleted(place, "/rolebindings/prod/alice-looks")


async def lose_role(place: Guarded) -> None:
    await deleted(place, "/clusterroles/looks")


async def lose_rule(place: Guarded) -> None:
    await place.hold(a_role("looks", a_rule("get list", "services")))


async def lose_verb_and_add(place: Guarded) -> None:
    # In the same revision as an event, which is of a revision without the right.
    await place.hold(a_role("looks"), a_service("same"))


LOSSES = [lose_binding, lose_role, lose_rule, lose_verb_and_add]
PATHS = ["/watch?kinds=Service&namespace=prod", "/services?watch=true&namespace=prod"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("is_followed", [False, True])
@pytest.mark.parametrize("lose", LOSSES)
async def test_who_loses_the_right_is_sent_nothing_from_there_on(
    place: Guarded, lose: Callable[[Guarded], Awaitable[None]], path: str, *, is_followed: bool
) -> None:
    headers = await place.as_("alice")
    stream = await streaming(place, f"{path}&resourceVersion={place.revision}", headers)
    await place.hold(a_service("before"))
    await lose(place)
    if is_followed:
        await place.hold(a_service("after"))
    seen = await ended(stream)
    assert seen.events == [("ADDED", "before")]
    assert seen.code == 403
    assert seen.message.startswith(f'{FORBIDDEN} in the namespace "prod"')
    assert (await place.client.get(path, headers=headers)).status_code == 403


async def test_a_right_that_stays_by_another_binding_is_not_lost(place: Guarded) -> None:
    headers = await place.as_("alice")
    await place.hold(a_binding("looks", "alice"))
    stream = await streaming(place, f"{PATHS[0]}&resourceVersion={place.revision}", headers)
    await place.hold(a_service("one"))
    await lose_binding(place)
    await place.hold(a_service("two"))
    await deleted(place, "/clusterrolebindings/alice-looks")
    seen = await ended(stream)
    assert (seen.events, seen.code) == ([("ADDED", "one"), ("ADDED", "two")], 403)


@pytest.mark.parametrize("path", PATHS)
async def test_a_revoked_token_ends_the_stream(place: Guarded, path: str) -> None:
    headers = await place.as_("alice")
    stream = await streaming(place, f"{path}&resourceVersion={place.revision}", headers)
    await place.hold(a_service("before"))
    token = await place.token("alice")
    await deleted(place, f"/tokens/{token['metadata']['name']}")
    await place.hold(a_service("after"))
    assert await ended(stream) == ([("ADDED", "before")], 401, "Unauthorized")


async def test_an_expired_token_ends_the_stream_without_any_event(place: Guarded) -> None:
    headers = await place.as_("alice")
    stream = await streaming(place, f"{PATHS[0]}&resourceVersion={place.revision}", headers)
    place.clock.ahead = timedelta(days=367)
    assert await ended(stream) == ([], 401, "Unauthorized")
    assert (await place.client.get(PATHS[0], headers=headers)).status_code == 401


async def test_a_service_account_is_ended_with_its_namespace(place: Guarded) -> None:
    user = "system:serviceaccount:dev:bot"
    subject = {"kind": "ServiceAccount", "namespace": "dev", "name": "bot"}
    await place.hold({**a_binding("looks", "bot", namespace="prod"), "subjects": [subject]})
    headers = await place.as_(user)
    stream = await streaming(place, f"{PATHS[0]}&resourceVersion={place.revision}", headers)
    await place.hold(a_service("before"))
    await deleted(place, "/namespaces/dev")
    seen = await ended(stream)
    assert (seen.events, seen.code) == ([("ADDED", "before")], 401)


async def test_an_impersonator_who_may_no_longer_impersonate_is_ended(place: Guarded) -> None:
    await place.hold(a_role("acts", a_rule("impersonate", "users")), a_binding("acts", "carol"))
    headers = {**await place.as_("carol"), "Impersonate-User": "alice"}
    stream = await streaming(place, f"{PATHS[0]}&resourceVersion={place.revision}", headers)
    await place.hold(a_service("before"))
    await deleted(place, "/clusterrolebindings/carol-acts")
    seen = await ended(stream)
    assert (seen.events, seen.code) == ([("ADDED", "before")], 403)
    assert 'User "carol" cannot impersonate resource "users"' in seen.message


async def test_what_was_before_the_right_must_be_listed(place: Guarded) -> None:
    headers = await place.as_("bob")
    since = await place.hold(a_service("a"))
    await place.hold(a_binding("looks", "bob", namespace="prod"))
    await place.hold(a_service("b"))
    for path in PATHS:
        stream = await streaming(place, f"{path}&resourceVersion={since}", headers)
        seen = await ended(stream)
        assert (seen.events, seen.code) == ([], 410)
    listed = await place.client.get("/services?namespace=prod", headers=headers)
    since = listed.json()["metadata"]["resourceVersion"]
    stream = await streaming(place, f"{PATHS[0]}&resourceVersion={since}", headers)
    await place.hold(a_service("c"))
    await deleted(place, "/rolebindings/prod/bob-looks")
    seen = await ended(stream)
    assert (seen.events, seen.code) == ([("ADDED", "c")], 403)


async def test_a_new_token_of_the_same_user_resumes_where_the_old_one_stopped(
    place: Guarded,
) -> None:
    since = await place.hold(a_service("a"))
    await place.hold(a_service("b"))
    headers = await place.as_("alice")
    path = f"{PATHS[0]}&resourceVersion={since}&timeoutSeconds=1"
    answer = await place.client.get(path, headers=headers)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert events_of(lines) == [("ADDED", "b")]
    assert lines[-1]["type"] == "BOOKMARK"


async def test_who_waits_for_a_revision_is_judged_when_it_is_there(place: Guarded) -> None:
    await place.hold(a_node("n1"), a_role("rules", a_rule("get", "nodes/rules")))
    await place.hold(a_binding("rules", "alice"))
    headers = await place.as_("alice")
    ahead = str(place.revision + 2)

    async def asking(path: str, more: dict[str, str]) -> asyncio.Task[httpx.Response]:
        before = place.authentications
        task = asyncio.create_task(place.client.get(path, headers={**headers, **more}))
        await until(lambda: place.authentications > before)
        return task

    tasks = [
        await asking(f"{PATHS[0]}&timeoutSeconds=1", {"Last-Event-ID": ahead}),
        await asking(f"/nodes/n1/ipvs/changes?since={ahead}", {}),
    ]
    read = f"/services?namespace=prod&resourceVersion={ahead}"  # waits before it is judged at all
    tasks.append(asyncio.create_task(place.client.get(read, headers=headers)))
    token = await place.token("alice")
    await deleted(place, f"/tokens/{token['metadata']['name']}")
    await place.hold(a_service("a"))
    assert place.revision == int(ahead)
    answers = [await asyncio.wait_for(task, WITHIN_S) for task in tasks]
    assert [answer.status_code for answer in answers] == [401, 401, 401]


@pytest.mark.parametrize("mode", ["ipvs", "nftables"])
async def test_a_long_poll_ends_with_the_token(place: Guarded, mode: str) -> None:
    await place.hold(a_node("n1"), a_role("rules", a_rule("get", "nodes/rules")))
    await place.hold(a_binding("rules", "alice"))
    headers, token = await place.as_("alice"), await place.token("alice")
    end = datetime.fromisoformat(token["spec"]["expiresAt"])
    place.clock.ahead = end - datetime.now(UTC) - timedelta(seconds=2)
    path = f"/nodes/n1/{mode}/changes?since={place.revision}&timeoutSeconds=60"
    answer = await asyncio.wait_for(place.client.get(path, headers=headers), WITHIN_S)
    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")


@pytest.mark.parametrize("mode", ["ipvs", "nftables"])
async def test_a_node_that_waits_for_changes_is_refused_when_it_may_not_any_more(
    place: Guarded, mode: str
) -> None:
    await place.hold(a_node("n1"), a_role("rules", a_rule("get", "nodes/rules")))
    await place.hold(a_binding("rules", "alice"))
    agent, operator = await place.as_("system:node:n1", "system:nodes"), await place.as_("alice")
    path = f"/nodes/n1/{mode}/changes?since={place.revision}&timeoutSeconds=60"
    revoked, unbound = await waiting(place, path, agent), await waiting(place, path, operator)
    token = await place.token("system:node:n1", "system:nodes")
    await deleted(place, f"/tokens/{token['metadata']['name']}")
    answer = await asyncio.wait_for(revoked, WITHIN_S)
    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")
    assert not unbound.done()
    await deleted(place, "/clusterrolebindings/alice-rules")
    answer = await asyncio.wait_for(unbound, WITHIN_S)
    assert answer.status_code == 403
    assert 'cannot get resource "nodes/rules"' in answer.json()["message"]


async def test_a_watch_without_kinds_has_those_that_are_permitted(place: Guarded) -> None:
    headers = await place.as_("alice")
    stream = await streaming(
        place, f"/watch?namespace=prod&resourceVersion={place.revision}", headers
    )
    await place.hold(a_pod("hidden"), a_service("shown"), a_node("n9"))
    await lose_binding(place)
    seen = await ended(stream)
    assert (seen.events, seen.code) == ([("ADDED", "shown")], 403)
    for path in ("/watch", "/watch?namespace=dev", "/watch?kinds=Service,Pod&namespace=prod"):
        answer = await place.client.get(path, headers=headers)
        assert answer.status_code == 403, path
