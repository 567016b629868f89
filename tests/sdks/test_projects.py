"""Scripts run with the tools in their path, and what they print is read."""

from pathlib import Path

import pytest

from tests.sdks.projects import TOOLS, run, running, until_printed, warnings
from tests.sdks.test_main_job import steps


def test_a_script_sees_its_folder_its_environment_and_the_tools_first(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text('pwd; echo "$PATH"; echo "$BASE_URL"; echo told >&2\n')
    folder, path, url, told = run(tmp_path, "a.sh", {"BASE_URL": "here"}).succeeded().splitlines()
    assert (folder, url, told) == (str(tmp_path), "here", "told")
    assert path.startswith(str(TOOLS))


def test_a_script_stops_at_its_first_failure_and_says_what_it_printed(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("echo before\nfalse\necho after\n")
    ended = run(tmp_path, "a.sh", {})
    assert (ended.code, ended.printed) == (1, "before\n")
    with pytest.raises(AssertionError, match="before"):
        ended.succeeded()


def test_a_script_that_takes_too_long_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("echo begun\nsleep 3600 | cat\n")
    ended = run(tmp_path, "a.sh", {}, within_s=0.2)
    assert ended.code == -9


async def test_a_program_is_read_line_by_line_until_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("echo begun\necho going\nsleep 3600\n")
    async with running(tmp_path, "a.sh", {}) as lines:
        await until_printed(lines, "going")


async def test_a_program_that_ends_without_the_line_fails_with_what_it_printed(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.sh").write_text("echo begun\n")
    async with running(tmp_path, "a.sh", {}) as lines:
        with pytest.raises(AssertionError, match="begun"):
            await until_printed(lines, "going")


def test_colours_are_taken_away(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text(r"printf '\033[0m\033[1;31mread\033[m ok\n'")
    assert steps(run(tmp_path, "a.sh", {}).printed) == {"read": "ok"}


def test_a_warning_is_found_unless_it_is_known() -> None:
    printed = "writing file\n[main] WARN  a: one\n[main] WARN  a: two\nUnsupported content type\n"
    assert len(warnings(printed, ())) == 3
    assert warnings(printed, (r"a: one", r"content type")) == ["[main] WARN  a: two"]


def test_the_steps_of_a_program_are_lines_of_two_words() -> None:
    assert steps("token ok\nis it ok\nwatch around\nread badly\n") == {
        "token": "ok",
        "watch": "around",
    }
