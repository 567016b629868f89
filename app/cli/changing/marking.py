"""What ``label`` and ``annotate`` have in common: their options, and what they do with each object.

words and options -> objects, Marks -> one PATCH each, unless nothing changes

Source: kubectl `pkg/cmd/label/label.go`, `RunLabel`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeVar

import click

from app.cli.changing.marks import LABELS, Field, Marks, kept_in, marks_of
from app.cli.changing.outcomes import print_changed
from app.cli.changing.writes import patched
from app.cli.client import Api
from app.cli.fields import Json, text
from app.cli.objects.arguments import Named
from app.cli.objects.chosen import Choice, Target, choice_options
from app.cli.objects.lists import read
from app.cli.options import DryRun, after_tab, dry_run_option
from app.cli.output import print_failure, print_refusal, print_text, say, visible
from app.cli.printing.forms import Form, form_option
from waypost.client.errors import Refused

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class How:
    """How objects are marked."""

    what: Field
    may_overwrite: bool
    is_list: bool
    resource_version: str
    dry_run: DryRun
    form: Form


def marking_options(what: Field) -> Callable[[F], F]:
    """Make a decorator that adds the options of a verb, packed as ``choice`` and ``how``."""

    def add(function: F) -> F:
        @wraps(function)
        def packed(
            *arguments: Any,  # noqa: ANN401  those of the verb
            overwrite: bool,
            list_: bool,
            resource_version: str,
            dry_run: DryRun,
            output: Form,
            **others: Any,  # noqa: ANN401
        ) -> Any:  # noqa: ANN401
            how = How(what, overwrite, list_, resource_version, dry_run, output)
            return function(*arguments, how=how, **others)

        made: Any = packed
        listed = click.option("--list", "list_", is_flag=True, help=f"Print the {what.name}.")
        for option in (form_option, dry_run_option, _revision, listed, _overwrite, choice_options):
            made = option(made)
        return _words(made)

    return add


_words = click.argument(
    "words",
    metavar="KIND [NAME]... KEY=VALUE... KEY-...",
    nargs=-1,
    shell_complete=after_tab("words_completed"),
    help="The objects, then what changes.",
)
_overwrite = click.option("--overwrite", is_flag=True, help="Change values that there are.")
_revision = click.option(
    "--resource-version", default="", metavar="N", help="Only at this revision of it."
)


def mark_all(server: Api, choice: Choice, how: How) -> bool:
    """Mark the chosen objects; returns whether all are as they shall be."""
    words, marks = marks_of(choice.words, how.what)
    choice = replace(choice, words=words)
    if not marks and not how.is_list:
        raise click.BadParameter(f"at least one {how.what.noun} update is required")
    targets = choice.targets(server)
    if how.resource_version and len(targets) > 1:
        raise click.BadParameter("--resource-version may only be used with a single object")
    if not targets:
        say("no objects are selected", to_stderr=True)
    return all([_is_marked(server, each, marks, how) for each in targets])  # noqa: C419  every one


def _is_marked(server: Api, target: Target, marks: Marks, how: How) -> bool:
    wanted = target.named
    try:
        current = target.listed or read(server, wanted)
        if marks and not _write(server, wanted, current, marks, how):
            return False
        if how.is_list and not marks:
            for key, value in sorted(kept_in(current, how.what).items()):
                print_text(visible(f"{key}={value}"))
    except Refused as refusal:
        print_refusal(refusal.status)
        return False
    return True


def _write(server: Api, wanted: Named, current: Json, marks: Marks, how: How) -> bool:
    kept = kept_in(current, how.what)
    taken = marks.taken(kept)
    if taken and not how.may_overwrite:
        print_failure(f"{wanted.title}: {', '.join(taken)}, and --overwrite is false")
        return False
    for key in marks.removed:
        if key not in kept:
            say(f'{how.what.noun} "{key}" not found.')
    changes = marks.changes(kept)
    document = current
    if changes:
        metadata: dict[str, object] = {how.what.name: changes}
        if version := how.resource_version:
            metadata["resourceVersion"] = version
        document = patched(server, wanted, {"metadata": metadata}, dry_run=how.dry_run)
    word = _word(changes, how.what)
    print_changed(wanted, document, word, how.form, is_dry=how.dry_run is not DryRun.NONE)
    if how.is_list:
        for key in sorted(kept_in(document, how.what)):
            print_text(visible(f"{key}={text(kept_in(document, how.what), key)}"))
    return True


def _word(changes: dict[str, str | None], what: Field) -> str:
    if what is not LABELS:
        return what.done
    if not changes:
        return "not labeled"
    return "unlabeled" if all(value is None for value in changes.values()) else what.done
