"""The table of the last uses of tokens, shared by all processes.

    ids of tokens, minutes -> one statement          the table -> minutes by id

Source: access.md 1.2.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.domain.errors import NotSynced
from app.domain.objects.token import TOKEN
from app.store.engine import UNREACHABLE
from app.store.tables import objects, token_uses

# Sorted by id, so that processes which save the same tokens cannot deadlock.
_SAVE = text(
    """
    INSERT INTO token_uses AS known (token, used_at)
    SELECT * FROM unnest(CAST(:tokens AS text[]), CAST(:times AS timestamptz[]))
    ON CONFLICT (token) DO UPDATE SET used_at = greatest(known.used_at, excluded.used_at)
    """
)
_LOAD = select(token_uses.c.token, token_uses.c.used_at)
_FORGET_ORPHANS = delete(token_uses).where(
    ~select(objects.c.name)
    .where(objects.c.kind == TOKEN.name, objects.c.name == token_uses.c.token)
    .exists()
)


class PostgresTokenUses:
    """Last uses of all processes; implements ``app.registry.ports.TokenUseStore``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def save(self, uses: Mapping[str, datetime]) -> None:
        """Store uses; earlier ones than those stored are ignored."""
        tokens = sorted(uses)
        values = {"tokens": tokens, "times": [uses[token] for token in tokens]}
        try:
            async with self._engine.begin() as connection:
                await connection.execute(_SAVE, values)
        except UNREACHABLE as error:
            raise _not_stored(error) from error

    async def load(self) -> Mapping[str, datetime]:
        """Map the ids of tokens to their last uses."""
        try:
            async with self._engine.connect() as connection:
                rows = (await connection.execute(_LOAD)).all()
        except UNREACHABLE as error:
            raise _not_stored(error) from error
        return {row.token: row.used_at for row in rows}

    async def forget_orphans(self) -> None:
        """Delete the uses of tokens that are gone."""
        try:
            async with self._engine.begin() as connection:
                await connection.execute(_FORGET_ORPHANS)
        except UNREACHABLE as error:
            raise _not_stored(error) from error


def _not_stored(error: BaseException) -> NotSynced:
    return NotSynced(f"uses of tokens cannot be exchanged: {type(error).__name__}")
