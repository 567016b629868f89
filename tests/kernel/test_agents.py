"""An agent, a registry and a real kernel: from its start to its cleaning up.

One test a chapter and backend; all of a backend are told in one machine (``machine``).
"""

import pytest

from tests.kernel.conftest import Judge
from tests.kernel.lab.agents.story import CHAPTERS
from tests.kernel.lab.scenarios.registry import BACKENDS
from tests.kernel.verdicts import AGENTS_LAB, TEST_TIMEOUT_S


@pytest.mark.kernel
@pytest.mark.timeout(TEST_TIMEOUT_S)
@pytest.mark.parametrize(
    ("backend", "chapter"), [(backend, name) for name in CHAPTERS for backend in BACKENDS]
)
def test_an_agent_leads_its_node(backend: str, chapter: str, judge: Judge) -> None:
    judge(AGENTS_LAB, backend, chapter)
