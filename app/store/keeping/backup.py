"""Backup and restore of a registry, as lines of a file.

    database -> header, one object a line, end          (JSON, at one revision)
    the same lines -> contents of a backup -> database, as one new revision

The end has the number of objects and the SHA-256 of all lines before it, so that a truncated or
damaged file is detected.  Allocations are not in the file: they follow from the Services, and
are made again under the same constraints.  Objects of internal kinds, such as tokens, are not in
it either, and a restore keeps those of the database: an old backup brings back no revoked token.
After a restore the history begins at the restored revision, so that every process loads the state
again.
"""

import hashlib
import json
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.access.default_roles import default_roles
from app.domain.addresses import parse_prefix
from app.domain.errors import DomainError
from app.domain.names import Revision, label_problems, path_segment_problems
from app.domain.objects.namespace import DEFAULT_NAMESPACE, SYSTEM
from app.domain.objects.resource import Object
from app.domain.objects.service_cidr import SERVICE_CIDR
from app.domain.registration.service.allocator import NODE_PORTS_CURSOR
from app.domain.resources import APPLIED, resource_of
from app.schemas.objects.codec import decode_stored
from app.store.loading import stored_objects
from app.store.mapping import addresses_held, body_of, object_row, ports_held
from app.store.saving import CHANNEL
from app.store.tables import changes, cluster_ips, counter, node_ports, objects

FORMAT = 2
KIND, END_KIND = "WaypostBackup", "WaypostBackupEnd"
ROWS_A_STATEMENT = 500
LINE_OCTETS_MAX = 16 << 20  # the API accepts no larger object
REVISION_MAX = (1 << 63) - 1  # maximum of the counter
_CURSOR_MAX = 1 << 128  # after the last IPv6 address
_KINDS = frozenset(kind.name for kind in APPLIED)

Filled = Sequence[tuple[Table, Sequence[Mapping[str, Any]]]]
"""Rows by their table."""


class NotARegistryBackup(ValueError):
    """The file is not a backup, is damaged, or has a format that this version cannot read."""


class WouldLose(ValueError):
    """A restore would delete more than was allowed; the message names the option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Contents of a valid backup."""

    revision: Revision
    cursors: Mapping[str, int]
    objects: tuple[Object, ...]


async def backup_lines(engine: AsyncEngine) -> AsyncGenerator[bytes, None]:
    """Read everything at one revision, while writes go on; the last line has the checksum."""
    digest, count = hashlib.sha256(), 0
    async with engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
        at = (await connection.execute(select(counter))).one()
        header = _line(kind=KIND, format=FORMAT, revision=at.revision, cursors=at.cursors)
        digest.update(header)
        yield header
        async for row in stored_objects(connection, sorted(_KINDS)):
            line = _line(kind=row.kind, body=row.body)
            digest.update(line)
            count += 1
            yield line
        await connection.rollback()
    yield _line(kind=END_KIND, objects=count, sha256=digest.hexdigest())


def read_backup(lines: Iterable[bytes]) -> Contents:
    """Read a whole backup, and check that it can be the state of a registry.

    ``lines`` end with their newline and are at most ``LINE_OCTETS_MAX`` long.  Raises
    NotARegistryBackup with the first line that is invalid.
    """
    numbered = enumerate(lines, start=1)
    digest, count = hashlib.sha256(), 0
    number, line = next(numbered, (1, b""))
    header = _header(_entry(number, line))
    digest.update(line)
    found: list[Object] = []
    end: Mapping[str, Any] | None = None
    for number, line in numbered:
        if end is not None:
            raise NotARegistryBackup(f"line {number} is after the end")
        entry = _entry(number, line)
        if entry.get("kind") == END_KIND:
            end = entry
            continue
        digest.update(line)
        count += 1
        found.append(_object(number, entry, upto=header.revision))
    if end is None:
        raise NotARegistryBackup("the end is missing: the file was cut off")
    if (end.get("objects"), end.get("sha256")) != (count, digest.hexdigest()):
        raise NotARegistryBackup("the file is damaged: its checksum does not match")
    _require_distinct(found)
    return Contents(revision=header.revision, cursors=header.cursors, objects=tuple(found))


