"""Benchmarks by name: those asked for, or all, one after the other, and a table of what they found.

names -> modules of ``bench/measures`` -> figures -> printed table, and RESULTS.md of a whole run

python -m bench [NAME ...] [--services 10000] [--rounds 3] [--seconds 3]
"""

import argparse
import asyncio
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from bench.harness.figures import Taken
from bench.harness.machine import about
from bench.harness.processes import CORES, take_load_core
from bench.harness.registries import Registries
from bench.harness.report import markdown, table
from bench.harness.run import Options, Run
from bench.harness.wire import Size
from bench.catalogue import MEASURES, named

RESULTS = Path(__file__).parent / "RESULTS.md"
BENCHMARK_S_MAX = 1_800.0
CORES_MIN = 2


def main() -> None:
    """Run what is asked for; a missed goal is no failure, a broken benchmark is."""
    asked = arguments()
    names = named(asked.names)
    if not names:
        sys.exit(f"no such benchmark; there are {', '.join(MEASURES)}")
    is_whole = names == list(MEASURES) and asked.services == Size(10_000).services
    results = asked.results or (RESULTS if is_whole else None)
    sys.exit(asyncio.run(run_all(names, asked, results)))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"{', '.join(MEASURES)}, or how they begin")
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--pods", type=int, default=10, help="of each Service")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of load, a round and figure")
    parser.add_argument("--large", action="store_true", help="growth to ten times the Services")
    parser.add_argument("--keep", type=Path, help="folder of filled registries, to be used again")
    parser.add_argument("--results", type=Path, help="Markdown file to write")
    return parser.parse_args()


async def run_all(names: Sequence[str], asked: argparse.Namespace, results: Path | None) -> int:
    """Run benchmarks; gives the exit code."""
    machine, begun_s = about(), monotonic()
    take_load_core()
    figures: dict[str, list[Taken]] = {}
    options = Options(
        size=Size(asked.services, asked.pods),
        rounds=asked.rounds,
        seconds=asked.seconds,
        is_large=asked.large,
    )
    with tempfile.TemporaryDirectory(prefix="wb-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user where this runs as root
        run = Run(options, folder, Registries(folder, asked.keep))
        run.registries.say = run.say
        if len(CORES) < CORES_MIN:
            run.remark("one core only: servers and load share it")
        failed = [each for each in names if not await measured(run, each, figures)]
    print(f"\n{table([taken for every in figures.values() for taken in every])}\n")
    print("\n".join(run.remarks))
    if results is not None:
        machine["Size"] = f"{options.size}; {options.rounds} rounds, the median counts"
        machine["Took"] = f"{(monotonic() - begun_s) / 60:.1f} minutes"
        results.write_text(markdown(figures, run.remarks, machine))
        print(f"written to {results}")
    return int(bool(failed))


async def measured(run: Run, name: str, figures: dict[str, list[Taken]]) -> bool:
    """Run one benchmark; whatever breaks it, the others are run."""
    print(f"== {name}", flush=True)
    try:
        async with asyncio.timeout(BENCHMARK_S_MAX):
            await MEASURES[name](run)
    except Exception as error:  # noqa: BLE001  the one place that keeps a run going
        traceback.print_exc()
        run.remark(f"{name} broke off: {type(error).__name__}: {error}")
        return False
    finally:
        figures[name] = run.take()
    return True


if __name__ == "__main__":
    main()
