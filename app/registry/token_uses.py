"""The last use of each token: kept in memory, saved for all tokens by one statement a minute.

    authenticated request -> record -> save -> the table of all processes -> learn -> shown

Times are whole minutes and have no revision, so a request writes nothing.  A use is shown at most
two minutes late, as another process may have to save it and this one to load it.

Source: access.md 1.2.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.errors import DomainError
from app.domain.names import NamespacedName
from app.domain.objects.token import TOKEN, Token
from app.registry.ports import TokenUseStore
from app.registry.reads.view import View

SAVE_S = 60.0  # seconds between two statements
_MINUTE = timedelta(minutes=1)

_log = logging.getLogger(__name__)


class TokenUses:
    """The last uses known to one process; used from one event loop only."""

    def __init__(self, view: View, store: TokenUseStore, *, save_s: float = SAVE_S) -> None:
        """Keep the last uses of the tokens of ``view``, and share them through ``store``."""
        self._view = view
        self._store = store
        self._save_s = save_s
        self._known: dict[str, datetime] = {}
        self._unsaved: dict[str, datetime] = {}

    def record(self, token: str, now: datetime) -> None:
        """Note that the token with this id was used."""
        known = self._known.get(token)
        if known is None or now - known >= _MINUTE:
            self._known[token] = self._unsaved[token] = now.replace(second=0, microsecond=0)

    def shown(self, token: Token) -> Token:
        """Add its last use to a token."""
        used_at = self._known.get(token.metadata.name)
        return token if used_at is None else replace(token, last_used_at=used_at)

    async def exchange(self) -> None:
        """Save the uses of this process, and load those of others; raises NotSynced.

        Uses that could not be saved are kept for the next time.
        """
        unsaved, self._unsaved = self._unsaved, {}
        try:
            if unsaved:
                await self._store.save(unsaved)
            self._learn(await self._store.load())
        except BaseException:
            self._unsaved = {**unsaved, **self._unsaved}
            raise

    async def exchange_periodically(self) -> None:
        """Exchange at intervals until cancelled, then once more."""
        is_troubled = False
        try:
            while True:
                try:
                    await self.exchange()
                    is_troubled = False
                except DomainError as refusal:
                    if not is_troubled:
                        _log.warning("uses of tokens are kept in memory: %s", refusal)
                    is_troubled = True
                await asyncio.sleep(self._save_s)
        finally:
            with contextlib.suppress(DomainError):
                await self.exchange()

    def _learn(self, uses: Mapping[str, datetime]) -> None:
        """Keep the later of two times, and drop tokens that are gone."""
        tokens, known = self._view.snapshot.of(TOKEN), self._known
        self._known = {
            name: max(used_at, known.get(name, used_at))
            for name, used_at in {**known, **uses}.items()
            if NamespacedName("", name) in tokens
        }
