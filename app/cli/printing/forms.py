"""The forms in which objects are printed: what ``-o`` says.

    "json", "jsonpath={.metadata.name}", "custom-columns=NAME:.metadata.name" -> Form

Source: kubectl `pkg/cmd/get/get_flags.go`, and `kubectl get --help`.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import click

from app.cli.output import OutputFormat


class Printed(StrEnum):
    """The forms that are made of every object, and take a template."""

    NAME = "name"
    JSONPATH = "jsonpath"
    JSONPATH_AS_JSON = "jsonpath-as-json"
    CUSTOM_COLUMNS = "custom-columns"


TEMPLATE_OCTETS_MAX: Final = 64 * 1024  # of a file with a template
_FILES: Final = {
    "jsonpath-file": Printed.JSONPATH,
    "custom-columns-file": Printed.CUSTOM_COLUMNS,
}
_GO: Final = ("go-template", "go-template-file", "template", "templatefile")
WORDS: Final = (
    *("table", "wide", "json", "yaml", "name", "jsonpath=", "jsonpath-as-json=", "jsonpath-file="),
    *("custom-columns=", "custom-columns-file="),
)


@dataclass(frozen=True, slots=True)
class Form:
    """A form, and its template where it has one."""

    name: OutputFormat | Printed
    template: str = ""
    is_file: bool = False
    """Whether the template is that of a file, where columns are two lines of words."""

    @property
    def is_table(self) -> bool:
        """Whether objects are rows of their kind's table."""
        return self.name in (OutputFormat.TABLE, OutputFormat.WIDE)

    @property
    def is_document(self) -> bool:
        """Whether objects are printed whole."""
        return self.name in (OutputFormat.JSON, OutputFormat.YAML)


TABLE: Final = Form(OutputFormat.TABLE)


class FormType(click.ParamType[Form]):
    """The type of ``-o`` where objects are printed."""

    name = "form"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Form:
        """Parse the form; fails for an unknown one, or one without its template."""
        return value if isinstance(value, Form) else form_of(str(value))


def form_of(text: str) -> Form:
    """Parse a form; raises BadParameter."""
    word, equals, template = text.partition("=")
    word = word.lower()
    if word in _GO:
        raise click.BadParameter("templates of Go are not spoken here: use jsonpath")
    if word in _FILES:
        return Form(_FILES[word], _read(template), is_file=True)
    if word in (Printed.JSONPATH, Printed.JSONPATH_AS_JSON, Printed.CUSTOM_COLUMNS):
        if not template:
            example = "NAME:.metadata.name" if word == Printed.CUSTOM_COLUMNS else "{.metadata}"
            raise click.BadParameter(f"{word} needs a template: -o {word}='{example}'")
        return Form(Printed(word), template)
    if not equals and word in (*OutputFormat, Printed.NAME):
        return Form(Printed.NAME if word == Printed.NAME else OutputFormat(word))
    raise click.BadParameter(f"{text!r} is not one of {', '.join(WORDS)}{_hint(word)}")


def _hint(word: str) -> str:
    from app.cli.nearest import did_you_mean  # noqa: PLC0415  for mistakes alone

    return did_you_mean(word, [each.rstrip("=") for each in WORDS])


def _read(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            octets = opened.read(TEMPLATE_OCTETS_MAX + 1)
        if len(octets) > TEMPLATE_OCTETS_MAX:
            raise click.BadParameter(f"{file} is larger than {TEMPLATE_OCTETS_MAX} bytes")
        return octets.decode().removesuffix("\n")
    except OSError as error:
        raise click.BadParameter(f"{file or 'the file'}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise click.BadParameter(f"{file} is not written in UTF-8") from None


form_option = click.option(
    "--output",
    "-o",
    type=FormType(),
    default=OutputFormat.TABLE.value,
    show_default=True,
    metavar="FORM",
    help=f"One of {', '.join(WORDS)}.",
)
