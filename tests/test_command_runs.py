"""What every process of the command line does: one line for an event, and no core dumps."""

import json
import logging
import os
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from app.cli.options import TOKEN_FILE
from app.command_runs import (
    ENV_FILE,
    AgentSettings,
    OneLine,
    settings_of_agent,
    settings_of_environment,
)

FORGED = "path /a\n2026-12-01 INFO app.main: all is well\r\x1b[2J\x9b"


def test_a_message_is_one_line_whatever_a_client_sends() -> None:
    record = logging.LogRecord("app", logging.INFO, "", 0, "disconnected in %s", (FORGED,), None)
    line = OneLine("%(levelname)s %(message)s").format(record)
    assert line == (
        r"INFO disconnected in path /a\n2026-12-01 INFO app.main: all is well\r\x1b[2J\x9b"
    )


def test_a_traceback_follows_on_lines_of_its_own() -> None:
    with pytest.raises(ValueError, match="wrong") as failed:
        int("wrong")
    raised = (failed.type, failed.value, failed.tb)
    record = logging.LogRecord("app", logging.ERROR, "", 0, "a\nb", None, raised)
    first, *others = OneLine("%(message)s").format(record).splitlines()
    assert (first, others[0]) == (r"a\nb", "Traceback (most recent call last):")


def test_the_log_of_a_process_is_written_so() -> None:
    program = (
        "import logging\n"
        "from app.command_runs import log_from\n"
        "log_from('info')\n"
        "logging.getLogger('app').info('a\\nb')"
    )
    assert ran(program).stderr.endswith(" INFO    app: a\\nb\n")


def test_the_log_is_json_where_that_is_wanted() -> None:
    program = (
        "import logging\n"
        "from app.command_runs import log_from\n"
        "log_from('info', 'json')\n"
        "logging.getLogger('app').info('a\\nb')"
    )
    line = json.loads(ran(program).stderr)
    assert (line["level"], line["logger"], line["message"]) == ("info", "app", "a\nb")


def test_a_process_leaves_no_core_dump() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    program = (
        "import asyncio, resource\n"
        "from app.command_runs import until_interrupted\n"
        "async def limits(): return resource.getrlimit(resource.RLIMIT_CORE)\n"
        "print(*until_interrupted(limits()))"
    )
    assert ran(program).stdout.split() == ["0", str(hard)]
    assert resource.getrlimit(resource.RLIMIT_CORE) == (soft, hard), "of this one"


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Give an environment without settings, in a folder without a file of them."""
    for name in [name for name in os.environ if name.upper().startswith("WAYPOST_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


SHOWN = ("log_level", "probe_other_hosts", "log_format", "traces_endpoint")


def settings(token_file: Path | None = None) -> AgentSettings:
    context = click.Context(click.Command("agent"))
    context.meta[TOKEN_FILE] = token_file
    return settings_of_agent(context)


def read_as_all_are() -> AgentSettings:
    read = settings_of_environment()
    return AgentSettings(
        read.credentials,
        read.log_level,
        tuple(read.probe_other_hosts),
        read.log_format,
        read.traces_endpoint,
    )


def shown(found: AgentSettings) -> tuple[object, ...]:
    return (found.credentials.token(), *(getattr(found, name) for name in SHOWN))


@pytest.mark.parametrize("token", ["", "wpn_x"])
def test_an_agent_without_settings_has_the_defaults_of_all(
    token: str, unset: pytest.MonkeyPatch
) -> None:
    unset.setenv("WAYPOST_TOKEN", token)
    assert shown(settings()) == shown(read_as_all_are()) == (token, "info", (), "text", "")


def test_settings_of_an_agent_are_read_from_the_environment_and_a_file(
    unset: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ENV_FILE).write_text("WAYPOST_LOG_LEVEL=debug\n")
    assert settings().log_level == "debug"
    unset.setenv("waypost_probe_other_hosts", "127.0.0.0/8")
    assert shown(settings()) == ("", "debug", ("127.0.0.0/8",), "text", "")
    (tmp_path / "token").write_text("wpn_y")
    assert settings(tmp_path / "token").credentials.token() == "wpn_y"


@pytest.mark.parametrize(("name", "value"), [("WAYPOST_API_PORT", "x"), ("WAYPOST_TOKEN", "a b")])
def test_an_agent_refuses_any_invalid_setting(
    name: str, value: str, unset: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unset.setenv(name, value)
    with pytest.raises(click.exceptions.Exit):
        settings()
    assert capsys.readouterr().err.startswith(f"error: {name}: ")


def ran(program: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-c", program]
    return subprocess.run(words, capture_output=True, text=True, check=True)
