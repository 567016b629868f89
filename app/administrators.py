"""Tokens of administrators, issued without an authenticated user.

    first start with authentication -> built-in roles, one token: to the terminal, or to a file
    access to the database          -> a token, when all others are lost

The text of a token is shown once, and never logged.
Source: access.md 1.8.
"""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from app.api.credentials.tokens import mint
from app.cli.output import print_text
from app.domain.access.tokens import TokenKind
from app.domain.errors import Unconfirmed
from app.domain.objects.token import Token
from app.domain.work import Policy
from app.registry.ports import Writer
from app.registry.reads.view import View
from app.registry.writes.access_bootstrap import bootstrap_access
from app.registry.writes.reconcile import reconcile
from app.registry.writes.tokens import issue_to_administrator
from app.store.change_log import ChangeLogFollower
from app.store.writer import PostgresWriter

FILE_NAME = "admin.token"
BREAK_GLASS = "system:database"  # the creator of tokens that are written to the database
_SECRET = 0o600  # only the owner may read it


class Handover:
    """Hands over the first administrator's token: on a terminal, or in a file in ``folder``.

    The file gets its name once the token is in force, so that processes which start together do
    not see each other's; a token in force is never lost.
    """

    def __init__(self, text: str, folder: Path, *, has_terminal: bool | None = None) -> None:
        """Ask the standard output whether it is a terminal, unless ``has_terminal`` is given."""
        self._text = text
        self._file = folder / FILE_NAME
        self._prepared = folder / f".{FILE_NAME}.{os.getpid()}"
        self._has_terminal = sys.stdout.isatty() if has_terminal is None else has_terminal

    def prepare(self) -> None:
        """Write the file, under another name; raises FileExistsError.  May be called again."""
        if self._has_terminal:
            return
        if self._file.exists():
            raise FileExistsError(
                f"the first administrator's token goes to {self._file}, which exists: move it away"
            )
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self.discard()
        descriptor = os.open(self._prepared, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(f"{self._text}\n")
            opened.flush()
            os.fsync(descriptor)

    def give(self) -> None:
        """Print the token that is in force, or the name of its file."""
        if self._has_terminal:
            print_text("The token of the administrator, which is shown only now:")
            print_text(f"  {self._text}")
            return
        place = self._file
        try:
            os.link(self._prepared, self._file)  # unlike a rename, it replaces nothing
        except FileExistsError:
            place = self._prepared
        else:
            self.discard()
        print_text(f"The token of the administrator is in {place}")

    def discard(self) -> None:
        """Remove the prepared file."""
        self._prepared.unlink(missing_ok=True)


async def grant_access(writer: Writer, folder: Path, *, has_terminal: bool | None = None) -> None:
    """Bring the built-in roles up to date; a new registry's administrator gets a token.

    Of several processes that start together one hands it over.  Raises FileExistsError where it
    would go to a file that exists, with nothing written.
    """
    text = mint(TokenKind.USER)
    handover = Handover(text, folder, has_terminal=has_terminal)
    try:
        is_first = await writer.write(
            lambda work: bootstrap_access(work, text=text, prepare=handover.prepare)
        )
    except Unconfirmed:
        raise  # the token may be in force: the prepared file stays
    except BaseException:
        handover.discard()
        raise
    if is_first:
        handover.give()
    else:
        handover.discard()


async def issue_by_database(engine: AsyncEngine, policy: Policy) -> tuple[Token, str]:
    """Issue a token for everything by writing to the database; returns it with its text."""
    view = View()
    follower = ChangeLogFollower(engine, view)
    writer = PostgresWriter(engine, view, policy=policy, conclude=reconcile, follower=follower)
    await follower.load()
    text = mint(TokenKind.USER)
    writing = asyncio.create_task(writer.run())
    try:
        token = await writer.write(
            lambda work: issue_to_administrator(work, text=text, created_by=BREAK_GLASS)
        )
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
    return token, text
