"""An agent, a registry and a real kernel: from its start to its cleaning up.

One test a chapter and backend; all of a backend are told in one machine (``machines``).
"""

import pytest

from tests.kernel.lab.agents.story import CHAPTERS
from tests.kernel.lab.scenarios.registry import BACKENDS
from tests.kernel.machines import Report


@pytest.mark.kernel
@pytest.mark.timeout(700)
@pytest.mark.parametrize(
    ("backend", "chapter"), [(backend, name) for name in CHAPTERS for backend in BACKENDS]
)
def test_an_agent_leads_its_node(backend: str, chapter: str, agent_report: Report) -> None:
    verdict = agent_report(backend)[chapter]
    assert not verdict.detail, verdict.detail
