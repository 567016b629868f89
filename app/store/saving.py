"""What a commit writes: allocations, objects, the log, the counter, and the word that it did.

    changes of one batch -> statements, each skipped when it has no rows

The order matters to nobody but those who test what happens between two of them.
Source: style.md 2.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.changes import Change
from app.domain.names import NamespacedName, Revision
from app.domain.objects.kinds import Object
from app.store.mapping import (
    addresses_held,
    change_rows,
    object_rows,
    ports_held,
    removed_rows,
)
from app.store.tables import changes, cluster_ips, counter, node_ports, objects

CHANNEL = "waypost"  # of the notifications


async def save(
    connection: AsyncConnection, decided: Sequence[Change], cursors: Mapping[str, int]
) -> None:
    """Write changes, the last of which bears the new revision."""
    await save_allocations(connection, decided)
    if gone := removed_rows(decided):
        await connection.execute(_DELETE_OBJECT, gone)
    if kept := object_rows(decided):
        await connection.execute(_UPSERT_OBJECT, kept)
    await connection.execute(insert(changes), change_rows(decided))
    revision = decided[-1].revision
    await connection.execute(update(counter).values(revision=revision, cursors=dict(cursors)))
    await announce(connection, revision)


async def announce(connection: AsyncConnection, revision: Revision) -> None:
    """Tell every process, once this transaction is committed, that there is a revision."""
    await connection.execute(select(func.pg_notify(CHANNEL, str(revision))))


async def save_allocations(connection: AsyncConnection, decided: Sequence[Change]) -> None:
    """Move addresses and ports to their new holders; the primary keys refuse a second one.

    Only a holder's own row is taken away, so that one nobody knows of is not lost.
    """
    for (released, taken), release, table, column in (
        (_moves(decided, addresses_held), _RELEASE_IP, cluster_ips, "address"),
        (_moves(decided, ports_held), _RELEASE_PORT, node_ports, "port"),
    ):
        if released:
            gone = [
                {"old": value, "old_namespace": key.namespace, "old_service": key.name}
                for value, key in released
            ]
            await connection.execute(release, gone)
        if taken:
            rows = [
                {column: value, "namespace": holder.namespace, "service": holder.name}
                for value, holder in taken.items()
            ]
            await connection.execute(insert(table), rows)


_Held = TypeVar("_Held", str, int)


def _moves(
    decided: Sequence[Change], held: Callable[[Object | None], set[_Held]]
) -> tuple[list[tuple[_Held, NamespacedName]], dict[_Held, NamespacedName]]:
    """Say who let go of what, and who holds, in the end, what was taken."""
    released: list[tuple[_Held, NamespacedName]] = []
    taken: dict[_Held, NamespacedName] = {}
    for change in decided:
        before, after = held(change.before), held(change.after)
        released.extend((value, change.key) for value in sorted(before - after))
        for value in before - after:
            if taken.get(value) == change.key:
                del taken[value]
        taken.update(dict.fromkeys(sorted(after - before), change.key))
    return released, taken


_DELETE_OBJECT = delete(objects).where(
    objects.c.kind == bindparam("old_kind"),
    objects.c.namespace == bindparam("old_namespace"),
    objects.c.name == bindparam("old_name"),
)
_OBJECT = insert(objects)
_UPSERT_OBJECT = _OBJECT.on_conflict_do_update(
    index_elements=[objects.c.kind, objects.c.namespace, objects.c.name],
    set_={
        "uid": _OBJECT.excluded.uid,
        "revision": _OBJECT.excluded.revision,
        "body": _OBJECT.excluded.body,
    },
)
_RELEASE_IP = delete(cluster_ips).where(
    cluster_ips.c.address == bindparam("old"),
    cluster_ips.c.namespace == bindparam("old_namespace"),
    cluster_ips.c.service == bindparam("old_service"),
)
_RELEASE_PORT = delete(node_ports).where(
    node_ports.c.port == bindparam("old"),
    node_ports.c.namespace == bindparam("old_namespace"),
    node_ports.c.service == bindparam("old_service"),
)
