"""What a commit writes: allocations, objects, the log, the counter, and the word that it did.

    changes of one batch -> allocations, if any moved -> one statement for all the rest

Most writes move no allocation: for them this statement can be the whole transaction.
Source: style.md 2.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.changes import Change
from app.domain.names import NamespacedName, Revision
from app.domain.objects.kinds import Object
from app.store.engine import driver_of
from app.store.mapping import (
    addresses_held,
    body_of,
    change_rows,
    object_rows,
    ports_held,
    removed_rows,
)
from app.store.tables import cluster_ips, node_ports

CHANNEL = "waypost"  # of the notifications
_VOICES: WeakKeyDictionary[AsyncEngine, str] = WeakKeyDictionary()


def voice_of(engine: AsyncEngine) -> str:
    """Name who speaks through an engine: whoever commits need not listen to itself."""
    return _VOICES.setdefault(engine, uuid.uuid4().hex)


async def save(
    connection: AsyncConnection,
    decided: Sequence[Change],
    cursors: Mapping[str, int],
    *,
    after: Revision,
) -> bool:
    """Write changes that follow the revision ``after``; the last bears the new one.

    Says whether they were written: nothing is when the counter stands elsewhere.
    Allocations are written before, by ``save_allocations``.  Without a transaction
    that is open already, this is one of its own, and committed.
    """
    body = _Bodies()
    kept, gone = object_rows(decided, body), removed_rows(decided)
    log, latest = change_rows(decided, body), decided[-1].revision
    driver = await driver_of(connection)
    saved = await driver.fetch(  # straight from the driver: every write passes here
        _SAVE,
        *([row[name] for row in kept] for name in _KEPT),
        *([row[name] for row in gone] for name in _GONE),
        *([row[name] for row in log] for name in _LOG),
        latest,
        json.dumps(dict(cursors)),
        f"{latest} {voice_of(connection.engine)}",
        after,
    )
    return bool(saved[0][0])


class _Bodies:
    """Writes the body of an object once, though both the object's row and the log want it."""

    def __init__(self) -> None:
        self._written: dict[int, str] = {}

    def __call__(self, registered: Object) -> str:
        # The changes hold the objects for as long as this lives, so no id is used twice.
        body = self._written.get(id(registered))
        if body is None:
            body = self._written[id(registered)] = body_of(registered)
        return body


async def announce(connection: AsyncConnection, revision: Revision) -> None:
    """Tell every process, once this transaction is committed, that there is a revision."""
    await connection.execute(select(func.pg_notify(CHANNEL, str(revision))))


def moves_allocations(decided: Sequence[Change]) -> bool:
    """Whether any address or port changes hands, be it from or to nobody."""
    return any(
        released or taken
        for released, taken in (moves(decided, addresses_held), moves(decided, ports_held))
    )


async def save_allocations(connection: AsyncConnection, decided: Sequence[Change]) -> None:
    """Move addresses and ports to their new holders; the primary keys refuse a second one.

    Only a holder's own row is taken away, so that one nobody knows of is not lost.
    """
    for (released, taken), release, table, column in (
        (moves(decided, addresses_held), _RELEASE_IP, cluster_ips, "address"),
        (moves(decided, ports_held), _RELEASE_PORT, node_ports, "port"),
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


def moves(
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


_KEPT = ("kind", "namespace", "name", "uid", "revision", "body")
_GONE = ("old_kind", "old_namespace", "old_name")
_LOG = ("revision", "ordinal", "kind", "before", "after")
# Rows as arrays, one a column: however many there are, it is the same statement.  The lock comes
# first; whoever has waited for it looks at the counter again, and finds it elsewhere.
_SAVE = f"""
    WITH current AS (
        SELECT FROM counter WHERE revision = $18::bigint FOR UPDATE
    ), kept AS (
        INSERT INTO objects (kind, namespace, name, uid, revision, body)
        SELECT * FROM unnest(
            $1::text[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::text[]
        )
        WHERE EXISTS (SELECT FROM current)
        ON CONFLICT (kind, namespace, name) DO UPDATE
        SET uid = excluded.uid, revision = excluded.revision, body = excluded.body
    ), gone AS (
        DELETE FROM objects
        USING unnest($7::text[], $8::text[], $9::text[]) AS old (kind, namespace, name)
        WHERE (objects.kind, objects.namespace, objects.name)
            = (old.kind, old.namespace, old.name)
        AND EXISTS (SELECT FROM current)
    ), logged AS (
        INSERT INTO changes (revision, ordinal, kind, before, after)
        SELECT * FROM unnest(
            $10::bigint[], $11::integer[], $12::text[], $13::text[], $14::text[]
        )
        WHERE EXISTS (SELECT FROM current)
    ), counted AS (
        UPDATE counter SET revision = $15::bigint, cursors = $16::text::json
        WHERE EXISTS (SELECT FROM current)
    )
    SELECT count(pg_notify('{CHANNEL}', $17)) FROM current
"""  # noqa: S608  a fixed word of our own
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
