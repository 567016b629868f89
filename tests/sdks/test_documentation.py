"""`docs/sdk.md` shows what the tests run."""

import pytest

from tests.sdks.documentation import Excerpt, excerpts, fences, holds, page, ways_around
from tests.sdks.examples import EXAMPLES, HERE, STEPS, Example


@pytest.mark.parametrize("excerpt", excerpts(), ids=lambda excerpt: excerpt.file)
def test_an_excerpt_is_in_its_file(excerpt: Excerpt) -> None:
    assert holds((HERE / excerpt.file).read_text(), excerpt.text)


def test_every_block_of_the_page_is_an_excerpt() -> None:
    assert fences() == len(excerpts())


def test_lines_are_held_in_their_order_at_any_indentation() -> None:
    file = "def f():\n    if x:\n        return 1\n    return 2\n"
    assert holds(file, "if x:\n    return 1\n")
    assert holds(file, "return 2")
    assert not holds(file, "if x:\nreturn 1")
    assert not holds(file, "return 1\nreturn 3")
    assert not holds(file, "return 2\nreturn 2\nreturn 2\nreturn 2\nreturn 2")


def test_ways_around_are_of_generators_and_steps_that_there_are() -> None:
    assert set(ways_around()) <= {example.name for example in EXAMPLES}
    assert set().union(*ways_around().values()) <= set(STEPS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_generator_has_its_folder_and_its_words(example: Example) -> None:
    scripts = {file.name for file in example.folder.glob("*.sh")}
    assert scripts == {"generate.sh", "build.sh", "run.sh", "watch.sh"}
    assert f"tests/sdks/{example.name}" in page()


def test_every_folder_is_of_a_generator() -> None:
    folders = {script.parent for script in HERE.glob("*/*/generate.sh")}
    assert folders == {example.folder for example in EXAMPLES}
