"""Rules in a real kernel, and real connections through them.

One test a scenario and backend; all of a backend run in one machine (``machines``).
"""

import pytest

from tests.kernel.lab.scenarios.all import SCENARIOS
from tests.kernel.machines import Report


@pytest.mark.kernel
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("backend", "scenario"),
    [(backend, name) for name in SCENARIOS for backend in SCENARIOS[name].backends],
)
def test_connections_go_where_they_must(backend: str, scenario: str, report: Report) -> None:
    verdict = report(backend)[scenario]
    assert not verdict.detail, verdict.detail
