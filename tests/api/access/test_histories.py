"""Random histories of rights and events: every watcher is sent what its rights let through.

The oracle asks, for each revision, the state rewound to it; the application keeps the revisions
at which rights changed, and asks there alone.
"""

import asyncio
import json
from dataclasses import dataclass
from random import Random

import httpx
import pytest

from app.domain.access.attributes import Attributes
from app.domain.access.decision import Allowed, authorize, visible_namespaces
from app.domain.access.subjects import User, authenticated
from app.domain.names import Revision
from app.domain.snapshot import Snapshot
from tests.api.access.guarded import (
    Guarded,
    Wire,
    a_binding,
    a_namespace,
    a_role,
    a_rule,
    a_service,
    streaming,
)
from tests.waiting import WITHIN_S

ALICE = authenticated(User(name="alice"))
SPACES = ("dev", "prod")
STEPS = 40
Event = tuple[str, str, str]
"""Type, name and namespace, and revision."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a watcher follows: one namespace, all of them, or those it may see."""

    query: str
    namespace: str = ""
    is_visible: bool = False

    def seen(self, state: Snapshot) -> frozenset[str] | None:
        """The namespaces that may be watched at a state, ``*`` for all; None when refused."""
        asked = Attributes(verb="watch", resource="services", namespace=self.namespace)
        if isinstance(authorize(state, ALICE, asked), Allowed):
            return frozenset({self.namespace or "*"})
        return (visible_namespaces(state, ALICE, asked) or None) if self.is_visible else None


@dataclass(frozen=True)
class Watcher:
    """A stream: what it follows, from where, and what its caller might see as it was begun."""

    scope: Scope
    since: int
    begun_with: frozenset[str]
    task: asyncio.Task[httpx.Response]


SCOPES = (
    Scope(query="kinds=Service&namespace=prod", namespace="prod"),
    Scope(query="kinds=Service"),
    Scope(query="kinds=Service&visible=true", is_visible=True),
)


@pytest.mark.parametrize("seed", range(8))
async def test_a_watcher_is_sent_the_events_of_revisions_at_which_it_had_the_right(
    running: Guarded, seed: int
) -> None:
    await running.forget()
    await running.hold(*(a_namespace(name) for name in SPACES), a_role("looks"))
    headers, random = await running.as_("alice"), Random(seed)  # noqa: S311
    watchers: list[Watcher] = []
    starts = [running.revision]
    for _ in range(STEPS):
        await a_step(running, random)
        starts.append(running.revision)
        if random.random() < 0.5:
            # From now, and from the past.
            for since in (running.revision, random.choice(starts)):
                scope = random.choice(SCOPES)
                if (seen := scope.seen(running.registry.view.snapshot)) is not None:
                    path = f"/watch?{scope.query}&resourceVersion={since}"
                    task = await streaming(running, path, headers)
                    watchers.append(Watcher(scope, since, seen, task))
    token = await running.token("alice")
    gone = await running.client.delete(
        f"/tokens/{token['metadata']['name']}", headers=running.admin
    )
    assert gone.is_success
    end = running.revision
    assert watchers, "the seed lets some watch"
    for each in watchers:
        answer = await asyncio.wait_for(each.task, WITHIN_S)
        assert answer.status_code == 200, answer.text
        assert told(answer) == expected(running, each, end), each


async def a_step(place: Guarded, random: Random) -> None:
    """One write of one or two things: what is watched, and who may watch it."""
    name, space = random.choice("abc"), random.choice(SPACES)
    granted = a_role("looks", a_rule("get list watch", "services"))
    binding = a_binding("looks", "alice", namespace=random.choice(("", *SPACES)))
    service = a_service(name, space, step=str(random.randrange(1_000)))
    wishes: list[Wire | str] = [
        service,
        service,
        f"/services/{space}/{name}",
        granted,
        granted,
        a_role("looks"),
        binding,
        binding,
        f"/{'role' if 'namespace' in binding['metadata'] else 'clusterrole'}bindings"
        f"/{binding['metadata'].get('namespace', '')}/alice-looks".replace("//", "/"),
    ]
    chosen = random.sample(wishes, k=random.choice((1, 2)))
    if written := [each for each in chosen if not isinstance(each, str)]:
        await place.hold(*written)
    for path in (each for each in chosen if isinstance(each, str)):
        answer = await place.client.delete(path, headers=place.admin)
        assert answer.status_code in {200, 404}, answer.text


def told(answer: httpx.Response) -> tuple[list[Event], int]:
    """The events of a stream, and the code of the ERROR at its end."""
    lines = [json.loads(line) for line in answer.text.splitlines()]
    events = [line for line in lines if line["type"] in {"ADDED", "MODIFIED", "DELETED"}]
    assert lines[-1]["type"] == "ERROR"
    shown: list[Event] = []
    for each in events:
        meta = each["object"]["metadata"]
        name = f"{meta['namespace']}/{meta['name']}"
        shown.append((each["type"], name, meta["resourceVersion"]))
    return shown, lines[-1]["object"]["code"]


def expected(place: Guarded, watcher: Watcher, end: int) -> tuple[list[Event], int]:
    """What the states, one by one, let through after a revision; the token ends at ``end``."""
    events: list[Event] = []
    if watcher.scope.seen(state_at(place, watcher.since)) != watcher.begun_with:
        return [], 410
    for revision in range(watcher.since + 1, end):
        seen = watcher.scope.seen(state_at(place, revision))
        if seen is None:
            return events, 403
        if seen != watcher.begun_with:
            return events, 410
        events += events_at(place, revision, seen)
    return events, 401


def state_at(place: Guarded, revision: int) -> Snapshot:
    view = place.registry.view
    at = Revision(revision)
    return view.snapshot.rewound(view.history(at), to=at)


def events_at(place: Guarded, revision: int, namespaces: frozenset[str]) -> list[Event]:
    found: list[Event] = []
    for change in place.registry.view.history(Revision(revision - 1)):
        if change.revision != revision or change.kind != "Service":
            continue
        held = change.after or change.before
        assert held is not None
        key = held.metadata.key
        if "*" in namespaces or key.namespace in namespaces:
            type_ = "ADDED" if change.before is None else "MODIFIED"
            type_ = "DELETED" if change.after is None else type_
            found.append((type_, f"{key.namespace}/{key.name}", str(revision)))
    return found
