"""The same result for people, for pipes and for programs."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.output import (
    OutputFormat,
    Sheet,
    escaped_json,
    print_document,
    print_failure,
    print_refusal,
    print_sheet,
    print_text,
    style_of,
    styled,
    visible,
)

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SHEET = Sheet(("NAME", "STATUS"), (("ent", "Active"), ("a-longer-name", "[b]odd[/b]"), ("x", "")))


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_pipe_gets_uncut_aligned_columns_without_trailing_spaces(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_sheet(SHEET)
    assert capsys.readouterr().out.splitlines() == [
        "NAME            STATUS",
        "ent             Active",
        "a-longer-name   [b]odd[/b]",
        "x",
    ]


def test_a_terminal_gets_the_same_in_colour(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_sheet(SHEET)
    uncoloured = capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_sheet(SHEET)
    coloured = capsys.readouterr().out
    assert "\x1b[32mActive" in coloured
    assert COLOUR.sub("", coloured) == uncoloured


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_user_may_want_no_colours(
    name: str, value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv(name, value)
    print_failure("no")
    assert capsys.readouterr().err == "error: no\n"


@given(st.text(), st.sampled_from(["", "bold", "dim", "bold red", "green"]))
def test_a_style_changes_no_letter_of_a_text(text: str, style: str) -> None:
    shown = visible(text)
    assert COLOUR.sub("", styled(shown, style)) == shown


def test_words_without_a_meaning_have_no_colour() -> None:
    assert style_of("ent") == ""
    assert style_of("NXDOMAIN") == "red"


def test_programs_get_the_document_itself(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"b": ["é", 1], "a": "true"}
    print_document(document, OutputFormat.JSON)
    assert json.loads(capsys.readouterr().out) == document
    print_document(document, OutputFormat.YAML)
    assert capsys.readouterr().out == 'b:\n- é\n- 1\na: "true"\n'


def test_a_text_ends_in_one_newline(capsys: pytest.CaptureFixture[str]) -> None:
    print_text("one\n")
    print_text("two")
    assert capsys.readouterr().out == "one\ntwo\n"


def test_a_refusal_shows_every_cause_with_its_field(capsys: pytest.CaptureFixture[str]) -> None:
    causes = [{"field": "spec.ports", "message": "required"}, {"message": "odd"}]
    print_refusal({"message": "it is invalid", "reason": "Invalid", "details": {"causes": causes}})
    assert capsys.readouterr().err == (
        "error: it is invalid (Invalid)\n  spec.ports: required\n  -: odd\n"
    )


def test_a_single_cause_that_the_message_repeats_is_shown_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    causes = [{"field": "spec.ports", "message": "required"}]
    print_refusal(
        {
            "message": 'Service "x" is invalid: spec.ports: required',
            "reason": "Invalid",
            "details": {"causes": causes},
        }
    )
    assert capsys.readouterr().err.count("spec.ports") == 1


def test_several_causes_that_the_message_repeats_are_listed_and_not_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    causes = [{"field": "a", "message": "required"}, {"field": "b", "message": "odd"}]
    message = 'Service "x" is invalid: [a: required, b: odd]'
    print_refusal({"message": message, "reason": "Invalid", "details": {"causes": causes}})
    assert capsys.readouterr().err == (
        'error: Service "x" is invalid (Invalid)\n  a: required\n  b: odd\n'
    )


def test_a_refusal_without_a_message_gets_one(capsys: pytest.CaptureFixture[str]) -> None:
    print_refusal({})
    assert capsys.readouterr().err == "error: the server refused without a word (Unknown)\n"


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
    print_sheet(Sheet(("NAME",), ((hostile,),)))
    table = capsys.readouterr().out
    assert len(table.splitlines()) == 2
    assert not steers(table)
    print_failure(hostile, [hostile])
    print_document({hostile: [hostile]}, OutputFormat.JSON)
    printed = capsys.readouterr()
    assert not steers(printed.out)
    assert not steers(printed.err)
