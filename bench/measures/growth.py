"""What grows with the registry: the cost of a change, memory, the start.

    an empty registry, a tenth, the whole (ten times as much) -> per change, per object

The peer is Waypost itself with fewer Services: nothing is to grow faster than what is stored.
Processor time counts, that of PostgreSQL with it, for its disk is shared with others.
"""

from dataclasses import dataclass

from bench.harness.figures import Figure, at_most
from bench.harness.load import load
from bench.harness.registries import Registry
from bench.harness.run import Run
from bench.harness.wire import NODES, Size
from bench.measures.writes import not_ready, pods_of_round

FACTOR = 10
FLAT = at_most(1.2)
CHANGES = 300  # a round and size, one after the other
CHANGES_S_MAX = 20.0


@dataclass(frozen=True, slots=True)
class Costs:
    """What a registry of one size took in one round."""

    start_s: float
    resident_mb: float
    change_ms: float = 0.0


async def measure(run: Run) -> None:
    """Compare each size with the one before it."""
    if not run.has("wrk"):
        return
    sizes = [Size(run.size.services // FACTOR, run.size.pods_each), run.size]
    if run.options.is_large:
        sizes.append(Size(run.size.services * FACTOR, run.size.pods_each))
    else:
        run.remark(
            f"growth: not followed to {run.size.services * FACTOR:,} Services, "
            "which takes long to apply (`--large`)"
        )
    for number in run.rounds():
        async with run.registries.empty() as registry:
            nothing = Costs(registry.used().all_s, registry.resident_mb())
        costs = [(size, await costs_of(run, size, number)) for size in sizes]
        for (small, few), (large, many) in zip(costs, costs[1:], strict=False):
            note(run, nothing, (small, few), (large, many))


async def costs_of(run: Run, size: Size, number: int) -> Costs:
    """Start a filled registry, and change it."""
    async with run.registries.filled(size) as registry:
        start_s, resident_mb = registry.used().all_s, registry.resident_mb()
        return Costs(start_s, resident_mb, await change_ms(run, registry, size, number))


async def change_ms(run: Run, registry: Registry, size: Size, number: int) -> float:
    """Patch the status of Pods one after the other; gives the processor time of each."""
    pods = list(pods_of_round(size, number, run.options.rounds))[: 2 * CHANGES]
    warm, counted = pods[: len(pods) // 2], pods[len(pods) // 2 :]
    port = registry.server.api_port
    await load(port, [not_ready(p, size) for p in warm], seconds=1, connections=1, once=True)
    before = registry.used()
    sent = [not_ready(pod, size) for pod in counted]
    taken = await load(port, sent, seconds=CHANGES_S_MAX, connections=1, once=True)
    return registry.used().since(before).all_s / taken.requests * 1e3


def note(run: Run, nothing: Costs, few: tuple[Size, Costs], many: tuple[Size, Costs]) -> None:
    """Note a size beside the smaller one."""
    peer = f"{few[0].services:,} Services"
    for what, unit, small, large in (
        ("processor time a change", "ms", few[1].change_ms, many[1].change_ms),
        ("memory an object", "kB", memory_kb(nothing, *few), memory_kb(nothing, *many)),
        ("start, an object", "µs", start_us(nothing, *few), start_us(nothing, *many)),
    ):
        figure = Figure(f"{what}, {many[0].services:,} Services", unit, None, peer, FLAT)
        run.note(figure, large)
        run.note_peer(figure, small)


def objects(size: Size) -> int:
    """Count what is stored: each Service has a slice."""
    return 2 * size.services + size.pods + NODES


def memory_kb(nothing: Costs, size: Size, costs: Costs) -> float:
    """Give what one object takes, beyond a server without any."""
    return (costs.resident_mb - nothing.resident_mb) * 1e3 / objects(size)


def start_us(nothing: Costs, size: Size, costs: Costs) -> float:
    """Give what one object takes at the start, beyond that of a server without any."""
    return (costs.start_s - nothing.start_s) * 1e6 / objects(size)
