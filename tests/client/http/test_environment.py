"""A client that is told nothing else reads what the command line reads."""

from pathlib import Path

import pytest

from waypost.client.errors import InvalidToken
from waypost.client.http.environment import (
    API_DEFAULT,
    credentials_of_environment,
    urls_of_environment,
)


@pytest.mark.parametrize(
    ("value", "urls"),
    [
        (None, (API_DEFAULT,)),
        ("", (API_DEFAULT,)),
        (" , ", (API_DEFAULT,)),
        ("https://a", ("https://a",)),
        ("https://a, https://b,", ("https://a", "https://b")),
    ],
)
def test_urls_are_separated_by_commas(value: str | None, urls: tuple[str, ...]) -> None:
    environment = {} if value is None else {"WAYPOST_API": value}
    assert urls_of_environment(environment) == urls


def test_no_token_is_no_credentials() -> None:
    assert not credentials_of_environment({})
    assert not credentials_of_environment({"WAYPOST_TOKEN": "", "WAYPOST_TOKEN_FILE": ""})


def test_a_token_is_read_from_a_variable_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("wpu_file\n")
    given = {"WAYPOST_TOKEN": "wpu_text"}
    assert credentials_of_environment(given).token() == "wpu_text"
    both = {**given, "WAYPOST_TOKEN_FILE": str(file)}
    assert credentials_of_environment(both).token() == "wpu_file"


def test_a_token_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(InvalidToken, match="WAYPOST_TOKEN"):
        credentials_of_environment({"WAYPOST_TOKEN": "two words"})
