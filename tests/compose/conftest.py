"""One engine and one set of images for all tests with compose; each test finds everything up."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.compose.engine import Engine, lacking, running_engine
from tests.compose.images import ARCHIVE, make_images
from tests.compose.projects import Demo, Project


@pytest.fixture(scope="session")
async def engine() -> AsyncGenerator[Engine]:
    reason = lacking()
    if not reason and not ARCHIVE.exists():
        reason = f"{ARCHIVE} is missing; `make test-compose` makes it where debootstrap is"
    if reason:
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; in continuous integration these tests must run", pytrace=False)
        pytest.skip(reason)
    # The path of a socket has 107 bytes.
    async with running_engine(Path(mkdtemp(prefix="waypost-engine-"))) as engine:
        make_images(engine)
        yield engine


@pytest.fixture
async def project(engine: Engine) -> Project:
    project = Project(engine)
    await project.up()
    return project


@pytest.fixture
async def demo(project: Project) -> Demo:
    demo = Demo(project)
    await demo.up()
    return demo
