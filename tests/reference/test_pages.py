"""The reference in docs/ says what the code does."""

import pytest

from tests.reference.pages import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_is_that_of_the_code(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run make reference"


def test_every_command_and_option_says_what_it_does() -> None:
    text = PAGES["commands.md"]()
    assert "## `waypost token create`" in text
    assert "api-worker" not in text, "it is for the program itself"


def test_there_is_no_page_that_nothing_writes() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)
