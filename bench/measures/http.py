"""Reads over HTTP: names resolved, one object, nothing new of a node's rules.

    a filled registry | etcd with as many keys -> wrk -> answers a second

etcd reads one key for each answer here, the smallest thing that its gateway can be asked for.
"""

from collections.abc import Sequence

from bench.harness import etcd
from bench.harness.figures import Figure, at_least, at_most
from bench.harness.load import load, request
from bench.harness.registries import Registry
from bench.harness.run import Run
from bench.harness.wire import NAMESPACES, as_json, namespace_of, service

IN_USE = 1_000  # names that are asked for again and again
PEER = "etcd, one key"
RATE = at_least(10_000)
RESOLVE = Figure("GET /resolve, names in use", "/s", RATE, PEER, at_least(1.3))
RESOLVE_P99 = Figure("GET /resolve, names in use, p99", "ms", at_most(15), PEER)
FIRST = Figure("GET /resolve, first time at the revision", "/s", at_least(3_000))
OBJECT = Figure("GET of a Service, 200", "/s", RATE, PEER)
OBJECT_SAME = Figure("GET of a Service, 304", "/s", RATE, PEER)
RULES_SAME = Figure("GET /nodes/{name}/ipvs, 304", "/s", RATE, PEER)


async def measure(run: Run) -> None:
    """Take turns with etcd, whose data are the same Services."""
    if not run.has("wrk"):
        return
    in_use = range(min(IN_USE, run.size.services))
    async with run.registries.filled(run.size) as registry:
        reads = {
            RESOLVE: [resolve(number) for number in in_use],
            OBJECT: [request("GET", path_of(number)) for number in in_use],
            OBJECT_SAME: await same(registry, [path_of(number) for number in in_use]),
            RULES_SAME: await same(registry, ["/nodes/node-0/ipvs"]),
        }
        if not run.has_etcd():
            return await in_turn(run, registry, reads, None)
        async with etcd.running(run.folder / "etcd-http") as peer:
            items = [(f"/services/{n}", as_json(service(n))) for n in range(run.size.services)]
            await etcd.fill(peer, items)
            await in_turn(run, registry, reads, peer)


async def in_turn(
    run: Run,
    registry: Registry,
    reads: dict[Figure, Sequence[bytes]],
    peer: etcd.Etcd | None,
) -> None:
    """Ask for each figure in each round, after one round that only warms."""
    port = registry.server.api_port
    keys = [etcd.get(f"/services/{n}") for n in range(min(IN_USE, run.size.services))]
    for requests in reads.values():
        await load(port, requests, seconds=1)
    for number in run.rounds():
        await first(run, registry, number)
        beside = await load(peer.port, keys, seconds=run.seconds) if peer else None
        for figure, requests in reads.items():
            taken = run.judge(await load(port, requests, seconds=run.seconds), figure.what)
            run.note(figure, taken.rate)
            if beside:
                run.note_peer(figure, beside.rate)
            if figure is RESOLVE:
                run.note(RESOLVE_P99, taken.p99_ms)
                if beside:
                    run.note_peer(RESOLVE_P99, beside.p99_ms)


async def first(run: Run, registry: Registry, number: int) -> None:
    """Change something, and resolve every name once as nobody in that namespace has before."""
    patch = {"metadata": {"labels": {"round": str(number)}}}
    answer = await registry.server.client.patch(
        path_of(0), json=patch, headers={"content-type": "application/merge-patch+json"}
    )
    answer.raise_for_status()
    new = [resolve(each, asker=each + number + 1) for each in range(run.size.services)]
    taken = await load(registry.server.api_port, new, seconds=run.seconds, once=True)
    run.note(FIRST, run.judge(taken, FIRST.what).rate)


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
