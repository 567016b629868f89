"""What is generated is that of the document, and of the kinds, that are checked in."""

import pytest

from waypost.generate import KINDS_OF_COMMAND_LINE, ROOT, generated


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return generated()


@pytest.mark.parametrize(
    "name",
    ["waypost/client/kind_table.py", "waypost/client/models.py", KINDS_OF_COMMAND_LINE],
)
def test_a_generated_file_is_current(name: str, texts: dict[str, str]) -> None:
    assert (ROOT / name).read_text() == texts[name], (
        "the API has changed: run `make openapi` and review the difference"
    )
