"""Mapping between rows and values.

    row -> Change          Object, Change -> rows

A body is the wire form of an object, as ``app.schemas.objects.codec`` writes it, with fields
that the wire does not show added under separate names.
"""

import uuid
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.resources import resource_of
from app.schemas.objects.codec import decode_stored
from app.schemas.objects.encoding import stored_bytes
from app.store.tables import AnyRow

Row = dict[str, Any]
"""Values by column."""


def body_of(registered: Object) -> str:
    """Write the stored body: the wire form, and fields that the wire does not show."""
    return stored_bytes(registered).decode()


Known = dict[str, Object]
"""Objects by their stored bodies: an object is decoded once, and kept in memory once."""


def change_of(row: AnyRow, known: Known) -> Change:
    """Read a change from its row, with objects that are ``known``, to which the others are added.

    What is before a change is mostly what was after an earlier one.
    """
    return Change(
        revision=Revision(row.revision),
        before=_known(row.kind, row.before, known),
        after=_known(row.kind, row.after, known),
    )


def _known(kind: str, body: str | None, known: Known) -> Object | None:
    if body is None:
        return None
    found = known.get(body)
    if found is None:
        found = known[body] = decode_stored(kind, body)
    return found


def object_row(registered: Object, body: str) -> Row:
    """Write the row of an object with its stored body."""
    meta = registered.metadata
    return {
        "kind": resource_of(registered).name,
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": uuid.UUID(meta.uid),
        "revision": meta.revision,
        "body": body,
    }


def change_rows(changes: Iterable[Change]) -> list[Row]:
    """Write the change-log rows, numbered within their revision."""
    return [
        {
            "revision": revision,
            "ordinal": ordinal,
            "kind": change.kind,
            "before": None if change.before is None else body_of(change.before),
            "after": None if change.after is None else body_of(change.after),
        }
        for revision, changed in groupby(changes, key=lambda change: change.revision)
        for ordinal, change in enumerate(changed)
    ]


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
