"""Mapping between rows and values.

    row -> Object, Change          Change -> rows

A body is the wire form of an object, as ``app.schemas.objects.codec`` writes it, with fields
that the wire does not show added under separate names.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypedDict

from sqlalchemy import Row

from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.resources import resource_of
from app.schemas.objects.codec import decode_stored
from app.schemas.objects.encoding import stored_bytes


class ObjectRow(TypedDict):
    """A row of ``objects``."""

    kind: str
    namespace: str
    name: str
    uid: uuid.UUID
    revision: int
    body: str


class ChangeRow(TypedDict):
    """A row of ``changes``; ``ordinal`` counts within the revision."""

    revision: int
    ordinal: int
    kind: str
    before: str | None
    after: str | None


def body_of(registered: Object) -> str:
    """Write the stored body: the wire form, and fields that the wire does not show."""
    return stored_bytes(registered).decode()


def change_of(row: "Row[*tuple[Any, ...]]") -> Change:
    """Read a change from its row."""
    return Change(
        revision=Revision(row.revision),
        before=None if row.before is None else decode_stored(row.kind, row.before),
        after=None if row.after is None else decode_stored(row.kind, row.after),
    )


def object_rows(
    changes: Iterable[Change], body: Callable[[Object], str] = body_of
) -> list[ObjectRow]:
    """Write the rows of objects that exist after the changes; the last change counts."""
    rows: dict[tuple[str, str, str], ObjectRow] = {}
    for change in changes:
        place = (change.kind, change.key.namespace, change.key.name)
        rows.pop(place, None)
        if change.after is not None:
            rows[place] = _object_row(change.after, body)
    return list(rows.values())


def removed_rows(changes: Iterable[Change]) -> list[dict[str, str]]:
    """Give the keys of rows whose objects are deleted after the changes."""
    gone: dict[tuple[str, str, str], dict[str, str]] = {}
    for change in changes:
        place = (change.kind, change.key.namespace, change.key.name)
        gone.pop(place, None)
        if change.after is None:
            gone[place] = {
                "old_kind": place[0],
                "old_namespace": place[1],
                "old_name": place[2],
            }
    return list(gone.values())


def change_rows(
    changes: Iterable[Change], body: Callable[[Object], str] = body_of
) -> list[ChangeRow]:
    """Write the change-log rows, numbered within their revision."""
    rows: list[ChangeRow] = []
    for change in changes:
        last = rows[-1] if rows else None
        follows = last is not None and last["revision"] == change.revision
        rows.append(
            ChangeRow(
                revision=change.revision,
                ordinal=last["ordinal"] + 1 if last is not None and follows else 0,
                kind=change.kind,
                before=None if change.before is None else body(change.before),
                after=None if change.after is None else body(change.after),
            )
        )
    return rows


def addresses_held(registered: Object | None) -> set[str]:
    """List the cluster addresses that an object holds."""
    return set(_held(registered, "address"))


def ports_held(registered: Object | None) -> set[int]:
    """List the node ports that an object holds."""
    return {int(number) for number in _held(registered, "node-port")}


def _held(registered: Object | None, family: str) -> Iterator[str]:
    """List allocations of an object by its entries in the snapshot's index."""
    # A slice has hundreds of terms and allocates nothing; this is asked of both sides of a change.
    if registered is None or not (resource := resource_of(registered)).allocates:
        return iter(())
    return (term[1] for term in resource.index_terms(registered) if term[0] == family)


def _object_row(registered: Object, body: Callable[[Object], str]) -> ObjectRow:
    meta = registered.metadata
    return ObjectRow(
        kind=resource_of(registered).name,
        namespace=meta.namespace,
        name=meta.name,
        uid=uuid.UUID(meta.uid),
        revision=meta.revision,
        body=body(registered),
    )
