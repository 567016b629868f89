"""The failures of verbs, and the exit codes that scripts expect of them.

WaypostError -> 2, Refused and Unreadable -> 1, each with a message on stderr
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

import click

from app.cli.output import print_failure, print_refusal
from waypost.client.errors import Misbehaved, Refused, Unreachable, WaypostError

EXIT_REFUSED: Final = 1
EXIT_UNREACHABLE: Final = 2


class Unreadable(Exception):
    """A source cannot be read or parsed; ``details`` are the problems, if there are several."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


@contextmanager
def worded() -> Generator[None]:
    """Print the failure of the block, and exit with its code."""
    try:
        yield
    except Refused as refusal:
        print_refusal(refusal.status)
        raise click.exceptions.Exit(EXIT_REFUSED) from None
    except Unreadable as error:
        print_failure(str(error), error.details)
        raise click.exceptions.Exit(EXIT_REFUSED) from None
    except WaypostError as error:
        print_failure(words_of(error))
        raise click.exceptions.Exit(EXIT_UNREACHABLE) from None
    except RecursionError:
        print_failure("the server's answer is nested too deeply to be shown")
        raise click.exceptions.Exit(EXIT_UNREACHABLE) from None


def words_of(error: WaypostError) -> str:
    """Word why there is no answer, and what the user can do."""
    match error:
        case Unreachable():
            return (
                f"no server answers at {error.url} ({error.problem}): "
                "start one with `waypost serve`, or name another with --api"
            )
        case Misbehaved():
            return f"what answers at {error.url} does not speak as Waypost does: {error.problem}"
        case _:
            return str(error)
