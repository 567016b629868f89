"""Running programs: input, output, errors and bounds."""

import pytest

from app.agent.sinks.programs import ProgramFailed, run


async def test_a_program_gets_its_input_and_its_output_is_read() -> None:
    assert await run("cat", text="ünïcode\n") == "ünïcode\n"


async def test_much_input_and_much_output_do_not_deadlock() -> None:
    text = "x" * 99 + "\n"
    assert await run("cat", text=text * 50_000) == text * 50_000


async def test_a_program_that_does_not_read_is_no_failure() -> None:
    assert await run("true", text="x" * 1_000_000) == ""


async def test_a_program_without_input_reads_nothing() -> None:
    assert await run("cat") == ""


async def test_error_output_is_reported_in_one_line() -> None:
    with pytest.raises(ProgramFailed, match=r"^sh -c .*: no such set really$"):
        await run("sh -c 'echo no such set >&2; echo really >&2; exit 2'")


async def test_a_failure_without_error_output_has_its_exit_code() -> None:
    with pytest.raises(ProgramFailed, match="exit code 3"):
        await run("sh -c 'exit 3'")


async def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProgramFailed, match="waypost-no-such cannot be run: No such file"):
        await run("waypost-no-such --save")


async def test_a_program_that_takes_too_long_is_killed() -> None:
    with pytest.raises(ProgramFailed, match=r"not done after 0\.1 s"):
        await run("sleep 60", run_s_max=0.1)


async def test_child_processes_are_killed_with_the_program() -> None:
    with pytest.raises(ProgramFailed, match=r"not done after 0\.1 s"):
        await run("sh -c 'yes & sleep 60'", run_s_max=0.1)


async def test_a_program_that_prints_too_much_is_killed() -> None:
    with pytest.raises(ProgramFailed, match="more than 1000 bytes"):
        await run("yes", output_bytes_max=1_000)
