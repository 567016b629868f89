"""The engines of the tests: each test that asks for ``operated`` runs with both."""

import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from tests.registrar.docker.engines import (
    CannotStart,
    DockerEngine,
    FakeEngine,
    Operating,
    docker_engine,
    lacking,
)


@pytest.fixture
def folder() -> Generator[Path]:
    """Give a folder with a short name: the name of a Unix socket is short."""
    with tempfile.TemporaryDirectory(prefix="waypost-") as folder:
        yield Path(folder)


@pytest.fixture
async def fake(folder: Path) -> AsyncGenerator[FakeEngine]:
    engine = FakeEngine(str(folder / "s"))
    async with engine.serving():
        yield engine


@pytest.fixture(scope="session")
async def daemon() -> AsyncGenerator[DockerEngine]:
    if reason := lacking():
        pytest.skip(reason)
    try:
        async with docker_engine() as engine:
            yield engine
    except CannotStart as error:
        pytest.skip(f"dockerd does not start here: {error}")


@pytest.fixture
async def docker(daemon: DockerEngine) -> AsyncGenerator[DockerEngine]:
    """Give Docker's engine without containers; those of the test end with it."""
    yield daemon
    await daemon.clear()


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.slow)])
def operated(request: pytest.FixtureRequest) -> Operating:
    """Give an engine that an operator works with."""
    engine: Operating = request.getfixturevalue(str(request.param))
    return engine
