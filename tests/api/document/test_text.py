"""The text of the document: the document again, in short lines where that is possible."""

import json

from hypothesis import given

from app.api.document.text import LINE_CHARACTERS_MAX, document_text
from tests.schemas.wire_strategies import json_values


def test_what_fits_stands_on_one_line() -> None:
    assert document_text({"a": [1, {"b": "c"}]}) == '{"a": [1, {"b": "c"}]}\n'


def test_what_does_not_fit_has_a_line_for_each_part() -> None:
    long = "x" * (LINE_CHARACTERS_MAX - 10)
    assert document_text({"a": long, "b": [long]}) == (
        f'{{\n "a": "{long}",\n "b": [\n  "{long}"\n ]\n}}\n'
    )


@given(json_values)
def test_the_text_is_the_document(value: object) -> None:
    assert json.loads(document_text(value)) == value
