"""What ``-o`` says is a form, or refused with the forms that there are."""

from pathlib import Path

import click
import pytest

from app.cli.output import OutputFormat
from app.cli.printing.forms import TEMPLATE_OCTETS_MAX, Form, Printed, form_of


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("json", Form(OutputFormat.JSON)),
        ("YAML", Form(OutputFormat.YAML)),
        ("name", Form(Printed.NAME)),
        ("jsonpath={.a}={.b}", Form(Printed.JSONPATH, "{.a}={.b}")),
        ("jsonpath-as-json={.a}", Form(Printed.JSONPATH_AS_JSON, "{.a}")),
        ("custom-columns=A:.a", Form(Printed.CUSTOM_COLUMNS, "A:.a")),
    ],
)
def test_a_form_has_its_name_and_template(text: str, form: Form) -> None:
    assert form_of(text) == form


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jsno", 'did you mean "json"'),
        ("json=x", "is not one of"),
        ("jsonpath", "needs a template"),
        ("custom-columns=", "needs a template"),
        ("go-template={{.a}}", "use jsonpath"),
        ("jsonpath-file=/nowhere/x", "No such file"),
    ],
)
def test_other_words_are_refused(text: str, words: str) -> None:
    with pytest.raises(click.BadParameter, match=words):
        form_of(text)


def test_a_template_may_be_in_a_file_of_bounded_size(tmp_path: Path) -> None:
    file = tmp_path / "template"
    file.write_text("{.metadata.name}\n")
    assert form_of(f"jsonpath-file={file}").template == "{.metadata.name}"
    file.write_bytes(b"\xff")
    with pytest.raises(click.BadParameter, match="UTF-8"):
        form_of(f"jsonpath-file={file}")
    file.write_bytes(b"x" * (TEMPLATE_OCTETS_MAX + 1))
    with pytest.raises(click.BadParameter, match="larger"):
        form_of(f"jsonpath-file={file}")
