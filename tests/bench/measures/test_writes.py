from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bench.harness.wire import Size
from bench.measures.writes import pods_of_round


@given(st.integers(2, 40), st.integers(1, 12), st.integers(1, 5))
def test_no_pod_is_patched_twice_in_a_run(services: int, pods_each: int, rounds: int) -> None:
    size = Size(services, pods_each)
    every = [list(pods_of_round(size, number, rounds)) for number in range(rounds)]
    pods = [pod for numbers in every for pod in numbers]
    half = services // 2 * pods_each
    assert sorted(pods) == list(range(half, size.pods))
    if services // 2 + 1 < services:
        for numbers in every:
            assert all(a // pods_each != b // pods_each for a, b in pairwise(numbers))
