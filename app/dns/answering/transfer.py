"""Zone transfers to secondaries: the whole zone, or the changes since their serial.

    Transfer -> SOA, records …, SOA                                     (AXFR)
             -> SOA, old SOA, removed …, new SOA, added …, SOA          (IXFR)

A transfer shows one revision, however long it takes.  When the changes since the
client's serial are compacted, it gets the whole zone.

Source: RFC 5936, RFC 1995; spec dns A10.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from app.dns.answering.protocol import TYPE_IXFR, Transfer
from app.dns.messages.message import Rcode, Request, encode_reply
from app.dns.messages.wire import encode_bodies
from app.domain.changes import Change
from app.domain.discovery.zone import authority
from app.domain.discovery.zone.authority import SERIAL_MODULUS, serial_of
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.discovery.zone.records import Record
from app.domain.discovery.zone.service_records import Zone
from app.domain.discovery.zone.transfer import difference, records_of_zone
from app.domain.errors import Expired
from app.domain.names import Revision
from app.domain.snapshot import Snapshot

TRANSFERS_MAX = 8  # at a time
MESSAGE_BYTES = 16_000  # of records in one message: pointers reach no offset above 16,383

History = Callable[[Revision], tuple[Change, ...]]
"""The changes after a revision; raises Expired when some are gone."""


def messages(
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
    delta = difference(before, zone, changes)
    old = authority.soa(since, zone.apex, zone.config)
    return chain((current, old), delta.removed, (current,), delta.added, (current,))


def revision_of(serial: int, current: Revision) -> Revision | None:
    """Find the revision a serial stands for; None when it lies ahead of ``current``."""
    behind = (serial_of(current) - serial) % SERIAL_MODULUS
    if behind >= SERIAL_MODULUS // 2 or behind > current:
        return None
    return Revision(current - behind)
