"""What every process of the command line does: one line for an event, and no core dumps."""

import logging
import resource
import subprocess
import sys

import pytest

from app.command_runs import OneLine

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


def ran(program: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-c", program]
    return subprocess.run(words, capture_output=True, text=True, check=True)
