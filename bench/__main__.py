"""Benchmarks by name: those asked for, or all, one after the other, and a table of what they found.

names -> modules of ``bench/measures`` -> figures -> printed table, and RESULTS.md of a whole run

python -m bench [NAME ...] [--services 10000] [--rounds 3] [--seconds 3]
"""

import argparse
import asyncio
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from bench.catalogue import MEASURES, Measure, named
from bench.harness.figures import Taken
from bench.harness.machine import about
from bench.harness.processes import CORES, take_load_core
from bench.harness.registries import Registries, scratch_folder
from bench.harness.report import bounds, markdown, table
from bench.harness.run import Options, Run
from bench.harness.wire import Size

RESULTS = Path(__file__).parent / "RESULTS.md"
SERVICES, PODS_EACH, ROUNDS, SECONDS = 10_000, 10, 3, 3.0
BENCHMARK_S_MAX = 1_800.0
CORES_MIN = 2


def main() -> None:
    """Run what is asked for; a missed goal is no failure, a broken benchmark is."""
    asked = arguments()
    names = named(asked.names)
    if not names:
        sys.exit(f"no such benchmark; there are {', '.join(MEASURES)}")
    options = Options(
        size=Size(asked.services, asked.pods),
        rounds=asked.rounds,
        seconds=asked.seconds,
        is_large=asked.large,
    )
    is_whole = names == list(MEASURES) and options.size == Size(SERVICES, PODS_EACH)
    results = asked.results or (RESULTS if is_whole else None)
    machine, begun_s = about(), monotonic()
    with scratch_folder("wb-") as folder:
        run = Run(options, folder, Registries(folder, asked.keep))
        run.registries.say = run.say
        take_load_core()
        if options.size != Size(SERVICES, PODS_EACH):
            run.remark(f"goals are for {Size(SERVICES, PODS_EACH)}; this was {options.size}")
        if len(CORES) < CORES_MIN:
            run.remark("one core only: servers and load share it")
        chosen = {name: MEASURES[name] for name in names}
        figures, is_sound = asyncio.run(run_all(chosen, run))
    missed = (sentence for every in figures.values() for sentence in bounds(every))
    print(f"\n{table(figures)}\n", *missed, *run.remarks, sep="\n")
    if results is not None:
        machine["Size"] = f"{options.size}; {options.rounds} rounds, the median counts"
        machine["Took"] = f"{(monotonic() - begun_s) / 60:.1f} minutes"
        results.write_text(markdown(figures, run.remarks, machine))
        print(f"written to {results}")
    sys.exit(not is_sound)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"{', '.join(MEASURES)}, or how they begin")
    parser.add_argument("--services", type=int, default=SERVICES)
    parser.add_argument("--pods", type=int, default=PODS_EACH, help="of each Service")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="of load, a figure and round"
    )
    parser.add_argument("--large", action="store_true", help="growth to ten times the Services")
    parser.add_argument("--keep", type=Path, help="folder of filled registries, to be used again")
    parser.add_argument("--results", type=Path, help="Markdown file to write")
    return parser.parse_args()


async def run_all(chosen: Mapping[str, Measure], run: Run) -> tuple[dict[str, list[Taken]], bool]:
    """Run benchmarks; gives their figures, and whether none of them broke off."""
    figures: dict[str, list[Taken]] = {}
    is_sound = True
    for name, measure in chosen.items():
        print(f"== {name}", flush=True)
        try:
            async with asyncio.timeout(BENCHMARK_S_MAX):
                await measure(run)
        except Exception as error:  # noqa: BLE001  the one place that keeps a run going
            traceback.print_exc()
            run.remark(f"{name} broke off: {type(error).__name__}: {error}")
            is_sound = False
        figures[name] = run.take()
    return figures, is_sound


if __name__ == "__main__":
    main()
