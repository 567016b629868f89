"""Contexts are kept for their owner alone, and read as they were written."""

from pathlib import Path

import pytest

from app.cli.failures import Unreadable
from app.cli.setup.contexts import Context, Contexts, file_of, read_contexts, write_contexts

LAB = Context("lab", "http://lab:8053", "dev", "wpu_x")


def test_what_is_written_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "waypost" / "config"
    contexts = Contexts("lab", {"lab": LAB, "home": Context("home", token_file="~/token")})  # noqa: S106  no secret
    write_contexts(file, contexts)
    assert read_contexts(file) == contexts
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    file.chmod(0o644)
    write_contexts(file, contexts)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["config"]


def test_a_missing_file_has_no_contexts(tmp_path: Path) -> None:
    assert read_contexts(tmp_path / "nothing") == Contexts()


@pytest.mark.parametrize("content", ["", "[]", "{", '"x"'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    with pytest.raises(Unreadable, match=str(file)):
        read_contexts(file)


def test_the_file_is_where_the_environment_says() -> None:
    assert file_of({"WAYPOST_CONFIG": "/x/y"}) == Path("/x/y")
    assert file_of({"XDG_CONFIG_HOME": "/x"}) == Path("/x/waypost/config")
    assert file_of({}) == Path.home() / ".config" / "waypost" / "config"


def test_a_token_is_not_shown_by_accident() -> None:
    assert "wpu_x" not in repr(LAB)
