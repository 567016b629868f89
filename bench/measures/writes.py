"""Writes over HTTP, each committed before it is answered, beside puts of etcd with its fsync.

32 clients -> POST of a Service: an address, slices of ten endpoints, a commit
32 clients -> PATCH of a Pod's status: the slice it is in, a commit
"""

from collections.abc import Iterator

from bench.harness import etcd
from bench.harness.figures import Figure, at_least, at_most
from bench.harness.load import Load, load, request
from bench.harness.registries import Registry
from bench.harness.run import Run
from bench.harness.wire import Size, Wire, as_json, namespace_of, pod_name, service

CLIENTS = 32
A_SECOND_MAX = 12_000  # more writes than this are not prepared
PEER = "etcd, put"
MERGE = "application/strategic-merge-patch+json"
CREATES_BOUND = (
    "of the profiled parts of a create (2026-12-01, 6ea850f, 2,000 Services, in one process, "
    "decisions in the event loop) 49 % are its decision (0.69 of 2.36 ms for the index, 1.30 ms "
    "for the slice of ten Pods), 18 % the request, 9 % rows and statement, 8 % node rules, and "
    "17 % DNS answers that are compiled ahead after a start; unprofiled 1.0 to 1.6 ms, and "
    "PostgreSQL 0.1 ms"
)
PATCHES_BOUND = (
    "of the profiled 2.38 ms of a patch (2026-12-01, 6ea850f, 2,000 Services, in one process) 0.80 "
    "are the merged and validated Pod, 0.59 its slice, 0.51 rows and statement, 0.40 the request; "
    "unprofiled 0.8 to 1.0 ms, PostgreSQL 0.15"
)
CREATES = Figure(
    "creates of Services, 32 clients", "/s", at_least(1_500), PEER, bounded_by=CREATES_BOUND
)
CREATES_P99 = Figure("creates of Services, p99", "ms", None, PEER)
CREATE_CPU = Figure(
    "processor time a create", "ms", at_most(0.6), PEER, bounded_by="the same profile of a create"
)
CREATE_OWN = Figure("of it Waypost's, without PostgreSQL's", "ms")
PATCHES = Figure(
    "status patches of Pods, 32 clients", "/s", at_least(1_500), PEER, bounded_by=PATCHES_BOUND
)
PATCHES_P99 = Figure("status patches of Pods, p99", "ms", None, PEER)
PATCH_CPU = Figure("processor time a patch", "ms", None, PEER)


async def measure(run: Run) -> None:
    """Create and patch in each round; the peer's puts are of the created bodies."""
    if not run.has("wrk"):
        return
    async with run.registries.filled(run.size) as registry:
        for number in run.rounds():
            await creates(run, registry, number)
            await patches(run, registry, number)
            await puts(run, number)


async def creates(run: Run, registry: Registry, number: int) -> None:
    """Create Services over Pods that are there."""
    sent = (request("POST", "/services", body) for body in new_services(run, number))
    before = registry.used()
    taken = await written(run, registry.server.api_port, sent, CREATES)
    used = registry.used().since(before)
    run.note(CREATES, taken.rate)
    run.note(CREATES_P99, taken.p99_ms)
    run.note(CREATE_CPU, used.all_s / taken.requests * 1e3)
    run.note(CREATE_OWN, used.server_s / taken.requests * 1e3)


async def patches(run: Run, registry: Registry, number: int) -> None:
    """Make Pods unready that were ready, each once in a run."""
    sent = (not_ready(pod, run.size) for pod in pods_of_round(run.size, number, run.options.rounds))
    before = registry.used()
    taken = await written(run, registry.server.api_port, sent, PATCHES)
    used = registry.used().since(before)
    run.note(PATCHES, taken.rate)
    run.note(PATCHES_P99, taken.p99_ms)
    run.note(PATCH_CPU, used.all_s / taken.requests * 1e3)


async def puts(run: Run, number: int) -> None:
    """Put the bodies of the creates under as many keys."""
    async with run.etcd() as peer:
        if peer is None:
            return
        sent = (
            etcd.put(f"/services/{place}", as_json(body))
            for place, body in enumerate(new_services(run, number))
        )
        before = peer.used()
        taken = await written(run, peer.port, sent, CREATES)
        cpu_ms = peer.used().since(before).all_s / taken.requests * 1e3
    for figure in (CREATES, PATCHES):
        run.note_peer(figure, taken.rate)
    for figure in (CREATES_P99, PATCHES_P99):
        run.note_peer(figure, taken.p99_ms)
    for figure in (CREATE_CPU, PATCH_CPU):
        run.note_peer(figure, cpu_ms)


async def written(run: Run, port: int, sent: Iterator[bytes], figure: Figure) -> Load:
    """Send writes once each."""
    taken = await load(port, sent, seconds=run.seconds, connections=CLIENTS, once=True)
    return run.judge(taken, figure.what)


def new_services(run: Run, number: int) -> Iterator[Wire]:
    """List Services that are not there, over the Pods of the first half."""
    half = max(1, run.size.services // 2)
    for place in range(round(run.seconds * A_SECOND_MAX)):
        body = service(place % half)
        body["metadata"]["name"] = f"new-{number}-{place}"
        yield body


def pods_of_round(size: Size, number: int, rounds: int) -> Iterator[int]:
    """List the numbers of Pods of the second half, no two of one Service in a row."""
    first = size.services // 2
    each = size.pods_each
    for place in range(each * number // rounds, each * (number + 1) // rounds):
        for owner in range(first, size.services):
            yield owner * each + place


def not_ready(pod: int, size: Size) -> bytes:
    """Write the patch that makes a Pod unready."""
    condition = {"type": "Ready", "status": "False", "reason": "Bench"}
    path = f"/pods/{namespace_of(pod // size.pods_each)}/{pod_name(pod, size)}/status"
    return request("PATCH", path, {"status": {"conditions": [condition]}}, content_type=MERGE)
