"""Reads over HTTP: names resolved, one object, nothing new of a node's rules.

    a filled registry | etcd with as many keys -> wrk -> answers a second

etcd reads one key for each answer here, the smallest thing that its gateway can be asked for.
"""

import asyncio
from collections.abc import Iterator, Sequence

from bench.harness import etcd
from bench.harness.figures import Figure, at_least, at_most
from bench.harness.load import load, request
from bench.harness.registries import Registry
from bench.harness.run import Run
from bench.harness.wire import NAMESPACES, Size, as_json, namespace_of, service

WARM_S = 1
IN_USE = 1_000  # names that are asked for again and again
PEER = "etcd, one key"
RATE = at_least(10_000)
RESOLVE = Figure("GET /resolve, names in use", "/s", RATE, PEER, at_least(1.3))
RESOLVE_P99 = Figure("GET /resolve, names in use, p99", "ms", at_most(15), PEER)
FIRST_BOUND = (
    "in one process, without a socket, it takes 298 µs (2026-12-01, 7c6ca5d), of which profiled 56 "
    "% are the resolver's walk with its four queries (26 % the answers of the zone), 10 % what the "
    "answer is kept for, 8 % reading the question, 4 % encoding; no part stands out"
)
FIRST = Figure(
    "GET /resolve, first time at the revision", "/s", at_least(3_000), bounded_by=FIRST_BOUND
)
OBJECT = Figure("GET of a Service, 200", "/s", RATE, PEER)
OBJECT_SAME = Figure("GET of a Service, 304", "/s", RATE, PEER)
RULES_SAME = Figure("GET /nodes/{name}/ipvs, 304", "/s", RATE, PEER)


async def measure(run: Run) -> None:
    """Take turns with etcd, whose data are the same Services."""
    if not run.has("wrk"):
        return
    in_use = range(min(IN_USE, run.size.services))
    async with run.registries.filled(run.size) as registry, run.etcd() as peer:
        if peer:
            await etcd.fill(peer, keys_of(run.size))
        for requests in (await reads(registry, in_use)).values():
            await load(registry.server.api_port, requests, seconds=WARM_S)
        for number in run.rounds():
            await first(run, registry, number)
            await in_turn(run, registry, await reads(registry, in_use), peer)


def keys_of(size: Size) -> Iterator[tuple[str, bytes]]:
    """List what etcd holds of the same: a key for each Service, and its manifest."""
    for number in range(size.services):
        yield f"/services/{number}", as_json(service(number))


async def reads(registry: Registry, in_use: range) -> dict[Figure, Sequence[bytes]]:
    """Write the requests of each figure, as they are with the present state."""
    paths = [path_of(number) for number in in_use]
    return {
        RESOLVE: [resolve(number) for number in in_use],
        OBJECT: [request("GET", path) for path in paths],
        OBJECT_SAME: await same(registry, paths),
        RULES_SAME: await same(registry, ["/nodes/node-0/ipvs"]),
    }


async def in_turn(
    run: Run,
    registry: Registry,
    asked: dict[Figure, Sequence[bytes]],
    peer: etcd.Etcd | None,
) -> None:
    """Ask for each figure of a round; etcd's is set beside each of them."""
    keys = [etcd.get(f"/services/{n}") for n in range(min(IN_USE, run.size.services))]
    beside = await load(peer.port, keys, seconds=run.seconds) if peer else None
    for figure, requests in asked.items():
        taken = await load(registry.server.api_port, requests, seconds=run.seconds)
        run.note(figure, run.judge(taken, figure.what).rate)
        if beside:
            run.note_peer(figure, beside.rate)
        if figure is RESOLVE:
            run.note(RESOLVE_P99, taken.p99_ms)
            if beside:
                run.note_peer(RESOLVE_P99, beside.p99_ms)
        if figure in (OBJECT_SAME, RULES_SAME):
            await still_the_same(registry, requests[0])


async def first(run: Run, registry: Registry, number: int) -> None:
    """Change something, and resolve every name once as nobody in that namespace has before."""
    patch = {"metadata": {"labels": {"round": str(number)}}}
    answer = await registry.server.client.patch(
        path_of(run.size.services - 1),
        json=patch,
        headers={"content-type": "application/merge-patch+json"},
    )
    answer.raise_for_status()
    new = [resolve(each, asker=each + number + 1) for each in range(run.size.services)]
    taken = await load(registry.server.api_port, new, seconds=run.seconds, once=True)
    run.note(FIRST, run.judge(taken, FIRST.what).rate)


async def still_the_same(registry: Registry, question: bytes) -> None:
    """Make sure that what was asked for all the time is answered with 304."""
    reader, writer = await asyncio.open_connection("127.0.0.1", registry.server.api_port)
    writer.write(question)
    status = await reader.readline()
    writer.close()
    assert b" 304 " in status, status


async def same(registry: Registry, paths: Sequence[str]) -> Sequence[bytes]:
    """Write requests that name what the server has already answered with."""
    requests: list[bytes] = []
    for path in paths:
        answer = await registry.server.client.get(path)
        etag = answer.raise_for_status().headers["etag"]
        requests.append(request("GET", path, headers={"If-None-Match": etag}))
    return requests


def resolve(number: int, asker: int = 0) -> bytes:
    """Ask for a Service by the name that a Pod of another namespace uses."""
    name = f"service-{number}.{namespace_of(number)}"
    return request("GET", f"/resolve?name={name}&namespace=team-{asker % NAMESPACES}")


def path_of(number: int) -> str:
    """Write the path of a Service."""
    return f"/services/{namespace_of(number)}/service-{number}"
