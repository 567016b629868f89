"""Verbs of the command line that parse their options as kubectl's do.

    --flag=false, -o=json, a bare --dry-run -> as click reads them
    examples -> the end of the help

Source: github.com/spf13/pflag, README, "Command line flag syntax" and "NoOptDefVal".
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_TRUTHS: Final = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
_GIVEN: Final = re.compile(r"(-{1,2}[A-Za-z][\w-]*)=(.*)", re.DOTALL)


class BareOption(click.Option):
    """An option with a value that may be left out: ``--dry-run`` is ``--dry-run=server``."""

    def __init__(self, *arguments: Any, bare: str, **attributes: Any) -> None:  # noqa: ANN401  click's
        super().__init__(*arguments, **attributes)
        self.bare = bare


class Verb(click.Command):
    """A command with options in kubectl's syntax, and with examples."""

    examples: str = ""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments."""
        return super().parse_args(ctx, [*self._as_click_reads(ctx, args)])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(self.examples, formatter)

    def _as_click_reads(self, context: click.Context, given: Sequence[str]) -> Iterator[str]:
        options = {
            word: parameter
            for parameter in self.get_params(context)
            if isinstance(parameter, click.Option)
            for word in parameter.opts
        }
        words = iter(given)
        for word in words:
            if word == "--":
                yield word
                yield from words
                return
            yield from _rewritten(word, options)


def _rewritten(word: str, options: dict[str, click.Option]) -> Iterator[str]:
    found = _GIVEN.fullmatch(word)
    option = options.get(found[1] if found else word)
    match option:
        case BareOption(bare=bare) if not found:
            yield f"{word}={bare}"
        case click.Option(is_flag=True) if found and found[2].lower() in _TRUTHS:
            yield from _flag(found[1], option, is_on=_TRUTHS[found[2].lower()])
        case click.Option(is_flag=False) if found and not found[1].startswith("--"):
            yield f"{found[1]}{found[2]}"  # -o=json is -ojson
        case _:
            yield word


def _flag(word: str, option: click.Option, *, is_on: bool) -> Iterator[str]:
    if is_on:
        yield word
    elif option.secondary_opts:
        yield option.secondary_opts[0]


def write_examples(examples: str, formatter: click.HelpFormatter) -> None:
    """Write examples at the end of a help."""
    if not examples:
        return
    with formatter.section("Examples"):
        for line in examples.strip("\n").split("\n"):
            formatter.write(f"{' ' * formatter.current_indent}{line}".rstrip() + "\n")


def verb(name: str | None = None, *, examples: str) -> Callable[[Callable[..., Any]], Verb]:
    """Make a verb of a function, as ``click.command`` does."""

    def make(function: Callable[..., Any]) -> Verb:
        command: Verb = click.command(name, cls=Verb)(function)
        command.examples = examples
        return command

    return make
