"""What the how-tos show is what happens."""

from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end.documents import Session, fits, outputs, sessions
from tests.end_to_end.processes import serving

pytestmark = pytest.mark.end_to_end

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "how-to.md"


@pytest.mark.parametrize("session", list(sessions(PAGE.read_text())), ids=lambda each: each.heading)
async def test_the_commands_of_a_how_to_print_what_it_shows(
    session: Session, tmp_path: Path
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    async with serving(tmp_path, *session.options) as running:
        variables = {"WAYPOST_DATA_DIR": str(tmp_path / "state")}
        api = f"http://127.0.0.1:{running.api_port}"
        said = await outputs(session, tmp_path, variables, api=api)
    for command, printed in zip(session.commands, said, strict=True):
        assert fits(printed, command.printed), (command.text, printed)


def test_a_line_fits_word_by_word_and_an_ellipsis_anything() -> None:
    assert fits(["a   b", "c"], ("a b", "c"))
    assert fits(["a b", "c", "d"], ("a …", "…"))
    assert fits(["one"], ("…", "one", "…"))
    assert not fits(["a b", "c"], ("a b",))
    assert not fits(["a b"], ("a", "…"))
    assert not fits([], ("a",))
