"""Clients that generators make from the document compile, and do the main job against a server."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.administrators import FILE_NAME
from tests.end_to_end.processes import serving
from tests.sdks.examples import EXAMPLES, STEPS, Example
from tests.sdks.projects import SCRIPT_S_MAX, Project, copied
from tests.sdks.ways_around import documented

pytestmark = [pytest.mark.sdks, pytest.mark.timeout(2 * SCRIPT_S_MAX)]

WORD_OF = {"ok": False, "around": True}  # what a program prints after a step: is it a way around?

examples = pytest.mark.parametrize(
    "example",
    [
        pytest.param(each, id=each.name, marks=pytest.mark.xdist_group(each.language))
        for each in EXAMPLES
    ],
)


@examples
async def test_a_generated_client_does_the_main_job(
    example: Example,
    database_url: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    require(example.programs)
    project = await asyncio.to_thread(copied, example)
    generated = await asyncio.to_thread(project.run, "generate.sh")
    assert not project.unexpected(generated)
    await asyncio.to_thread(project.run, "build.sh")
    ways = await done(project, tmp_path, database_url)
    record_property("sdk", (example.name, ways))
    assert tuple(ways) == STEPS
    assert {step for step, is_around in ways.items() if is_around} == documented()[example.name]


def require(programs: tuple[str, ...]) -> None:
    """Skip the test where a program of the toolchain is missing; fail where CI has it all."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs {', '.join(missing)}")
    assert not missing, missing


async def done(project: Project, folder: Path, database_url: str) -> dict[str, bool]:
    """Run the program against a server; gives its steps, and whether each went around."""
    async with serving(folder, "--auth", database_url=database_url) as running:
        token = (folder / "state" / FILE_NAME).read_text().strip()
        url = f"http://127.0.0.1:{running.api_port}"
        printed = await asyncio.to_thread(project.run, "run.sh", BASE_URL=url, TOKEN=token)
    lines = [line.split() for line in printed.splitlines()]
    return {line[0]: WORD_OF[line[1]] for line in lines if len(line) == 2 and line[1] in WORD_OF}
