"""Rules in a real kernel, and real connections through them.

One test a scenario and backend; all of a backend run in one machine (``machine``).
"""

import pytest

from tests.kernel.conftest import Judge
from tests.kernel.lab.scenarios.all import SCENARIOS
from tests.kernel.verdicts import LAB, TEST_TIMEOUT_S


@pytest.mark.kernel
@pytest.mark.timeout(TEST_TIMEOUT_S)
@pytest.mark.parametrize(
    ("backend", "scenario"),
    [(backend, name) for name in SCENARIOS for backend in SCENARIOS[name].backends],
)
def test_connections_go_where_they_must(backend: str, scenario: str, judge: Judge) -> None:
    judge(LAB, backend, scenario)
