"""Everything registered, in a file, and back.

    database -> header, then one object a line          (JSON, at one revision)
    the same lines -> database, as one new revision

Allocations are not written down: they follow from the Services, and are made
anew under the same constraints.  After a restore the history begins at the
restored revision, so that every process loads the state afresh.
"""

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.changes import Change
from app.domain.names import NamespacedName, Revision
from app.domain.objects.kinds import KINDS_BY_NAME, Object
from app.domain.objects.namespace import SYSTEM
from app.store.mapping import addresses_held, object_of, object_rows, ports_held
from app.store.saving import announce
from app.store.tables import changes, cluster_ips, counter, node_ports, objects

FORMAT = 1
KIND = "WaypostBackup"
ROWS_A_STATEMENT = 1_000


class NotARegistryBackup(ValueError):
    """The file is no backup, or one that this version cannot read."""


class NotEmpty(Exception):
    """There are objects that a restore would replace."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    revision: Revision
    objects: int


async def backup_lines(engine: AsyncEngine) -> AsyncGenerator[str, None]:
    """Read everything at one revision, while writes go on."""
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ")
        row = (await connection.execute(select(counter))).one()
        header = {
            "kind": KIND,
            "format": FORMAT,
            "revision": row.revision,
            "cursors": row.cursors,
        }
        yield json.dumps(header)
        ordered = select(objects.c.kind, objects.c.body).order_by(
            objects.c.kind, objects.c.namespace, objects.c.name
        )
        result = await connection.stream(ordered)
        async for kind, body in result:
            yield json.dumps({"kind": kind, "body": body})
        await connection.rollback()


async def restore(engine: AsyncEngine, lines: Iterable[str], *, replace: bool) -> Restored:
    """Put a backup in place of what is there, in one transaction.

    Raises NotEmpty when something would be lost and ``replace`` is not given,
    NotARegistryBackup when the lines are none.
    """
    reading = iter(lines)
    header = _header(reading)
    restored = list(_objects(reading))
    async with engine.begin() as connection:
        current = (await connection.execute(select(counter).with_for_update())).one()
        if not replace and await _holds_anything(connection):
            raise NotEmpty("the registry holds objects already: --replace puts the backup instead")
        for table in (objects, changes, cluster_ips, node_ports):
            await connection.execute(delete(table))
        revision = Revision(max(current.revision, int(header["revision"])) + 1)
        added = [Change(revision=revision, before=None, after=each) for each in restored]
        rows = object_rows(added)
        for first in range(0, len(rows), ROWS_A_STATEMENT):
            await connection.execute(insert(objects), rows[first : first + ROWS_A_STATEMENT])
        for table, column, held in (
            (cluster_ips, "address", addresses_held),
            (node_ports, "port", ports_held),
        ):
            if allocations := _allocations(restored, column, held):
                await connection.execute(insert(table), allocations)
        await connection.execute(
            update(counter).values(
                revision=revision, compacted=revision, cursors=header.get("cursors", {})
            )
        )
        await announce(connection, revision)
    return Restored(revision, len(restored))


def _header(lines: Iterator[str]) -> dict[str, Any]:
    try:
        header = cast("object", json.loads(next(lines, "")))
    except ValueError as error:
        raise NotARegistryBackup("the first line is no JSON") from error
    match header:
        case {"kind": "WaypostBackup", "format": 1, "revision": int()}:
            return cast("dict[str, Any]", header)
        case {"kind": "WaypostBackup"}:
            raise NotARegistryBackup("the backup is of another format than this version reads")
        case _:
            raise NotARegistryBackup("the file is not a backup of a registry")


def _objects(lines: Iterator[str]) -> Iterator[Object]:
    for number, line in enumerate(lines, start=2):
        try:
            entry = cast("object", json.loads(line))
        except ValueError as error:
            raise NotARegistryBackup(f"line {number} is no JSON") from error
        match entry:
            case {"kind": str(kind), "body": str(body)} if kind in KINDS_BY_NAME:
                yield object_of(kind, body)
            case _:
                raise NotARegistryBackup(f"line {number} is not an object")


def _allocations(
    restored: Iterable[Object], column: str, held: Callable[[Object], Iterable[str | int]]
) -> list[dict[str, str | int]]:
    return [
        {column: value, "namespace": key.namespace, "service": key.name}
        for registered in restored
        for key in (registered.metadata.key,)
        for value in held(registered)
    ]


async def _holds_anything(connection: AsyncConnection) -> bool:
    """Whether there is more than what every registry begins with."""
    rows = await connection.execute(select(objects.c.kind, objects.c.namespace, objects.c.name))
    given = {("Namespace", NamespacedName("", name)) for name in ("default", SYSTEM)}
    return any(
        row.kind != "ServiceCIDR"
        and row.namespace != SYSTEM
        and (row.kind, NamespacedName(row.namespace, row.name)) not in given
        for row in rows
    )
