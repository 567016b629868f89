"""Tokens from the command line, against a real server: made, used by name, revoked."""

from pathlib import Path

import pytest

from tests.end_to_end.commands import waypost
from tests.end_to_end.processes import Serving, serving

pytestmark = pytest.mark.end_to_end


async def printed(running: Serving, *words: str) -> tuple[str, str]:
    """Run a command of the client, which must succeed; gives what it printed."""
    ended = await waypost(running, *words)
    assert ended.code == 0, ended.err
    return ended.out, ended.err


async def test_a_token_is_made_listed_and_revoked(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        text, told = await printed(running, "token", "create", "--user", "alice", "--days", "366")
        name = text[4:16]
        assert text.startswith("wpu_")
        assert f"token {name} of alice, until 20" in told
        agent, told = await printed(running, "token", "create", "--node", "n1")
        assert agent.startswith("wpn_")
        assert "of system:node:n1 (system:nodes), without end" in told

        listed, _ = await printed(running, "token", "list")
        assert sorted(line.split()[0] for line in listed.splitlines()[1:]) == sorted(
            [name, agent[4:16]]
        )
        revoked, _ = await printed(running, "token", "revoke", "--node", "n1")
        assert revoked.startswith(f"token/{agent[4:16]} revoked at revision ")
        listed, _ = await printed(running, "token", "list")
        assert [line.split()[0] for line in listed.splitlines()[1:]] == [name]
        everything, _ = await printed(running, "token", "list", "--all", "-o", "json")
        assert text.strip() not in everything
        assert agent.strip() not in everything
    assert text.strip() not in (tmp_path / "log").read_text()
