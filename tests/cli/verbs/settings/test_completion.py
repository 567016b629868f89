"""The scripts for shells ask the program itself."""

import pytest

from tests.cli.fake_server import run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_asks_the_program(shell: str) -> None:
    ended = run("completion", shell)
    assert ended.code == 0
    assert f"_WAYPOST_COMPLETE={shell}_complete" in ended.out


def test_other_shells_are_refused() -> None:
    assert run("completion", "csh").code == 2
