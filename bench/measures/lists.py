"""All Services in one answer, after a change and again, beside as many keys of etcd.

a filled registry, one with a tenth | etcd with the same bodies -> milliseconds until all is read
"""

import json
from time import perf_counter

import httpx

from bench.harness import etcd
from bench.harness.figures import Figure, at_most
from bench.harness.registries import Registry
from bench.harness.run import Run
from bench.harness.wire import Size
from bench.measures.http import keys_of, path_of

PEER = "etcd, range of as many keys"
TENTH = 10
GROWTH = at_most(1.2)
PLAIN = {"accept-encoding": "identity"}  # etcd does not compress


async def measure(run: Run) -> None:
    """List in turn: the whole, a tenth, and etcd's keys."""
    tenth = Size(run.size.services // TENTH, run.size.pods_each)
    async with (
        run.registries.filled(run.size) as whole,
        run.registries.filled(tenth) as small,
        run.etcd() as peer,
    ):
        if peer:
            await etcd.fill(peer, keys_of(run.size))
        await in_turn(run, whole, small, tenth, peer)


async def in_turn(
    run: Run, whole: Registry, small: Registry, tenth: Size, peer: etcd.Etcd | None
) -> None:
    """Take all figures in each round."""
    called = f"list of {run.size.services:,} Services"
    after = Figure(f"{called}, after a change", "ms", at_most(250), PEER)
    again = Figure(f"{called}, again", "ms", at_most(250), PEER)
    each = Figure(
        f"{called}, after a change, a Service", "µs", None, f"{tenth.services:,} Services", GROWTH
    )
    for number in run.rounds():
        await changed(whole, number)
        await changed(small, number)
        changed_ms = await listed(whole, run.size.services)
        run.note(after, changed_ms)
        run.note(again, await listed(whole, run.size.services))
        run.note(each, changed_ms / run.size.services * 1e3)
        run.note_peer(each, await listed(small, tenth.services) / tenth.services * 1e3)
        if peer:
            ranged_ms = await ranged(peer, run.size.services)
            run.note_peer(after, ranged_ms)
            run.note_peer(again, ranged_ms)


async def changed(registry: Registry, number: int) -> None:
    """Change one Service, so that no earlier answer is the right one."""
    answer = await registry.server.client.patch(
        path_of(0),
        json={"metadata": {"labels": {"list": str(number)}}},
        headers={"content-type": "application/merge-patch+json"},
    )
    answer.raise_for_status()


async def listed(registry: Registry, services: int) -> float:
    """Read all Services; gives the milliseconds it took."""
    begun_s = perf_counter()
    answer = await registry.server.client.get("/services", headers=PLAIN)
    taken_ms = 1e3 * (perf_counter() - begun_s)
    assert len(rows(answer)["items"]) >= services
    return taken_ms


async def ranged(peer: etcd.Etcd, services: int) -> float:
    """Read all keys; gives the milliseconds it took."""
    begun_s = perf_counter()
    answer = await peer.client.post("/v3/kv/range", json=etcd.prefix("/services/"), headers=PLAIN)
    taken_ms = 1e3 * (perf_counter() - begun_s)
    assert len(rows(answer)["kvs"]) == services
    return taken_ms


def rows(answer: httpx.Response) -> dict[str, list[object]]:
    """Read an answer that must be a success."""
    found: dict[str, list[object]] = json.loads(answer.raise_for_status().content)
    return found
