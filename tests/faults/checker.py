"""Proves from the clients' own logs, and the tables, that nothing was lost, halved or doubled.

Journal, Sightings, replicas, PostgreSQL -> assertions
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import httpx

from app.store.keeping.check import check
from tests.databases import connected
from tests.faults.clients import Journal, Load, Sighting, Sightings
from tests.faults.postgres import Postgres
from tests.waiting import eventually

STATE = ("/services", "/pods", "/endpointslices", "/nodes/n1/ipvs")
COMMITTED = """
SELECT CASE WHEN before IS NULL THEN 'ADDED' WHEN after IS NULL THEN 'DELETED' ELSE 'MODIFIED' END
         AS type,
       kind, revision, body -> 'metadata' ->> 'namespace' AS namespace,
       body -> 'metadata' ->> 'name' AS name,
       ARRAY(SELECT json_array_elements_text(COALESCE(body -> 'spec' -> 'clusterIPs', '[]')))
         AS addresses
FROM (SELECT *, COALESCE(after, before)::json AS body FROM changes) AS told
WHERE kind IN ('Service', 'Pod', 'EndpointSlice')
ORDER BY revision, ordinal
"""

Item = dict[str, Any]


async def prove(load: Load, urls: Sequence[str], server: Postgres) -> None:
    """Check every promise, once the writers have ended and all is well again."""
    async with httpx.AsyncClient(timeout=30) as client:
        await client.post(f"{urls[0]}/nodes", json={"metadata": {"name": "n1"}})
        # Writes whose clients have gone may still be under way: the last one is waited for.
        await eventually(lambda: every_replica_has_the_same_state(client, urls))
    revision = await _settled_revision(server)
    async with httpx.AsyncClient(timeout=30) as client:
        services = await _items(client, urls[0], "services")
        pods = await _items(client, urls[0], "pods")
        slices = await _items(client, urls[0], "endpointslices")
    addresses = {name: str(item["spec"]["clusterIP"]) for name, item in services.items()}
    every_acknowledged_write_is_there(load.journal, addresses)
    nothing_is_half_there(load.journal, set(services), set(pods), _targets(slices))
    async with connected(server.url) as engine:
        assert await check(engine) == ()
    await load.settle(revision)
    committed = await _committed(server)
    no_address_was_held_twice(committed)
    for seen in load.watchers:
        assert not seen.anew, "a watcher was told to list anew, and missed what was in between"
        every_change_was_seen_once_and_in_order(seen, committed)


async def every_replica_has_the_same_state(client: httpx.AsyncClient, urls: Sequence[str]) -> bool:
    for path in STATE:
        answers = [await client.get(f"{url}{path}") for url in urls]
        if not all(answer.is_success for answer in answers):
            return False
        if len({answer.content for answer in answers}) != 1:
            return False
    return True


def every_acknowledged_write_is_there(journal: Journal, addresses: dict[str, str]) -> None:
    kept = journal.acknowledged.keys() - journal.deleted - journal.unsure
    missing = kept - addresses.keys()
    assert not missing, f"acknowledged and gone: {sorted(missing)}"
    moved = {
        name: (address, addresses[name])
        for name, address in journal.acknowledged.items()
        if name in kept and address and address != addresses[name]
    }
    assert not moved, f"other addresses than acknowledged: {moved}"
    assert not journal.deleted & addresses.keys(), "deleted, acknowledged, and still there"
    assert len(set(addresses.values())) == len(addresses)


def nothing_is_half_there(
    journal: Journal, services: set[str], pods: set[str], targets: dict[str, set[str]]
) -> None:
    assert not journal.refused & services, "refused, and there all the same"
    for name in services - {"kube-dns", "kubernetes"}:
        assert name in pods, f"{name} has no Pod, which was written with it"
        assert targets.get(name) == {name}, f"{name} has no slice that says where its Pod is"
    left = (journal.unsure - journal.acknowledged.keys()) & pods
    assert left <= services, "a Pod without the Service that was written with it"


def no_address_was_held_twice(committed: Sequence[Sighting]) -> None:
    holders: dict[str, str] = {}
    for event in committed:
        if event.kind != "Service":
            continue
        for address in [each for each, key in holders.items() if key == event.key]:
            del holders[address]
        if event.type != "DELETED":
            for address in event.addresses:
                assert address not in holders, f"{address}: {holders[address]} and {event.key}"
                holders[address] = event.key


def every_change_was_seen_once_and_in_order(seen: Sightings, committed: Sequence[Sighting]) -> None:
    due = [event for event in committed if event.revision > seen.since]
    assert seen.events == due, _first_difference(seen.events, due)


def _first_difference(seen: Sequence[Sighting], due: Sequence[Sighting]) -> str:
    for number, (one, other) in enumerate(zip_longest(seen, due)):
        if one != other:
            return f"event {number} of {len(due)}: saw {one}, was owed {other}"
    return ""


async def _committed(server: Postgres) -> list[Sighting]:
    """Read from the log, in SQL, what every watcher was owed."""
    rows = await server.fetch(COMMITTED)
    return [
        Sighting(
            row["type"],
            row["kind"],
            f"{row['namespace']}/{row['name']}",
            row["revision"],
            tuple(row["addresses"]),
        )
        for row in rows
    ]


async def _settled_revision(server: Postgres) -> int:
    """Read the counter once nothing is under way: its lock must be free."""
    found = await server.value("SELECT revision FROM counter FOR UPDATE")
    assert isinstance(found, int)
    return found


async def _items(
    client: httpx.AsyncClient, url: str, plural: str
) -> dict[str, dict[str, dict[str, object]]]:
    answer = await client.get(f"{url}/{plural}", params={"namespace": "default"})
    return {item["metadata"]["name"]: item for item in answer.json()["items"]}


def _targets(slices: dict[str, Item]) -> dict[str, set[str]]:
    """Say, by Service, which Pods its slices lead to."""
    found: dict[str, set[str]] = {}
    for item in slices.values():
        pods = found.setdefault(item["metadata"]["labels"]["kubernetes.io/service-name"], set())
        pods.update(str(each["targetRef"]["name"]) for each in item["endpoints"])
    return found
