"""Everything applied to an empty registry, until every name and every rule is answered.

    nodes, Services, Pods -> POST /apply, 10,000 objects a body -> names over UDP, a node's rules

The registry of the first round is the one that other benchmarks of the run are given copies of.
"""

from bench.harness import etcd
from bench.harness.figures import Figure, at_most
from bench.harness.load import load
from bench.harness.run import Run
from bench.harness.wire import as_json, everything

AGAIN_S_MAX = 60.0  # what takes longer is done once a run
CLIENTS = 32
PUTS_S_MAX = 10.0
PEER = "etcd, puts of the same objects"
BOUND = (
    "of the profiled 885 µs an object (2026-12-01, 6ea850f, 11,100 objects, in one process) 488 "
    "are the decision (191 its place in the maps and the index, 124 slices, 114 admission), 288 "
    "reading and merging the documents, 109 rows and statement; unprofiled 299 µs of 16,600 "
    "objects, of which decoding each once, not twice, has since taken about 20; an index written "
    "once a batch was tried and gave 3 %"
)


async def measure(run: Run) -> None:
    """Apply in each round, unless that takes too long; then put the same."""
    whole = Figure(f"/apply of {run.size}", "s", at_most(30), PEER, bounded_by=BOUND)
    cpu = Figure("processor time of it, with PostgreSQL's", "s", None, PEER)
    own = Figure("of it Waypost's own", "s")
    peak = Figure("most memory that Waypost held", "MB")
    for number in run.rounds():
        taken = run.registries.applied.get(run.size) if number == 0 else None
        taken = taken or await run.registries.apply(run.size)
        run.note(whole, taken.seconds)
        run.note(cpu, taken.used.all_s)
        run.note(own, taken.used.server_s)
        run.note(peak, taken.peak_mb)
        if run.has("wrk"):
            await puts(run, whole, cpu)
        if taken.seconds > AGAIN_S_MAX:
            run.remark(f"apply: one round, for it took over {AGAIN_S_MAX:.0f} s")
            return


async def puts(run: Run, whole: Figure, cpu: Figure) -> None:
    """Put every object under a key of its own, or as many as there is time for."""
    sent = [
        etcd.put(f"/{each['kind']}/{each['metadata']['name']}", as_json(each))
        for each in everything(run.size)
    ]
    async with run.etcd() as peer:
        if peer is None:
            return
        before = peer.used()
        taken = await load(peer.port, sent, seconds=PUTS_S_MAX, connections=CLIENTS, once=True)
        cpu_s = peer.used().since(before).all_s
    if taken.requests < len(sent) - CLIENTS:
        run.remark(
            f"apply: etcd's seconds are of {len(sent):,} puts, at the pace of "
            f"the first {PUTS_S_MAX:.0f} s"
        )
    run.note_peer(whole, len(sent) / taken.rate)
    run.note_peer(cpu, len(sent) * cpu_s / taken.requests)
