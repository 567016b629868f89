"""The command line of the client's verbs, and the exit codes of failures.

    WaypostError -> 2, Refused and Unreadable -> 1, each with a message on stderr

``app.__main__`` adds the commands that need the composition root (``serve``,
``migrate``, ...); nothing here can reach the database or the server's code.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from app.cli.client import words_of
from app.cli.manifests import Unreadable
from app.cli.output import print_failure, print_refusal
from app.cli.verbs import token
from app.cli.verbs.apply import apply
from app.cli.verbs.can_i import can_i
from app.cli.verbs.delete import delete
from app.cli.verbs.explain import explain
from app.cli.verbs.get import get
from app.cli.verbs.render import render
from app.cli.verbs.resolve import resolve
from app.cli.verbs.rules import rules
from app.cli.verbs.watch import watch
from app.cli.verbs.whoami import whoami
from waypost.client.errors import Refused, WaypostError

EXIT_REFUSED, EXIT_UNREACHABLE = 1, 2

P = ParamSpec("P")


def worded(verb: Callable[P, None]) -> Callable[P, None]:
    """Make a verb print its failure and exit with the code that scripts expect."""

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            verb(*args, **kwargs)
        except Refused as refusal:
            print_refusal(refusal.status)
            raise typer.Exit(EXIT_REFUSED) from None
        except Unreadable as error:
            print_failure(str(error), error.details)
            raise typer.Exit(EXIT_REFUSED) from None
        except WaypostError as error:
            print_failure(words_of(error))
            raise typer.Exit(EXIT_UNREACHABLE) from None
        except RecursionError:
            print_failure("the server's answer is nested too deeply to be shown")
            raise typer.Exit(EXIT_UNREACHABLE) from None

    return run


def client_verbs() -> typer.Typer:
    """Make the command line with the verbs of clients."""
    application = typer.Typer(
        name="waypost",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help="The Kubernetes service network without Kubernetes.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    verbs: list[Callable[..., None]]
    verbs = [apply, get, delete, resolve, rules, explain, watch, render, whoami, can_i]
    for verb in verbs:
        application.command()(worded(verb))
    tokens = typer.Typer(help="Create, list and revoke tokens.", no_args_is_help=True)
    for name, verb in token.VERBS.items():
        tokens.command(name)(worded(verb))
    application.add_typer(tokens, name="token")
    return application
