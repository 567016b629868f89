"""Secondaries: zone transfers to them, and NOTIFY messages when the zone has changed.

    Transfer -> SOA, records …, SOA                                     (AXFR)
             -> SOA, old SOA, removed …, new SOA, added …, SOA          (IXFR)
    commit -> [once per interval] -> NOTIFY to every peer, until it acknowledges

A transfer shows one revision, however long it takes.  When the changes since the
client's serial are compacted, it gets the whole zone.  Commits within one interval share
a NOTIFY.  A peer that does not acknowledge is retried a few times; after that it learns of
the change by its refresh timer.

Source: RFC 1995, RFC 1996, RFC 5936; spec dns A10.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from app.dns.answering.protocol import TYPE_IXFR, Transfer
from app.dns.messages.message import (
    FLAG_AUTHORITATIVE,
    FLAG_RESPONSE,
    Opcode,
    Rcode,
    Request,
    encode_reply,
    header_words,
)
from app.dns.messages.wire import HEADER_BYTES, encode_bodies, encode_body, encode_question
from app.dns.upstream.exchange import exchange_udp
from app.dns.upstream.server_list import Server
from app.domain.changes import Change
from app.domain.discovery.zone import authority
from app.domain.discovery.zone.authority import SERIAL_MODULUS, serial_of
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.discovery.zone.records import Record, RecordType
from app.domain.discovery.zone.service_records import Zone
from app.domain.discovery.zone.transfer import difference, records_of_zone
from app.domain.errors import Expired
from app.domain.names import Revision
from app.domain.snapshot import Snapshot

TRANSFERS_MAX = 8  # at a time
MESSAGE_BYTES = 16_000  # of records in one message: pointers reach no offset above 16,383
INTERVAL_S = 1.0  # between two NOTIFY messages about a zone
ATTEMPTS_MAX = 3
ATTEMPT_S = 2.0
_ID_BITS = 16
_OPCODE_SHIFT = 11

_log = logging.getLogger(__name__)

History = Callable[[Revision], tuple[Change, ...]]
"""The changes after a revision; raises Expired when some are gone."""

Zones = Callable[[], Iterable[Record]]
"""Returns the current SOA records of the zones."""


def transfer_messages(
    transfer: Transfer, snapshot: Snapshot, history: History, config: ZoneConfig
) -> Iterator[bytes]:
    """Write the messages of a transfer, one at a time."""
    zone = Zone(snapshot, transfer.request.name, config)
    request = transfer.request
    records = _records(request, zone, history)
    for body in encode_bodies(request.name, records, MESSAGE_BYTES):
        yield encode_reply(request, Rcode.NOERROR, body, flags=transfer.flags)


def _records(request: Request, zone: Zone, history: History) -> Iterable[Record]:
    current = authority.soa(zone.snapshot.revision, zone.apex, zone.config)
    if request.type != TYPE_IXFR or request.serial is None:
        return chain((current,), records_of_zone(zone), (current,))
    since = revision_of(request.serial, zone.snapshot.revision)
    if since is None or since == zone.snapshot.revision:
        return (current,)  # the client's serial is current, or ahead of ours
    try:
        changes = history(since)
    except Expired:
        return chain((current,), records_of_zone(zone), (current,))
    before = Zone(zone.snapshot.rewound(changes, to=since), zone.apex, zone.config)
    removed, added = difference(before, zone, changes)
    old = authority.soa(since, zone.apex, zone.config)
    return chain((current, old), removed, (current,), added, (current,))


def revision_of(serial: int, current: Revision) -> Revision | None:
    """Find the revision a serial stands for; None when it lies ahead of ``current``."""
    behind = (serial_of(current) - serial) % SERIAL_MODULUS
    if behind >= SERIAL_MODULUS // 2 or behind > current:
        return None
    return Revision(current - behind)


class Notifier:
    """Notifies a fixed set of peers; runs until it is cancelled."""

    def __init__(
        self,
        peers: Iterable[Server],
        zones: Zones,
        *,
        interval_s: float = INTERVAL_S,
        attempt_s: float = ATTEMPT_S,
    ) -> None:
        self._peers = tuple(peers)
        self._zones = zones
        self._interval_s = interval_s
        self._attempt_s = attempt_s
        self._changed = asyncio.Event()
        self._changed.set()

    def changed(self) -> None:
        """Schedule a NOTIFY."""
        self._changed.set()

    async def run(self) -> None:
        """Notify the peers at the start and after every change."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            pairs = [(peer, record) for record in self._zones() for peer in self._peers]
            await asyncio.gather(*(self._notify(peer, record) for peer, record in pairs))
            await asyncio.sleep(self._interval_s)

    async def _notify(self, peer: Server, soa: Record) -> None:
        message = encode_notify(soa, secrets.randbits(_ID_BITS))
        for _ in range(ATTEMPTS_MAX):
            try:
                async with asyncio.timeout(self._attempt_s):
                    await exchange_udp(peer, message, is_acknowledged)
            except (OSError, TimeoutError):
                continue
            return
        _log.warning("%s does not acknowledge that %s has changed", peer, soa.name)


def encode_notify(soa: Record, id_: int) -> bytes:
    """Write a NOTIFY for the zone of an SOA record."""
    flags = Opcode.NOTIFY << _OPCODE_SHIFT | FLAG_AUTHORITATIVE
    question = encode_question(soa.name, RecordType.SOA)
    body = encode_body(soa.name, ((soa,), (), ()))
    return id_.to_bytes(2) + header_words(flags, (1, 1, 0, 0)) + question + body.octets


def is_acknowledged(reply: bytes, message: bytes) -> bool | None:
    """Whether ``reply`` acknowledges ``message``; None when it belongs to another message."""
    if len(reply) < HEADER_BYTES or reply[:2] != message[:2]:
        return None
    return bool(int.from_bytes(reply[2:4]) & FLAG_RESPONSE) or None