async def restore(
    engine: AsyncEngine,
    contents: Contents,
    *,
    replace: bool,
    loses_all: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Revision:
    """Replace the registry by a backup, in one transaction; returns its revision.

    ``tell`` is called with words on how far it is.

    Raises WouldLose when objects would be replaced without ``replace``, or everything or
    every range would be lost without ``loses_all``.
    """
    if not loses_all:
        _require_something(contents)
    # Before the transaction, which must not be idle.
    filled: Filled = (
        (objects, [object_row(each, body_of(each)) for each in contents.objects]),
        (cluster_ips, _allocations(contents.objects, "address", addresses_held)),
        (node_ports, _allocations(contents.objects, "port", ports_held)),
    )
    async with engine.begin() as connection:
        current = (await connection.execute(select(counter).with_for_update())).one()
        if not replace and await _holds_anything(connection):
            raise WouldLose("the registry has objects already: --replace restores over them")
        await connection.execute(delete(objects).where(objects.c.kind.in_(_KINDS)))
        for table in (changes, cluster_ips, node_ports):
            await connection.execute(delete(table))
        await _insert(connection, filled, tell)
        revision = Revision(max(current.revision, contents.revision) + 1)
        await connection.execute(
            update(counter).values(
                revision=revision, compacted=revision, cursors=dict(contents.cursors)
            )
        )
        await connection.execute(select(func.pg_notify(CHANNEL, str(revision))))
    return revision


async def _insert(connection: AsyncConnection, filled: Filled, tell: Callable[[str], None]) -> None:
    written, total = 0, sum(len(values) for _, values in filled)
    for table, values in filled:
        for first in range(0, len(values), ROWS_A_STATEMENT):
            piece = values[first : first + ROWS_A_STATEMENT]
            await connection.execute(insert(table), piece)
            written += len(piece)
            tell(f"{written} of {total} rows are written")


def _line(**entry: object) -> bytes:
    return f"{json.dumps(entry)}\n".encode()


def _entry(number: int, line: bytes) -> Mapping[str, Any]:
    if len(line) > LINE_OCTETS_MAX:
        raise NotARegistryBackup(f"line {number} is longer than {LINE_OCTETS_MAX} octets")
    if not line.endswith(b"\n"):
        raise NotARegistryBackup(f"line {number} is incomplete: the file was cut off")
    try:
        entry: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotARegistryBackup(f"line {number} is no JSON") from error
    if not isinstance(entry, dict):
        raise NotARegistryBackup(f"line {number} is not an object")
    return cast("Mapping[str, Any]", entry)


def _header(entry: Mapping[str, Any]) -> Contents:
    match entry:
        case {"kind": "WaypostBackup", "format": 2, "revision": revision, "cursors": cursors}:
            if type(revision) is not int or not 0 <= revision < REVISION_MAX:
                raise NotARegistryBackup(f"no registry was ever at revision {revision!r}")
            return Contents(revision=Revision(revision), cursors=_cursors(cursors), objects=())
        case {"kind": "WaypostBackup", "format": other} if other != FORMAT:
            raise NotARegistryBackup(
                f"the backup is of format {other!r}, and this version reads format {FORMAT}"
            )
        case _:
            raise NotARegistryBackup("the file is not a backup of a registry")


def _cursors(read: object) -> Mapping[str, int]:
    """Read the positions of the last allocations, by range and for node ports."""
    cursors = cast("Mapping[str, Any]", read) if isinstance(read, dict) else {"": read}
    for pool, cursor in cursors.items():
        is_known = pool == NODE_PORTS_CURSOR or parse_prefix(pool) is not None
        if not is_known or type(cursor) is not int or not 0 <= cursor <= _CURSOR_MAX:
            raise NotARegistryBackup(f"no registry has the cursor {pool!r}: {cursor!r}")
    return cast("Mapping[str, int]", cursors)


def _object(number: int, entry: Mapping[str, Any], *, upto: Revision) -> Object:
    match entry:
        case {"kind": str(kind), "body": str(body)} if kind in _KINDS:
            try:
                found = decode_stored(kind, body)
            except (ValueError, DomainError, RecursionError) as error:
                reason = str(error).partition("\n")[0]
                raise NotARegistryBackup(f"line {number} is no {kind}: {reason}") from error
        case _:
            raise NotARegistryBackup(f"line {number} is not an object of a kind held here")
    for problem in _problems(found, upto):
        raise NotARegistryBackup(f"line {number}: {problem}")
    return found


def _problems(registered: Object, upto: Revision) -> Iterator[str]:
    """Yield what is invalid in an object of a registry at revision ``upto``."""
    kind, meta = resource_of(registered), registered.metadata
    if not meta.name or path_segment_problems(meta.name):  # the widest rule of all kinds
        yield f"{meta.name!r} is no name of a {kind.name}"
    if bool(meta.namespace) is not kind.is_namespaced or (
        kind.is_namespaced and label_problems(meta.namespace)
    ):
        yield f"a {kind.name} does not lie in the namespace {meta.namespace!r}"
    if not 0 < meta.revision <= upto:
        yield f"revision {meta.revision} is not one up to {upto}"
    try:
        uuid.UUID(meta.uid)
    except ValueError:
        yield f"{meta.uid!r} is no uid"


def _require_distinct(found: Iterable[Object]) -> None:
    """Raise NotARegistryBackup when a unique key, uid or allocation occurs twice."""
    seen: set[tuple[str, object]] = set()
    for registered in found:
        kind, meta = resource_of(registered), registered.metadata
        marks: tuple[tuple[str, object], ...] = (
            (kind.name, meta.key),
            ("the uid", meta.uid),
            *(("the address", address) for address in addresses_held(registered)),
            *(("the node port", port) for port in ports_held(registered)),
        )
        for mark in marks:
            if mark in seen:
                raise NotARegistryBackup(f"{mark[0]} {mark[1]} is in it twice")
            seen.add(mark)


def _require_something(contents: Contents) -> None:
    if not contents.objects:
        raise WouldLose("the backup holds nothing: --lose-all restores that")
    if not any(resource_of(registered) is SERVICE_CIDR for registered in contents.objects):
        raise WouldLose(
            "the backup holds no ServiceCIDR, without which no Service gets an address: "
            "--lose-all restores that"
        )


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
    """Whether there are objects besides those of every new registry."""
    named = select(objects.c.kind, objects.c.namespace, objects.c.name)
    rows = await connection.execute(named.where(objects.c.kind.in_(_KINDS)))
    given = {("Namespace", "", name) for name in (DEFAULT_NAMESPACE, SYSTEM)}
    built_in = ((resource_of(each).name, each.metadata.key) for each in default_roles())
    given |= {(kind, key.namespace, key.name) for kind, key in built_in}
    return any(
        row.kind != "ServiceCIDR" and row.namespace != SYSTEM and tuple(row) not in given
        for row in rows
    )
