"""The writes of a commit: allocations, objects, the log, the counter, and the notification.

    changes of one batch -> one statement, which can be the whole transaction

Source: style.md 2.
"""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import zip_longest
from typing import TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.changes import Change, is_light
from app.domain.names import NamespacedName, Revision
from app.domain.objects.resource import Object
from app.registry.threads import in_thread
from app.store.engine import driver_of
from app.store.mapping import Row, addresses_held, change_rows, object_row, ports_held
from app.telemetry.tracing import span

CHANNEL = "waypost"  # of notifications
SAVE_S_MAX = 10.0  # seconds for one statement, and for the commit
OCTETS_A_PART = 1 << 20  # of a table's texts in one statement, about ten ms
WRITTEN_AT_ONCE_OCTETS = 1_000_000
"""Roughly the size of changes whose rows are made in the event loop, in under ten milliseconds: a
batch of status reports of Pods, each with its slice.  A thread would compete with the loop."""
_ORIGINS: WeakKeyDictionary[AsyncEngine, str] = WeakKeyDictionary()


def origin_of(engine: AsyncEngine) -> str:
    """Give the id of this process in notifications, so that it ignores its own."""
    return _ORIGINS.setdefault(engine, uuid.uuid4().hex)


async def save(
    connection: AsyncConnection,
    decided: Sequence[Change],
    cursors: Mapping[str, int],
    *,
    after: Revision,
) -> bool:
    """Write changes that follow the revision ``after``; the last has the new one.

    Says whether they were written: nothing is written when the counter has another revision.
    Outside of an open transaction it uses its own, and commits it.
    Raises asyncpg.UniqueViolationError when an address or a port has another holder,
    TimeoutError when the database takes longer than ``SAVE_S_MAX`` for a part.
    """
    latest = decided[-1].revision
    is_small = is_light(decided, WRITTEN_AT_ONCE_OCTETS)
    parts = _written(decided) if is_small else await in_thread(_written, decided)
    texts = json.dumps(dict(cursors)), f"{latest} {origin_of(connection.engine)}"
    driver = await driver_of(connection)
    async with AsyncExitStack() as stack:
        stack.enter_context(span("save"))
        if len(parts) > 1 and not driver.is_in_transaction():
            await stack.enter_async_context(driver.transaction())
        for number, part in enumerate(parts, 1):
            # The last part updates the counter.
            reached = latest if number == len(parts) else after
            # By the driver directly, for speed: every write passes here.
            async with asyncio.timeout(SAVE_S_MAX):
                saved = await driver.fetch(_SAVE, after, reached, *texts, *part)
            if not saved[0][0]:
                return False
    return True


_Part = list[list[object]]  # columns, in the order of ``_ROWS``


def _written(decided: Sequence[Change]) -> list[_Part]:
    """Make the rows of changes, in parts: the driver encodes each part without a pause.

    Every part has a piece of the two large tables; the rest is in the last.
    """
    logged = change_rows(decided)
    # Of several changes to an object the last counts.
    last = {
        (change.kind, change.key): (change.after, row["after"])
        for change, row in zip(decided, logged, strict=True)
    }
    kept = [object_row(after, body) for after, body in last.values() if after is not None]
    gone = [
        {"old_kind": kind, "old_namespace": key.namespace, "old_name": key.name}
        for (kind, key), (after, _) in last.items()
        if after is None
    ]
    rest = [
        *_columns("gone", gone),
        *_moved(moves(decided, addresses_held)),
        *_moved(moves(decided, ports_held)),
    ]
    pieces = zip_longest(
        _pieces(kept, "body"), _pieces(logged, "before", "after"), fillvalue=list[Row]()
    )
    parts: list[_Part] = [
        [*_columns("kept", objects), *_columns("logged", log), *([] for _ in rest)]
        for objects, log in pieces
    ]
    parts[-1][-len(rest) :] = rest
    return parts


def _pieces(rows: Sequence[Row], *texts: str) -> list[list[Row]]:
    """Cut rows where their texts exceed one part."""
    pieces: list[list[Row]] = [[]]
    octets = 0
    for row in rows:
        weight = sum(len(str(row[text] or "")) for text in texts)
        if octets and octets + weight > OCTETS_A_PART:
            pieces.append([])
            octets = 0
        pieces[-1].append(row)
        octets += weight
    return pieces


_Held = TypeVar("_Held", str, int)


def moves(
    decided: Sequence[Change], held: Callable[[Object | None], set[_Held]]
) -> tuple[list[tuple[_Held, NamespacedName]], dict[_Held, NamespacedName]]:
    """List released values with their former holder, and map taken values to their new one."""
    released: list[tuple[_Held, NamespacedName]] = []
    taken: dict[_Held, NamespacedName] = {}
    for change in decided:
        before, after = held(change.before), held(change.after)
        if not (before or after):
            continue
        released.extend((value, change.key) for value in sorted(before - after))
        for value in before - after:
            if taken.get(value) == change.key:
                del taken[value]
        taken.update(dict.fromkeys(sorted(after - before), change.key))
    return released, taken


