"""Quoting: Go's own cases, and that every text comes back."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.quoting import quoted, quoted_list


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '""'),
        ("a b", '"a b"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("\a\b\f\r\n\t\v", '"\\a\\b\\f\\r\\n\\t\\v"'),
        ("☺é", '"☺é"'),
        ("\x04\x7f", '"\\x04\\x7f"'),
        ("\u00ad\u200b", '"\\u00ad\\u200b"'),
        ("\U0010ffff", '"\\U0010ffff"'),
        ("it's", '"it\'s"'),
    ],
)
def test_texts_are_quoted_as_by_go(text: str, expected: str) -> None:
    assert quoted(text) == expected


@given(st.text())
def test_a_quoted_text_is_one_line_that_can_be_printed_and_read_back(text: str) -> None:
    written = quoted(text)
    assert written.isprintable()
    assert ast.literal_eval(written) == text


def test_lists_are_separated_by_blanks() -> None:
    assert quoted_list(["a", 'b"']) == '["a" "b\\""]'
    assert quoted_list([]) == "[]"
