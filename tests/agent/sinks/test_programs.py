"""Other programs: fed, read, and ended in time."""

import pytest

from app.agent.sinks.programs import ProgramFailed, run


async def test_a_program_reads_its_input_and_is_read() -> None:
    assert await run("cat", text="ünïcode\n") == "ünïcode\n"


async def test_much_input_and_much_output_do_not_wait_for_each_other() -> None:
    text = "x" * 99 + "\n"
    assert await run("cat", text=text * 50_000) == text * 50_000


async def test_a_program_that_does_not_read_is_no_failure() -> None:
    assert await run("true", text="x" * 1_000_000) == ""


async def test_a_program_without_input_reads_nothing() -> None:
    assert await run("cat") == ""


async def test_a_complaint_is_told_in_one_line() -> None:
    with pytest.raises(ProgramFailed, match=r"^sh -c .*: no such set really$"):
        await run("sh -c 'echo no such set >&2; echo really >&2; exit 2'")


async def test_a_failure_without_words_has_its_number() -> None:
    with pytest.raises(ProgramFailed, match="it ended with 3"):
        await run("sh -c 'exit 3'")


async def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(ProgramFailed, match="waypost-no-such cannot be run: No such file"):
        await run("waypost-no-such --save")


async def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ProgramFailed, match=r"not done after 0\.1 s"):
        await run("sleep 60", run_s_max=0.1)


async def test_what_a_program_started_is_ended_with_it() -> None:
    with pytest.raises(ProgramFailed, match=r"not done after 0\.1 s"):
        await run("sh -c 'yes & sleep 60'", run_s_max=0.1)


async def test_a_program_that_says_too_much_is_ended() -> None:
    with pytest.raises(ProgramFailed, match="more than 1000 bytes"):
        await run("yes", output_bytes_max=1_000)
