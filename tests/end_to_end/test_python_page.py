"""What docs/python.md says works: its programs run against a server, with what it prints."""

import ast
import asyncio
import inspect
import io
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import pytest

from tests.end_to_end.processes import Serving, serving
from tests.waiting import until
from waypost import client
from waypost.client import Waypost

pytestmark = pytest.mark.end_to_end

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "python.md").read_text()
PROGRAMS: Final = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
FIRST, OBJECTS, TYPED, QUESTIONS, FOLLOW, REGISTER, ERRORS, BLOCKING = PROGRAMS


@pytest.fixture(scope="module")
async def served(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Serving]:
    folder = tmp_path_factory.mktemp("python")
    async with serving(folder, database_url=module_database_url) as running:
        async with Waypost(url_of(running), token="") as waypost:
            await waypost.apply((ROOT / "examples" / "ent.yaml").read_text())
        yield running


@pytest.fixture
async def waypost(served: Serving) -> AsyncGenerator[Waypost]:
    async with Waypost(url_of(served), token="") as found:
        yield found


def url_of(served: Serving) -> str:
    return f"http://127.0.0.1:{served.api_port}"


async def ran(waypost: Waypost, *programs: str) -> tuple[str, dict[str, Any]]:
    """Run programs of the page, one after the other; what they print, and their names."""
    names: dict[str, Any] = {"waypost": waypost, "Waypost": Waypost}
    with redirect_stdout(io.StringIO()) as printed:
        for source in programs:
            code = compile(source, "docs/python.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, names)  # noqa: S307  our own page
            if inspect.isawaitable(result):
                await result
    return printed.getvalue(), names


async def test_the_first_program_resolves_a_name(served: Serving) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        FIRST,
        cwd=ROOT,
        env={**os.environ, "WAYPOST_API": url_of(served)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await program.communicate()
    assert re.fullmatch(r"NOERROR 10\.\d+\.\d+\.\d+\n", out.decode())


async def test_objects_are_written_and_listed(waypost: Waypost) -> None:
    printed, _ = await ran(waypost, OBJECTS)
    address, service, *pods, result = printed.splitlines()
    assert address.startswith("10.")
    assert service == "default web"
    assert {"ent-1", "ent-2", "ent-3"} <= {*pods}
    assert result == "['configured']"


async def test_an_object_may_be_typed(waypost: Waypost) -> None:
    _, names = await ran(waypost, TYPED)
    assert names["address"].startswith("10.")


async def test_questions_are_answered(waypost: Waypost) -> None:
    printed, names = await ran(waypost, QUESTIONS)
    assert "ent-1 Ready\n" in printed
    assert [each["status"] for each in names["answers"]] == ["NOERROR", "NOERROR"]
    assert "kube-ipvs0" in names["script"]
    assert "ranges" in names["ranges"]
    assert names["changes"]["kind"] == "NodeRulesChanges"
    assert names["allowed"] is True


async def test_changes_are_followed(waypost: Waypost) -> None:
    _, names = await ran(waypost, FOLLOW)
    with redirect_stdout(io.StringIO()) as printed:
        following = asyncio.create_task(names["follow"](waypost))
        await until(lambda: "ADDED ent-" in printed.getvalue())
        following.cancel()


async def test_an_endpoint_is_registered(waypost: Waypost) -> None:
    printed, _ = await ran(waypost, REGISTER)
    assert printed == "default/ent.10-244-1-9.8080 registered\n"


async def test_errors_have_their_fields(waypost: Waypost) -> None:
    printed, _ = await ran(waypost, ERRORS)
    fields = [line.partition(" ")[0] for line in printed.splitlines()[:-1]]
    assert "metadata.name" in fields
    assert printed.endswith("\nthere is none\n")


async def test_a_program_may_do_without_asyncio(
    waypost: Waypost, served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, names = await ran(waypost, REGISTER, BLOCKING)
    monkeypatch.setenv("WAYPOST_API", url_of(served))
    with redirect_stdout(io.StringIO()) as printed:
        await asyncio.to_thread(names["program"])
    assert re.fullmatch(r"\['10\.\S+'\]\nADDED \S+\n", printed.getvalue())


def test_the_page_names_every_error() -> None:
    errors = {
        name
        for name in client.__all__
        if isinstance(found := getattr(client, name), type) and issubclass(found, Exception)
    }
    rows = re.findall(r"^\| (`[^|]*`) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert errors - {"WaypostError"} == named
