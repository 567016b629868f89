"""What a newcomer is told to do works as it is told: the printed commands, and the demo."""

import asyncio
import os
import re
import shlex
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from unittest.mock import ANY

import pytest

from tests.end_to_end.processes import Serving, free_port, serving

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples" / "demo.sh"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncGenerator[Serving]:
    """Give a newcomer's server, which nobody has told anything yet."""
    async with serving(tmp_path) as running:
        yield running


async def shell(command: str, **variables: str) -> tuple[int, str]:
    """Run a command as a person would who has just cloned the project."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_shell(
        command,
        cwd=ROOT,
        env={**os.environ, "PATH": programs, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def url_of(running: Serving) -> str:
    return f"http://127.0.0.1:{running.api_port}"


async def test_the_three_commands_that_serve_prints_work(served: Serving) -> None:
    printed = served.log.read_text().partition("Try, in another terminal:\n")[2]
    commands = [line.strip() for line in printed.splitlines()[:3]]
    results = [await shell(command) for command in commands]
    assert [code for code, _ in results] == [0, 0, 0], results
    assert "service/ent created in default" in results[0][1]
    assert re.search(r"\b10\.\d+\.\d+\.\d+\b", results[1][1]), "the name has an address"
    assert "ent" in results[2][1]


async def test_the_demo_tells_the_whole_story_in_colour(served: Serving) -> None:
    on_terminal = f'import pty, sys; sys.exit(pty.spawn(["bash", "{DEMO}"]) >> 8)'
    command = shlex.join([sys.executable, "-c", on_terminal])
    code, coloured = await shell(command, WAYPOST_API=url_of(served), TERM="xterm", NO_COLOR="")
    assert code == 0, coloured
    assert COLOUR.search(coloured)
    out = COLOUR.sub("", coloured).replace("\r", "")
    addresses = set(re.findall(r"^(\w+) +ent +ClusterIP +(10\.[0-9.]+)", out, re.MULTILINE))
    assert {namespace for namespace, _ in addresses} == {"default", "dev", "prod"}
    assert len({address for _, address in addresses}) == len(addresses)
    of = dict(addresses)
    resolved = re.findall(r"^(ent\S*)  (10\.[0-9.]+)  NOERROR", out, re.MULTILINE)
    assert resolved == [
        ("ent", of["default"]),
        ("ent", of["dev"]),
        ("ent.default.svc.cluster.local.", of["default"]),
    ]
    rules = out.partition("What the kernel of node n1 is told")[2]
    assert f"{of['default']}:80" in rules
    assert "10.244.1.5:8080" in rules
    assert "10.244.2.8:8080" not in rules, "the Pod that is not ready gets no traffic"


async def test_what_the_demo_ends_with_undoes_it(served: Serving) -> None:
    api = url_of(served)
    before = await kept(api)
    code, told = await shell(f"bash {DEMO}", WAYPOST_API=api)
    assert code == 0, told
    assert await kept(api) != before
    for command in told.partition("To undo it all:\n")[2].splitlines():
        assert await shell(command, WAYPOST_API=api) == (0, ANY), command
    assert await kept(api) == before


async def kept(api: str) -> list[str]:
    """List every object by kind and name."""
    kinds = ("services", "pods", "nodes", "namespaces", "endpointslices")
    found: list[str] = []
    for kind in kinds:
        code, listed = await shell(f"waypost get {kind} -A -o yaml", WAYPOST_API=api)
        assert code == 0, listed
        found += [f"{kind}/{line.strip()}" for line in listed.splitlines() if "uid:" in line]
    return found


async def test_the_demo_says_when_there_is_no_server() -> None:
    code, out = await shell(f"bash {DEMO}", WAYPOST_API=f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert out.startswith("demo: no server answers at http://127.0.0.1:")
    assert out.count("\n") == 1
