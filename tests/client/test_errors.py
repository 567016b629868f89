"""Text from servers, made safe for one line."""

from hypothesis import given
from hypothesis import strategies as st

from waypost.client.errors import shown


@given(st.text())
def test_shown_text_is_one_printable_line_of_bounded_length(text: str) -> None:
    line = shown(text, 20)
    assert line.isprintable()
    assert len(line) <= 20


def test_control_characters_and_line_ends_become_blanks() -> None:
    assert shown("a\x1b[31m\r\n\tb") == "a [31m b"
