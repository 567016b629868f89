"""The registry with authentication that the tests of one module share."""

from collections.abc import AsyncGenerator

import pytest

from tests.api.access.guarded import Guarded, guarded


@pytest.fixture(scope="module")
async def running(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Guarded, None]:
    """A registry that the tests of a module share."""
    async with guarded(module_database_url, tmp_path_factory.mktemp("guarded")) as made:
        yield made
