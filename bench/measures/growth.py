"""What grows with the registry: the cost of a change, memory, the start.

    an empty registry, a tenth, the whole (ten times as much) -> per change, per object

The peer is Waypost itself with fewer Services: nothing is to grow faster than what is stored.
Processor time counts, that of PostgreSQL with it, for its disk is shared with others.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.harness.figures import Figure, at_most
from bench.harness.load import load
from bench.harness.registries import Registry
from bench.harness.run import Run
from bench.harness.wire import Size
from bench.measures.writes import not_ready, pods_of_round

FACTOR = 10
FLAT = at_most(1.2)
CHANGES = 300  # a round and size, one after the other; as many before them are not counted
CHANGES_S_MAX = 20.0


@dataclass(frozen=True, slots=True)
class Started:
    """A registry of some size, and what its start took."""

    size: Size
    registry: Registry
    cpu_s: float
    resident_mb: float

    @property
    def objects(self) -> int:
        """Count what is stored beside the nodes: each Service has a slice."""
        return 2 * self.size.services + self.size.pods


async def measure(run: Run) -> None:
    """Compare each size with the one before it."""
    if not run.has("wrk"):
        return
    pods_each, services = run.size.pods_each, run.size.services
    sizes = [Size(0, pods_each), Size(services // FACTOR, pods_each), run.size]
    if run.options.is_large:
        sizes.append(Size(services * FACTOR, pods_each))
    else:
        run.remark(
            f"growth: not followed to {services * FACTOR:,} Services, "
            "which takes long to apply (`--large`)"
        )
    async with AsyncExitStack() as stack:
        nothing, *filled = [await started(run, stack, size) for size in sizes]
        compare(run, nothing, filled)
        for number in run.rounds():
            costs_ms = [await change_ms(run, each, number) for each in filled]
            for place in range(1, len(filled)):
                figure = of(filled, place, "processor time a change", "ms")
                run.note(figure, costs_ms[place])
                run.note_peer(figure, costs_ms[place - 1])


async def started(run: Run, stack: AsyncExitStack, size: Size) -> Started:
    """Serve a filled registry, and see what that took."""
    registry = await stack.enter_async_context(run.registries.filled(size))
    return Started(size, registry, registry.used().all_s, registry.resident_mb())


def compare(run: Run, nothing: Started, filled: list[Started]) -> None:
    """Note what one object takes, beyond what a server takes without any."""
    for place in range(1, len(filled)):
        memory = of(filled, place, "memory an object, one start", "kB")
        start = of(filled, place, "processor time of the start an object, one start", "µs")
        for each, note in ((filled[place], run.note), (filled[place - 1], run.note_peer)):
            note(memory, 1e3 * (each.resident_mb - nothing.resident_mb) / each.objects)
            note(start, 1e6 * (each.cpu_s - nothing.cpu_s) / each.objects)


def of(filled: list[Started], place: int, what: str, unit: str) -> Figure:
    """Describe the comparison of a size with the one before it."""
    few, many = (filled[each].size.services for each in (place - 1, place))
    return Figure(f"{what}, {many:,} Services", unit, None, f"{few:,} Services", FLAT)


async def change_ms(run: Run, each: Started, number: int) -> float:
    """Patch the status of Pods one after the other; gives the processor time of each."""
    registry, size = each.registry, each.size
    pods = list(pods_of_round(size, number, run.options.rounds))[: 2 * CHANGES]
    warm, counted = pods[: len(pods) // 2], pods[len(pods) // 2 :]
    port = registry.server.api_port
    await load(port, [not_ready(p, size) for p in warm], seconds=1, connections=1, once=True)
    before = registry.used()
    sent = [not_ready(pod, size) for pod in counted]
    taken = await load(port, sent, seconds=CHANGES_S_MAX, connections=1, once=True)
    return registry.used().since(before).all_s / taken.requests * 1e3
