"""Whichever process of a port is asked for metrics, it answers for all of them.

* Counters and histograms are the sums over all processes, also over those that have ended.
* Gauges are those of the process asked, or of the one that has them; watchers and tasks are added.
"""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from app.api.worker_metrics import WorkerMetrics, add_ended

KINDS, ROUTES = st.sampled_from(["live", "ended"]), st.sampled_from(["/a", "/b"])
processes = st.lists(
    st.tuples(KINDS, st.lists(ROUTES, max_size=5), st.integers(0, 9)), min_size=1, max_size=5
)


@given(processes)
async def test_counters_and_histograms_are_the_sums_over_all_processes(
    given_processes: list[tuple[str, list[str], int]],
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        asked = metrics_of([], watchers=1)
        for number, (kind, requested, watchers) in enumerate(given_processes, start=1):
            await reported(metrics_of(requested, watchers=watchers), folder, number)
            if kind == "ended":
                add_ended(folder, number)
        samples = await answered(asked, folder)
    everything = [path for _, requested, _ in given_processes for path in requested]
    for path in set(everything):
        assert samples[f"requests_total {path}"] == everything.count(path)
        assert samples[f"seconds_count {path}"] == everything.count(path)
    running = sum(watchers for kind, _, watchers in given_processes if kind == "live")
    assert samples["waypost_watchers "] == 1 + running
    assert samples["revision "] == 0  # the one of the process that is asked


async def test_a_gauge_that_only_another_process_has_is_shown(tmp_path: Path) -> None:
    other = CollectorRegistry()
    Gauge("certificate_expires", "When.", registry=other).set(7)
    await reported(other, tmp_path, 1)
    assert (await answered(CollectorRegistry(), tmp_path))["certificate_expires "] == 7


async def test_the_files_of_processes_that_ended_are_one(tmp_path: Path) -> None:
    for number in range(20):
        await reported(metrics_of(["/a"], watchers=0), tmp_path, number)
        add_ended(tmp_path, number)
    assert os.listdir(tmp_path) == ["ended.json"]  # noqa: PTH208  blocking is fine here
    add_ended(tmp_path, 99)  # one that ended before its first report
    assert (await answered(metrics_of([], watchers=0), tmp_path))["requests_total /a"] == 20


def metrics_of(requested: list[str], *, watchers: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    counter = Counter("requests", "Requests.", ("path",), registry=registry)
    seconds = Histogram("seconds", "Seconds.", ("path",), registry=registry)
    for path in requested:
        counter.labels(path).inc()
        seconds.labels(path).observe(0.01)
    Gauge("waypost_watchers", "Watchers.", registry=registry).set(watchers)
    Gauge("revision", "The revision.", registry=registry).set(len(requested))
    return registry


async def reported(registry: CollectorRegistry, folder: Path, process: int) -> None:
    await WorkerMetrics(registry, folder, process).report()
    assert json.loads((folder / f"{process}.json").read_bytes())


async def answered(registry: CollectorRegistry, folder: Path) -> dict[str, float]:
    written, _ = await WorkerMetrics(registry, folder, 0).exposition()
    return {
        f"{sample.name} {sample.labels.get('path', '')}": sample.value
        for family in text_string_to_metric_families(written.decode())
        for sample in family.samples
    }


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=4))
async def test_a_node_is_where_it_was_last_seen_and_one_database_is_down(
    seen: list[tuple[int, bool]],
) -> None:
    with TemporaryDirectory() as name:
        registries = [positions(revision, is_up=is_up) for revision, is_up in seen]
        for number, each in enumerate(registries[1:], start=1):
            await reported(each, Path(name), number)
        found = await answered(registries[0], Path(name))
    assert found["waypost_node_revision "] == max(revision for revision, _ in seen)
    assert found["waypost_database_up "] == min(is_up for _, is_up in seen)


def positions(revision: int, *, is_up: bool) -> CollectorRegistry:
    registry = CollectorRegistry()
    node = Gauge("waypost_node_revision", "Revision.", ("node",), registry=registry)
    node.labels("n1").set(revision)
    Gauge("waypost_database_up", "Up.", registry=registry).set(is_up)
    return registry
