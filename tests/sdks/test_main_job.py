"""Clients that generators make from the document compile, and do the main job against a server."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.administrators import FILE_NAME
from tests.end_to_end.processes import serving
from tests.sdks.documentation import ways_around
from tests.sdks.examples import EXAMPLES, STEPS, Example
from tests.sdks.projects import SCRIPT_S_MAX, Ended, Project, copied, until_printed, warnings

pytestmark = [pytest.mark.sdks, pytest.mark.timeout(3 * SCRIPT_S_MAX)]

WORDS = {"ok", "around"}  # what a program prints after a step


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
async def test_a_generated_client_does_the_main_job(
    example: Example,
    database_url: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    require(example.programs)
    project = await asyncio.to_thread(copied, example)
    generated = await asyncio.to_thread(project.run, "generate.sh")
    assert not warnings(generated.succeeded(), example.notices)
    (await asyncio.to_thread(project.run, "build.sh")).succeeded()
    ended = await served(project, tmp_path, database_url)
    ways = steps(ended.printed)
    record_property("sdk", (example.name, ways))
    ended.succeeded()
    assert tuple(ways) == STEPS
    around = {step for step, word in ways.items() if word == "around"}
    assert around == ways_around()[example.name]
    await watched(project, tmp_path, database_url)


def require(programs: tuple[str, ...]) -> None:
    """Skip the test where a program of the toolchain is missing; fail where CI has it all."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs {', '.join(missing)}")
    assert not missing, missing


async def served(project: Project, folder: Path, database_url: str) -> Ended:
    """Run the program against a server with authentication, as its administrator."""
    async with serving(folder, "--auth", database_url=database_url) as running:
        token = (folder / "state" / FILE_NAME).read_text().strip()
        url = f"http://127.0.0.1:{running.api_port}"
        return await asyncio.to_thread(project.run, "run.sh", BASE_URL=url, TOKEN=token)


async def watched(project: Project, folder: Path, database_url: str) -> None:
    """Run the first watch against a server without authentication, with what the job left there."""
    (open_folder := folder / "open").mkdir()
    labels = {"metadata": {"labels": {"tier": "watched"}}}
    patch = {"Content-Type": "application/merge-patch+json"}
    async with serving(open_folder, database_url=database_url) as running:
        url = f"http://127.0.0.1:{running.api_port}"
        async with project.running("watch.sh", BASE_URL=url) as lines:
            await until_printed(lines, "ADDED ent")
            changed = await running.client.patch(
                "/services/default/ent", json=labels, headers=patch
            )
            assert changed.is_success, changed.text
            await until_printed(lines, "MODIFIED ent")


def steps(printed: str) -> dict[str, str]:
    """Read each step that a program did, and whether it went around."""
    lines = [line.split() for line in printed.splitlines()]
    return {line[0]: line[1] for line in lines if len(line) == 2 and line[1] in WORDS}
