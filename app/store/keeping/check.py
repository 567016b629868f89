"""Check and repair of allocations against Services.

    objects, rows of allocations -> Findings -> (repair) consistent rows

A row without an owner blocks its address; an owner without a row can lose its address to
another Service.  Both happen only when the tables are edited by hand or restored in parts.

Source: spec kubernetes-api 2.6.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.addresses import canonical
from app.domain.names import NamespacedName
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot
from app.schemas.objects.codec import decode_stored
from app.store.loading import load_kinds
from app.store.tables import cluster_ips, counter, node_ports, objects


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One inconsistency of an address or port; ``owner`` is None when no Service has it."""

    value: str
    recorded: NamespacedName | None
    owner: NamespacedName | None

    def __str__(self) -> str:
        if self.recorded is None:
            return f"{self.value}: {self.owner} has it, and no allocation says so"
        if self.owner is None:
            return f"{self.value}: allocated to {self.recorded}, which does not have it"
        return f"{self.value}: allocated to {self.recorded}, but {self.owner} has it"


async def check(engine: AsyncEngine, known: Snapshot | None = None) -> tuple[Finding, ...]:
    """Find every inconsistency, sorted, in one consistent read that blocks no writers.

    Services are those of the ``known`` state, as long as the database is at its revision.
    """
    owners: dict[_Kept, dict[str, NamespacedName]] = {_ADDRESSES: {}, _PORTS: {}}
    async with engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
        for service in await _services(connection, known):
            for kept, owned in owners.items():
                owned.update(dict.fromkeys(kept.held(service), service.metadata.key))
        found = [
            finding
            for kept, owned in owners.items()
            for finding in await _compared(connection, kept, owned)
        ]
        await connection.rollback()
    return tuple(sorted(found))


async def repair(engine: AsyncEngine, findings: Iterable[Finding]) -> None:
    """Correct the rows that ``check`` found, to agree with the Services.

    Each is checked again under the counter's lock; rows that a write has changed since stay.
    """
    async with engine.begin() as connection:
        await connection.execute(select(counter.c.revision).with_for_update())
        for finding in findings:
            kept = _PORTS if finding.value.isdecimal() else _ADDRESSES
            await _repair(connection, kept, finding)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table of allocations, and the values of its column that a Service holds."""

    table: Table
    column: str
    held: Callable[[Service], Iterable[str]]

    def value(self, text: str) -> str | int:
        """Give a value the type of its column."""
        return int(text) if self.table is node_ports else text


_ADDRESSES = _Kept(cluster_ips, "address", lambda service: service.addresses)
_PORTS = _Kept(node_ports, "port", lambda service: map(str, service.node_ports))


async def _services(connection: AsyncConnection, known: Snapshot | None) -> Iterable[Service]:
    revision = (await connection.execute(select(counter.c.revision))).scalar_one()
    if known is None or known.revision != revision:
        known = await load_kinds(connection, ["Service"])
    return known.services.values()


async def _compared(
    connection: AsyncConnection, kept: _Kept, owners: Mapping[str, NamespacedName]
) -> list[Finding]:
    rows = await connection.execute(select(kept.table))
    recorded = {
        canonical(str(getattr(row, kept.column))): NamespacedName(row.namespace, row.service)
        for row in rows
    }
    return [
        Finding(value, recorded.get(value), owners.get(value))
        for value in {*recorded, *owners}
        if recorded.get(value) != owners.get(value)
    ]


async def _repair(connection: AsyncConnection, kept: _Kept, found: Finding) -> None:
    """Correct one row, unless a write since has changed the row or the owner."""
    is_value = kept.table.c[kept.column] == kept.value(found.value)
    row = (await connection.execute(select(kept.table).where(is_value))).first()
    recorded = None if row is None else NamespacedName(row.namespace, row.service)
    if recorded != found.recorded or not await _still_owns(connection, kept, found):
        return
    await connection.execute(delete(kept.table).where(is_value))
    if found.owner is not None:
        owner = {"namespace": found.owner.namespace, "service": found.owner.name}
        value = {kept.column: kept.value(found.value)}
        await connection.execute(insert(kept.table), [{**value, **owner}])


async def _still_owns(connection: AsyncConnection, kept: _Kept, found: Finding) -> bool:
    """Whether the Service that had a value still has it; true when there was none."""
    if found.owner is None:
        return True
    body = await connection.scalar(
        select(objects.c.body).where(
            objects.c.kind == "Service",
            objects.c.namespace == found.owner.namespace,
            objects.c.name == found.owner.name,
        )
    )
    service = None if body is None else decode_stored("Service", body)
    return isinstance(service, Service) and found.value in kept.held(service)
