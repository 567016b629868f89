"""`docs/sdk.md` shows what the tests run."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.sdks.documentation import Excerpt, excerpts, fences, holds, page, ways_around
from tests.sdks.examples import EXAMPLES, HERE, STEPS, Example

SETTINGS: Final = (
    *("settings.yaml", "openapi-ts.config.ts", "tsconfig.json"),
    *("pom.xml", "Cargo.toml"),
)
LOCKS: Final = (HERE / "requirements.in", HERE / "typescript" / "package.json")


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
    assert scripts == {"setup.sh", "generate.sh", "build.sh", "run.sh", "watch.sh"}
    assert f"tests/sdks/{example.name}" in page()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_page_prints_all_that_the_first_watch_of_a_generator_needs(example: Example) -> None:
    shown = {excerpt.file: excerpt.text for excerpt in excerpts()}
    (program,) = [path for path in example.folder.rglob("*") if is_first_watch(path)]
    scripts = [example.folder / f"{name}.sh" for name in ("setup", "generate", "watch")]
    settings = [path for path in example.folder.glob("*") if path.name in SETTINGS]
    for file in (*scripts, *settings, program):
        assert shown[str(file.relative_to(HERE))].strip() == file.read_text().strip(), file


def is_first_watch(path: Path) -> bool:
    """Say whether a file is the program that the page prints."""
    name = path.stem if path.stem != "main" else path.parent.name
    return path.is_file() and name.lower().replace("_", "") == "firstwatch"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_what_a_reader_installs_is_what_tests_run(example: Example) -> None:
    pins = re.findall(r"(\S+?)(?:==|@)(v?\d\S*)", (example.folder / "setup.sh").read_text())
    assert pins
    locked = "".join(path.read_text() for path in LOCKS)
    locked += "".join(path.read_text() for path in example.folder.glob("go.mod"))
    for name, version in pins:
        module = name.partition("/cmd/")[0]  # of a tool of Go
        wanted = (f"{name}=={version}", f'"{name}": "{version}"', f"{module} {version}")
        assert any(each in locked for each in wanted), name


def test_every_folder_is_of_a_generator() -> None:
    folders = {script.parent for script in HERE.glob("*/*/generate.sh")}
    assert folders == {example.folder for example in EXAMPLES}
