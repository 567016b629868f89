"""Settings of the whole run: Hypothesis profiles, forbidden sockets, databases."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.databases import create_database, empty_database, start_server, stop_server

TESTS = Path(__file__).parent
PURE = (TESTS / "domain", TESTS / "registry")  # tests that may not use the network
LONGEST = tuple(
    TESTS / path for path in ("end_to_end/test_schemathesis.py", "end_to_end", "kinds", "faults")
)
"""What begins first, so that no worker is left with it when the others have nothing to do."""

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None)
settings.register_profile("nightly", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.hookimpl(trylast=True)  # after they have been shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first; forbid network sockets to the core and to the use cases."""
    items.sort(key=lambda item: _place(item.path))
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in PURE):
            item.add_marker(pytest.mark.disable_socket)


def _place(path: Path) -> int:
    found = (index for index, each in enumerate(LONGEST) if path.is_relative_to(each))
    return next(found, len(LONGEST))


@pytest.fixture(scope="session")
async def _migrated_database(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> AsyncGenerator[str, None]:
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    server_url = await asyncio.to_thread(start_server, shared)
    yield await create_database(server_url, f"waypost_{worker_id}")
    await asyncio.to_thread(stop_server, shared)


@pytest.fixture
async def database_url(_migrated_database: str) -> str:
    """Give the worker's database, migrated and empty."""
    await empty_database(_migrated_database)
    return _migrated_database


@pytest.fixture(scope="module")
async def module_database_url(_migrated_database: str) -> str:
    """Give the worker's database, migrated and empty, for fixtures that a module's tests share."""
    await empty_database(_migrated_database)
    return _migrated_database
