"""Text from a server cannot control the user's terminal."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from app.cli.output import OutputFormat, Sheet, print_document, print_failure, print_sheet
from app.cli.visible import escaped_json, visible

HOSTILE = ["\x1b]0;pwn\x07", "\x9b31m", "a\nb", "a\rb", "\u202egnp", "\x7f", "\x00", "\u2066x"]


def steers(text: str) -> bool:
    """Whether a text has control characters, apart from the newlines of the output itself."""
    return any(not letter.isprintable() for letter in text.replace("\n", ""))


@given(st.text())
def test_only_control_characters_of_a_text_are_changed(text: str) -> None:
    shown = visible(text)
    assert not any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in shown)
    if text.isprintable():
        assert shown == text


@given(st.recursive(st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_the_values_of_json_are_unchanged(value: object) -> None:
    assert json.loads(escaped_json(json.dumps(value, ensure_ascii=False))) == value


@pytest.mark.parametrize("hostile", [each for each in HOSTILE if ord(max(each)) < 0x2000])
def test_yaml_has_no_control_characters(hostile: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_document({hostile: [hostile]}, OutputFormat.YAML)
    assert not steers(capsys.readouterr().out)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_printed_text_has_no_control_characters(
    hostile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = io.StringIO()
    print_sheet(Sheet(("NAME",), ((hostile,),)), Console(file=file))
    assert len(file.getvalue().splitlines()) == 2
    assert not steers(file.getvalue())
    print_failure(hostile, [hostile])
    print_document({hostile: [hostile]}, OutputFormat.JSON)
    printed = capsys.readouterr()
    assert not steers(printed.out)
    assert not steers(printed.err)
