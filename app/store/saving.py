"""What a commit writes: allocations, objects, the log, the counter, and the word that it did.

    changes of one batch -> allocations, if any moved -> one statement for all the rest

Most writes move no allocation: they cost the lock, this statement and the commit.
Source: style.md 2.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

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
from app.store.tables import cluster_ips, node_ports

CHANNEL = "waypost"  # of the notifications
_VOICES: WeakKeyDictionary[AsyncEngine, str] = WeakKeyDictionary()


def voice_of(engine: AsyncEngine) -> str:
    """Name who speaks through an engine: whoever commits need not listen to itself."""
    return _VOICES.setdefault(engine, uuid.uuid4().hex)


async def save(
    connection: AsyncConnection, decided: Sequence[Change], cursors: Mapping[str, int]
) -> None:
    """Write changes, the last of which bears the new revision."""
    await save_allocations(connection, decided)
    kept, gone, log = object_rows(decided), removed_rows(decided), change_rows(decided)
    columns = {
        **{f"kept_{name}": [row[name] for row in kept] for name in _KEPT},
        **{f"gone_{name}": [row[f"old_{name}"] for row in gone] for name in _GONE},
        **{f"log_{name}": [row[name] for row in log] for name in _LOG},
    }
    latest = decided[-1].revision
    word = f"{latest} {voice_of(connection.engine)}"
    values = {"latest": latest, "cursors": json.dumps(dict(cursors)), "word": word}
    await connection.execute(_SAVE, {**columns, **values})


async def announce(connection: AsyncConnection, revision: Revision) -> None:
    """Tell every process, once this transaction is committed, that there is a revision."""
    await connection.execute(select(func.pg_notify(CHANNEL, str(revision))))


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
_GONE = ("kind", "namespace", "name")
_LOG = ("revision", "ordinal", "kind", "before", "after")
# Rows as arrays, one a column: however many there are, it is the same statement.
_SAVE = text(
    f"""
    WITH kept AS (
        INSERT INTO objects (kind, namespace, name, uid, revision, body)
        SELECT * FROM unnest(
            CAST(:kept_kind AS text[]), CAST(:kept_namespace AS text[]),
            CAST(:kept_name AS text[]), CAST(:kept_uid AS uuid[]),
            CAST(:kept_revision AS bigint[]), CAST(:kept_body AS text[])
        )
        ON CONFLICT (kind, namespace, name) DO UPDATE
        SET uid = excluded.uid, revision = excluded.revision, body = excluded.body
    ), gone AS (
        DELETE FROM objects USING unnest(
            CAST(:gone_kind AS text[]), CAST(:gone_namespace AS text[]), CAST(:gone_name AS text[])
        ) AS old (kind, namespace, name)
        WHERE (objects.kind, objects.namespace, objects.name)
            = (old.kind, old.namespace, old.name)
    ), logged AS (
        INSERT INTO changes (revision, ordinal, kind, before, after)
        SELECT * FROM unnest(
            CAST(:log_revision AS bigint[]), CAST(:log_ordinal AS integer[]),
            CAST(:log_kind AS text[]), CAST(:log_before AS text[]), CAST(:log_after AS text[])
        )
    ), counted AS (
        UPDATE counter SET revision = CAST(:latest AS bigint), cursors = CAST(:cursors AS json)
    )
    SELECT pg_notify('{CHANNEL}', :word)
    """  # noqa: S608  a fixed word of our own
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
