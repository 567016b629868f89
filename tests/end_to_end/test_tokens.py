"""Tokens from the command line, against a real server: made, used by name, revoked."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.end_to_end.processes import CHECKOUT, Serving, serving

pytestmark = pytest.mark.end_to_end


async def waypost(running: Serving, *words: str) -> tuple[str, str]:
    """Run a command of the client, which must succeed; gives what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        *words,
        "--api",
        f"http://127.0.0.1:{running.api_port}",
        cwd=CHECKOUT.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode(), err.decode()


async def test_a_token_is_made_listed_and_revoked(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        text, told = await waypost(running, "token", "create", "--user", "alice", "--days", "366")
        name = text[4:16]
        assert text.startswith("wpu_")
        assert f"token {name} of alice, until 20" in told
        agent, told = await waypost(running, "token", "create", "--node", "n1")
        assert agent.startswith("wpn_")
        assert "of system:node:n1 (system:nodes), without end" in told

        listed, _ = await waypost(running, "token", "list")
        assert sorted(line.split()[0] for line in listed.splitlines()[1:]) == sorted(
            [name, agent[4:16]]
        )
        revoked, _ = await waypost(running, "token", "revoke", "--node", "n1")
        assert revoked.startswith(f"token/{agent[4:16]} revoked at revision ")
        listed, _ = await waypost(running, "token", "list")
        assert [line.split()[0] for line in listed.splitlines()[1:]] == [name]
        everything, _ = await waypost(running, "token", "list", "--all", "-o", "json")
        assert text.strip() not in everything
        assert agent.strip() not in everything
    assert text.strip() not in (tmp_path / "log").read_text()
