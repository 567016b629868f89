"""The table of leases: when each was last renewed, by the database's clock.

    heartbeats that one process received in a second -> one statement     leases -> seconds ago

All processes use that one clock: each writes and reads how long ago a lease was renewed.  When
the clock was set back, renewals in the future are set to the present.  Renewing changes no
key, so rows are updated in place.

Source: contract.md, "Objects", for leases.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.domain.errors import NotSynced
from app.domain.names import NamespacedName
from app.registry.leases.lease_tracker import Lease
from app.store.engine import UNREACHABLE

# Sorted by key, so that processes which save the same leases cannot deadlock.
_SAVE = text(
    """
    INSERT INTO leases AS known (kind, namespace, name, renewed_at)
    SELECT kind, namespace, name, clock_timestamp() - make_interval(secs => age_s)
    FROM unnest(
        CAST(:kinds AS text[]), CAST(:namespaces AS text[]), CAST(:names AS text[]),
        CAST(:ages_s AS float8[])
    ) AS heard (kind, namespace, name, age_s)
    ON CONFLICT (kind, namespace, name)
    DO UPDATE SET renewed_at =
        greatest(least(known.renewed_at, clock_timestamp()), excluded.renewed_at)
    """
)
_NAMED = """
    unnest(CAST(:kinds AS text[]), CAST(:namespaces AS text[]), CAST(:names AS text[]))
    AS named (kind, namespace, name)
"""
_AGE = "extract(epoch FROM clock_timestamp() - renewed_at)::float8 AS age_s"
_BRING_BACK = text(
    "UPDATE leases SET renewed_at = clock_timestamp() WHERE renewed_at > clock_timestamp()"
)
_LOAD = text(
    f"SELECT kind, namespace, name, {_AGE} "  # noqa: S608  fixed words of our own
    f"FROM leases JOIN {_NAMED} USING (kind, namespace, name)"
)
_LOAD_KIND = text(f"SELECT kind, namespace, name, {_AGE} FROM leases WHERE kind = :kind")  # noqa: S608
_FORGET = text(
    "DELETE FROM leases USING "  # noqa: S608
    + _NAMED
    + "WHERE (leases.kind, leases.namespace, leases.name)"
    " = (named.kind, named.namespace, named.name)"
)
_FORGET_ORPHANS = text(
    """
    DELETE FROM leases WHERE NOT EXISTS (
        SELECT FROM objects
        WHERE (objects.kind, objects.namespace, objects.name)
            = (leases.kind, leases.namespace, leases.name)
    )
    """
)


class PostgresLeases:
    """Leases of all processes; implements ``app.registry.ports.LeaseStore``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def save(self, ages_s: Mapping[Lease, float]) -> None:
        """Store when leases were renewed; see ``app.registry.ports.LeaseStore``."""
        leases = sorted(ages_s)
        await self._run(_SAVE, {**_columns(leases), "ages_s": [ages_s[lease] for lease in leases]})

    async def load(self, leases: Collection[Lease]) -> Mapping[Lease, float]:
        """Map leases to seconds since their renewal."""
        return await self._ages_s(_LOAD, _columns(leases))

    async def load_kind(self, kind: str) -> Mapping[Lease, float]:
        """Map all leases of a kind to seconds since their renewal."""
        return await self._ages_s(_LOAD_KIND, {"kind": kind})

    async def forget(self, leases: Collection[Lease]) -> None:
        """Delete leases."""
        await self._run(_FORGET, _columns(sorted(leases)))

    async def forget_orphans(self) -> None:
        """Delete the leases of objects that are not registered."""
        await self._run(_FORGET_ORPHANS, {})

    async def _ages_s(
        self, statement: TextClause, values: Mapping[str, object]
    ) -> Mapping[Lease, float]:
        await self._run(_BRING_BACK, {})
        return {
            Lease(row.kind, NamespacedName(row.namespace, row.name)): max(0.0, row.age_s)
            for row in await self._run(statement, values)
        }

    async def _run(self, statement: TextClause, values: Mapping[str, object]) -> list[Row[Any]]:
        try:
            async with self._engine.begin() as connection:
                result = await connection.execute(statement, dict(values))
                return list(result.all()) if result.returns_rows else []
        except UNREACHABLE as error:
            raise NotSynced(f"leases cannot be stored: {type(error).__name__}") from error


def _columns(leases: Collection[Lease]) -> dict[str, object]:
    return {
        "kinds": [lease.kind for lease in leases],
        "namespaces": [lease.key.namespace for lease in leases],
        "names": [lease.key.name for lease in leases],
    }
