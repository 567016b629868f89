"""The API of one registry, for tests that need no settings of their own."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from tests.registries import an_api


@pytest.fixture
async def api(database_url: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Talk to a fresh registry."""
    async with an_api(database_url) as client:
        yield client
