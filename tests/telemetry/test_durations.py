"""Durations: every event is in one bucket, and in all above it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import HistogramMetricFamily

from app.telemetry.durations import Durations, Timings, with_durations

BOUNDS_S = (0.1, 1.0)
seconds = st.lists(st.floats(0, 5), max_size=20)


@given(seconds)
def test_a_bucket_has_what_took_no_longer_than_its_bound(durations_s: list[float]) -> None:
    durations = Durations(BOUNDS_S)
    for each in durations_s:
        durations.add(each)
    family = with_durations(HistogramMetricFamily("d", "D.", labels=()), {(): durations})
    counts = {s.labels["le"]: s.value for s in family.samples if s.name == "d_bucket"}
    expected = {str(bound): sum(each <= bound for each in durations_s) for bound in BOUNDS_S}
    assert counts == {**expected, "+Inf": len(durations_s)}
    assert durations.sum_s == pytest.approx(sum(durations_s))


@given(seconds, seconds)
def test_including_another_process_is_counting_in_one(one: list[float], two: list[float]) -> None:
    parts, whole = (Durations(BOUNDS_S), Durations(BOUNDS_S)), Durations(BOUNDS_S)
    for part, durations_s in zip(parts, (one, two), strict=True):
        for each in durations_s:
            part.add(each)
            whole.add(each)
    parts[0].include(parts[1])
    assert parts[0].counts == whole.counts
    assert parts[0].sum_s == pytest.approx(whole.sum_s)


def test_a_block_that_fails_is_timed_too() -> None:
    timings = Timings(["a", "b"])
    with pytest.raises(KeyError), timings.measured("a"):
        raise KeyError
    family = timings.family("d", "D.", "kind")
    counts = {s.labels["kind"]: s.value for s in family.samples if s.name == "d_count"}
    assert counts == {"a": 1, "b": 0}
