"""``waypost edit``: opens objects in an editor, and writes what was changed.

object -> a file of YAML -> the editor -> PUT at the revision that was read

A refusal opens the editor again, with the refusal above the text.
Source: kubectl `pkg/cmd/util/editor/editoptions.go`.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from app.cli.changing.outcomes import print_changed
from app.cli.changing.writes import put
from app.cli.client import Api
from app.cli.failures import Unreadable
from app.cli.fields import Json, mapping, mappings, text
from app.cli.objects.arguments import Named
from app.cli.objects.chosen import Choice, choice_options, words_argument
from app.cli.objects.lists import read
from app.cli.options import api_option, connect
from app.cli.output import say
from app.cli.printing.forms import Form, form_option
from app.cli.verb import verb
from waypost.client.errors import Refused

_EXAMPLES = """
waypost edit svc ent              in the editor of EDITOR, or vi
EDITOR="code --wait" waypost edit svc ent
"""
_VARIABLES: Final = ("KUBE_EDITOR", "VISUAL", "EDITOR")
_EDITOR: Final = "vi"
_HEAD: Final = (
    "Please edit the object below. Lines beginning with a '#' will be ignored,",
    "and an empty file will abort the edit. If an error occurs while saving this file will be",
    "reopened with the relevant failures.",
)


@verb(examples=_EXAMPLES)
@words_argument
@choice_options
@form_option
@api_option
@click.pass_context
def edit(context: click.Context, *, choice: Choice, output: Form, api: str) -> None:
    """Edit objects in an editor, one after the other."""
    server = connect(context, api)
    for target in choice.targets(server):
        _edit(server, target.named, output)


def _edit(server: Api, wanted: Named, form: Form) -> None:
    from app.schemas.documents.yaml_output import encode_yaml  # noqa: PLC0415  slow to load

    current = read(server, wanted)
    shown, problems = encode_yaml(current).decode(), list[str]()
    while True:
        given = _edited(_commented([*_HEAD, *problems], shown))
        changed = "".join(
            line for line in given.splitlines(keepends=True) if not line.startswith("#")
        )
        if not changed.strip() or (changed == shown and problems) or _is_same(changed, current):
            say("Edit cancelled, no changes made.")
            return
        try:
            print_changed(wanted, put(server, wanted, _parsed(changed)), "edited", form)
        except Refused as refusal:
            shown, problems = changed, ["", *_words_of(refusal)]
        except Unreadable as error:
            shown, problems = changed, ["", str(error)]
        else:
            return


def _is_same(changed: str, current: Json) -> bool:
    try:
        return _parsed(changed) == current
    except Unreadable:
        return False


def _parsed(changed: str) -> Json:
    from app.domain.errors import BadRequest  # noqa: PLC0415  the parser is slow to load
    from app.schemas.documents.read import MediaType, parse_document  # noqa: PLC0415

    try:
        return parse_document(changed.encode(), MediaType.YAML).content
    except BadRequest as error:
        raise Unreadable(error.message) from None


def _words_of(refusal: Refused) -> Iterator[str]:
    yield text(refusal.status, "message")
    for cause in mappings(mapping(refusal.status, "details"), "causes"):
        yield f"* {text(cause, 'field')}: {text(cause, 'message')}"


def _commented(lines: list[str], shown: str) -> str:
    split = (part for line in lines for part in line.splitlines() or [""])
    return "".join(f"# {line}".rstrip() + "\n" for line in split) + "#\n" + shown


def _edited(content: str) -> str:
    """Let the user edit a text; raises Unreadable when the editor fails."""
    editor = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), _EDITOR)
    with tempfile.TemporaryDirectory(prefix="waypost-edit-") as folder:
        file = Path(folder, "object.yaml")
        file.write_text(content)
        try:
            ended = subprocess.run([*shlex.split(editor), str(file)], check=False)  # noqa: S603  the user's
        except OSError as error:
            raise Unreadable(f"the editor {editor!r}: {error.strerror or error}") from None
        if ended.returncode:
            raise Unreadable(f"the editor {editor!r} ended with {ended.returncode}")
        return file.read_text()
