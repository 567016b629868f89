"""Clients that write and watch, and remember what they were told: nothing else is believed.

lanes of writes -> Journal(acknowledged, refused, unsure)          watches -> Sightings
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import cycle
from typing import Any

import httpx

INITIAL_END = "k8s.io/initial-events-end"
ANSWER_S_MAX = 40.0  # above the server's own bound on a write
_PAUSE_S = 0.02  # after a refusal
_DELETED_EVERY = 3  # of the writes of a lane, one takes the Service before it away


@dataclass(slots=True)
class Journal:
    """What the writers were told, by the name of the Service; with its address if it was made."""

    acknowledged: dict[str, str] = field(default_factory=dict[str, str])
    deleted: set[str] = field(default_factory=set[str])
    refused: set[str] = field(default_factory=set[str])
    unsure: set[str] = field(default_factory=set[str])
    seconds: list[float] = field(default_factory=list[float])
    refusals: list[httpx.Response] = field(default_factory=list[httpx.Response])


@dataclass(frozen=True, slots=True)
class Sighting:
    """One event, as a watcher saw it."""

    type: str
    kind: str
    key: str
    revision: int
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class Sightings:
    """What one watcher saw, whole revisions only, and where it stands."""

    url: str
    events: list[Sighting] = field(default_factory=list[Sighting])
    revision: int | None = None
    since: int = 0
    anew: int = 0
    _half: list[Sighting] = field(default_factory=list[Sighting])

    def take(self, line: str) -> None:
        event: Any = json.loads(line)
        wire = event["object"]
        if event["type"] == "ERROR":
            self.revision, self.anew = None, self.anew + 1
            return
        revision = int(wire["metadata"]["resourceVersion"])
        if event["type"] == "BOOKMARK":
            if INITIAL_END in wire["metadata"].get("annotations", {}):
                self.since = revision
            else:
                self.events.extend(self._half)
            self._half.clear()
            self.revision = revision
            return
        self._half.append(
            Sighting(
                event["type"],
                wire["kind"],
                f"{wire['metadata']['namespace']}/{wire['metadata']['name']}",
                revision,
                tuple(wire["spec"].get("clusterIPs", ())) if wire["kind"] == "Service" else (),
            )
        )

    def begin(self) -> None:
        self._half.clear()  # what came of a revision that was not whole comes again


def both(name: str) -> dict[str, object]:
    """Describe a Service and its Pod: there is both, with a slice, or nothing."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "status": {"podIPs": [{"ip": "10.244.0.9"}], "phase": "Running"},
        "spec": {"nodeName": "n1"},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
    }
    return {"apiVersion": "v1", "kind": "List", "items": [service, pod]}


async def write(client: httpx.AsyncClient, url: str, name: str, journal: Journal) -> bool:
    """Make a Service and its Pod; gives whether that was acknowledged."""
    begun_at = asyncio.get_running_loop().time()
    journal.unsure.add(name)  # until an answer says otherwise, should one come
    try:
        answer = await client.post(f"{url}/apply", json=both(name))
    except httpx.HTTPError as error:
        if isinstance(error, httpx.ConnectError):
            journal.unsure.remove(name)
            journal.refused.add(name)
        return False
    finally:
        journal.seconds.append(asyncio.get_running_loop().time() - begun_at)
    if answer.status_code != HTTPStatus.GATEWAY_TIMEOUT:
        journal.unsure.remove(name)
    if answer.is_success:
        with suppress(httpx.HTTPError):
            found = await client.get(f"{url}/services/default/{name}")
            if found.is_success:
                journal.acknowledged[name] = found.json()["spec"]["clusterIP"]
        journal.acknowledged.setdefault(name, "")
        return True
    journal.refusals.append(answer)
    if name not in journal.unsure:
        journal.refused.add(name)
    return False


async def delete(client: httpx.AsyncClient, url: str, name: str, journal: Journal) -> None:
    """Take a Service away; one whose end is not known is counted as unsure from now on."""
    journal.unsure.add(name)
    with suppress(httpx.HTTPError):
        answer = await client.delete(f"{url}/services/default/{name}")
        if answer.status_code != HTTPStatus.GATEWAY_TIMEOUT:
            journal.unsure.remove(name)
        if answer.is_success:
            journal.deleted.add(name)


async def keep_writing(lane: str, urls: Sequence[str], journal: Journal) -> None:
    """Write, and now and then delete, at one replica after another; until cancelled."""
    async with httpx.AsyncClient(timeout=ANSWER_S_MAX) as client:
        made: list[str] = []
        for number, url in enumerate(cycle(urls)):
            name = f"s-{lane}-{number}"
            if await write(client, url, name, journal):
                made.append(name)
                if number % _DELETED_EVERY == 0:
                    await delete(client, url, made.pop(0), journal)
            else:
                await asyncio.sleep(_PAUSE_S)


async def keep_watching(seen: Sightings) -> None:
    """Watch one replica from where the watcher stands, again whenever it ends; until cancelled."""
    timeout = httpx.Timeout(30, connect=2)
    async with httpx.AsyncClient(timeout=timeout) as client:
        while True:
            seen.begin()
            query = {"kinds": "Service,Pod,EndpointSlice", "progress": "true"}
            if seen.revision is not None:
                query["resourceVersion"] = str(seen.revision)
            with suppress(httpx.HTTPError):
                async with client.stream("GET", f"{seen.url}/watch", params=query) as answer:
                    if answer.status_code == HTTPStatus.GONE:
                        seen.revision, seen.anew = None, seen.anew + 1
                    elif answer.is_success:
                        async for line in answer.aiter_lines():
                            seen.take(line)
            await asyncio.sleep(_PAUSE_S)


@dataclass(slots=True)
class Load:
    """The clients of a test: a journal of writes, and what each watcher saw."""

    journal: Journal
    watchers: list[Sightings]

    async def settle(self, revision: int) -> None:
        """Wait until every watcher stands at a revision."""
        async with asyncio.timeout(30):
            while any((seen.revision or 0) < revision for seen in self.watchers):  # noqa: ASYNC110
                await asyncio.sleep(_PAUSE_S)


@dataclass(slots=True)
class Lanes:
    """The writers of a load, which end before it does."""

    load: Load
    tasks: list["asyncio.Task[None]"]

    @property
    def written(self) -> int:
        return len(self.load.journal.acknowledged)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@asynccontextmanager
async def under_load(urls: Sequence[str], *, lanes: int = 4) -> AsyncGenerator[Lanes, None]:
    """Write to replicas and watch each for the length of a block."""
    load = Load(Journal(), [Sightings(url) for url in urls])
    watching = [asyncio.create_task(keep_watching(seen)) for seen in load.watchers]
    writing = [
        asyncio.create_task(keep_writing(str(lane), urls, load.journal)) for lane in range(lanes)
    ]
    running = Lanes(load, writing)
    try:
        yield running
    finally:
        await running.stop()
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
