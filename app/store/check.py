"""Whether allocations and Services agree, and how they are made to.

    objects, rows of allocations -> Findings -> (repair) rows that agree

A row without owner keeps an address from everybody; an owner without row can
lose its address to another.  Neither happens unless someone writes to the
tables by hand or restores them in parts.

Source: spec kubernetes-api 2.6.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.addresses import canonical
from app.domain.names import NamespacedName
from app.domain.objects.service import Service
from app.domain.snapshot import node_ports_of
from app.store.mapping import object_of
from app.store.tables import cluster_ips, counter, node_ports, objects


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One disagreement about an address or port; an owner of None is nobody."""

    value: str
    recorded: NamespacedName | None
    owner: NamespacedName | None

    def __str__(self) -> str:
        if self.recorded is None:
            return f"{self.value}: {self.owner} has it, and no allocation says so"
        if self.owner is None:
            return f"{self.value}: allocated to {self.recorded}, which does not have it"
        return f"{self.value}: allocated to {self.recorded}, but {self.owner} has it"


async def check(engine: AsyncEngine, *, repair: bool = False) -> tuple[Finding, ...]:
    """Find every disagreement, sorted; with ``repair``, make the rows follow the Services."""
    async with engine.begin() as connection:
        # Under the counter's lock nothing moves while it is looked at.
        await connection.execute(select(counter.c.revision).with_for_update())
        addresses, ports = await _owners(connection)
        findings = [
            *await _compare(connection, cluster_ips, "address", addresses, repair=repair),
            *await _compare(connection, node_ports, "port", ports, repair=repair),
        ]
    return tuple(sorted(findings))


_Owners = Mapping[str, NamespacedName]


async def _owners(connection: AsyncConnection) -> tuple[_Owners, _Owners]:
    addresses: dict[str, NamespacedName] = {}
    ports: dict[str, NamespacedName] = {}
    bodies = await connection.execute(select(objects.c.body).where(objects.c.kind == "Service"))
    for (body,) in bodies:
        service = object_of("Service", body)
        assert isinstance(service, Service)
        for address in service.addresses:
            addresses[address] = service.metadata.key
        for port in node_ports_of(service):
            ports[str(port)] = service.metadata.key
    return addresses, ports


async def _compare(
    connection: AsyncConnection, table: Table, column: str, owners: _Owners, *, repair: bool
) -> list[Finding]:
    rows = await connection.execute(select(table))
    recorded = {
        canonical(str(getattr(row, column))): NamespacedName(row.namespace, row.service)
        for row in rows
    }
    findings = [
        Finding(value, recorded.get(value), owners.get(value))
        for value in {*recorded, *owners}
        if recorded.get(value) != owners.get(value)
    ]
    if repair:
        for finding in findings:
            await _mend(connection, table, column, finding)
    return findings


async def _mend(connection: AsyncConnection, table: Table, column: str, finding: Finding) -> None:
    value = int(finding.value) if column == "port" else finding.value
    await connection.execute(delete(table).where(table.c[column] == value))
    if finding.owner is not None:
        row = {column: value, "namespace": finding.owner.namespace, "service": finding.owner.name}
        await connection.execute(insert(table), [row])
