"""What holds for the whole run: how hard to search, and who may open a socket."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
PURE = (TESTS / "domain", TESTS / "registry")  # nothing below these reaches a network

settings.register_profile("dev", max_examples=50)
settings.register_profile("ci", max_examples=500, derandomize=True, deadline=None)
settings.register_profile("nightly", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Forbid network sockets to the tests of the core and of the use cases."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in PURE):
            item.add_marker(pytest.mark.disable_socket)