def _columns(rows_of: str, rows: Sequence[Row]) -> list[list[object]]:
    return [[row[name] for row in rows] for name, _ in _ROWS[rows_of]]


def _moved(
    moved: tuple[list[tuple[_Held, NamespacedName]], dict[_Held, NamespacedName]],
) -> list[list[object]]:
    released, taken = moved
    columns: list[list[object]] = []
    for pairs in (released, taken.items()):
        columns.append([value for value, _ in pairs])
        columns.append([key.namespace for _, key in pairs])
        columns.append([key.name for _, key in pairs])
    return columns


_ROWS = {
    "kept": (
        *(("kind", "text"), ("namespace", "text"), ("name", "text")),
        *(("uid", "uuid"), ("revision", "bigint"), ("body", "text")),
    ),
    "logged": (
        *(("revision", "bigint"), ("ordinal", "integer"), ("kind", "text")),
        *(("before", "text"), ("after", "text")),
    ),
    "gone": (("old_kind", "text"), ("old_namespace", "text"), ("old_name", "text")),
    **dict.fromkeys(
        ("ips_released", "ips_taken"),
        (("address", "text"), ("namespace", "text"), ("service", "text")),
    ),
    **dict.fromkeys(
        ("ports_released", "ports_taken"),
        (("port", "integer"), ("namespace", "text"), ("service", "text")),
    ),
}
_SCALARS = 4  # parameters before the arrays


def _arrays() -> dict[str, str]:
    """Write an array parameter for each column, numbered after the scalars."""
    texts: dict[str, str] = {}
    number = _SCALARS
    for name, columns in _ROWS.items():
        arrays: list[str] = []
        for _, type_ in columns:
            number += 1
            arrays.append(f"${number}::{type_}[]")
        names = ", ".join(column for column, _ in columns)
        texts[name] = f"unnest({', '.join(arrays)}) AS row ({names})"
    return texts


_GIVEN = _arrays()
# Rows are passed as arrays, one a column, so that any number uses the same statement.  The lock
# comes first; a process that waited for it reads the counter again, and finds it changed.
# Allocations wait for releases, as one address may be in both.  Only the holder's own row is
# released, so that a row of an unknown holder is not lost.
_SAVE = f"""
    WITH current AS (
        SELECT FROM counter WHERE revision = $1::bigint FOR UPDATE
    ), kept AS (
        INSERT INTO objects (kind, namespace, name, uid, revision, body)
        SELECT * FROM {_GIVEN["kept"]} WHERE EXISTS (SELECT FROM current)
        ON CONFLICT (kind, namespace, name) DO UPDATE
        SET uid = excluded.uid, revision = excluded.revision, body = excluded.body
    ), gone AS (
        DELETE FROM objects USING {_GIVEN["gone"]}
        WHERE (objects.kind, objects.namespace, objects.name)
            = (row.old_kind, row.old_namespace, row.old_name)
        AND EXISTS (SELECT FROM current)
    ), logged AS (
        INSERT INTO changes (revision, ordinal, kind, before, after)
        SELECT * FROM {_GIVEN["logged"]} WHERE EXISTS (SELECT FROM current)
    ), ips_released AS (
        DELETE FROM cluster_ips AS held USING {_GIVEN["ips_released"]}
        WHERE (held.address, held.namespace, held.service)
            = (row.address::inet, row.namespace, row.service)
        AND EXISTS (SELECT FROM current)
        RETURNING 1
    ), ips_taken AS (
        INSERT INTO cluster_ips (address, namespace, service)
        SELECT row.address::inet, row.namespace, row.service FROM {_GIVEN["ips_taken"]}
        WHERE EXISTS (SELECT FROM current) AND (SELECT count(*) FROM ips_released) >= 0
    ), ports_released AS (
        DELETE FROM node_ports AS held USING {_GIVEN["ports_released"]}
        WHERE (held.port, held.namespace, held.service) = (row.port, row.namespace, row.service)
        AND EXISTS (SELECT FROM current)
        RETURNING 1
    ), ports_taken AS (
        INSERT INTO node_ports (port, namespace, service)
        SELECT * FROM {_GIVEN["ports_taken"]}
        WHERE EXISTS (SELECT FROM current) AND (SELECT count(*) FROM ports_released) >= 0
    ), counted AS (
        UPDATE counter SET revision = $2::bigint, cursors = $3::text::json
        WHERE EXISTS (SELECT FROM current)
    )
    SELECT count(pg_notify('{CHANNEL}', $4)) FROM current
"""  # noqa: S608  fixed words of our own
