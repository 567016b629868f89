"""What is generated from the API's document is that of the document that is checked in."""

import pytest

from waypost.generate import CLIENT, generated


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return generated()


@pytest.mark.parametrize("name", ["kind_table.py", "models.py"])
def test_a_generated_file_is_current(name: str, texts: dict[str, str]) -> None:
    assert (CLIENT / name).read_text() == texts[name], (
        "the API has changed: run `make openapi` and review the difference"
    )
