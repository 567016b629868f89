"""All records of a zone, and the difference between two of its revisions.

    (Zone) -> every record but the SOA
    (Snapshot, changes since) -> the earlier Snapshot
    (earlier Zone, later Zone, changes between) -> removed, added

The records equal the answers to questions, so that a secondary answers as this server
does.  Pod names are not included: in insecure mode every address has one.  The work of
a difference is proportional to the changes, not to the zone.

Source: RFC 5936 section 2.2, RFC 1995 section 4; spec dns A10.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from app.domain.addresses import Address, parse_address
from app.domain.changes import Change
from app.domain.discovery.zone import authority
from app.domain.discovery.zone.answer import alias_record, answer
from app.domain.discovery.zone.config import is_reverse
from app.domain.discovery.zone.parse import VERSION_LABEL
from app.domain.discovery.zone.records import Question, Record, Records, RecordType
from app.domain.discovery.zone.service_records import (
    Zone,
    cluster_addresses,
    published,
    records_of,
)
from app.domain.discovery.zone.subjects import Subject, touched_by
from app.domain.names import DomainName, NamespacedName, parse_domain


def records_of_zone(zone: Zone) -> Iterator[Record]:
    """List every record of a zone but its SOA, in a stated order."""
    yield from _at_apex(zone)
    if is_reverse(zone.apex):
        for address in sorted(_addresses(zone), key=int):
            yield from _pointers(zone, address)
    else:
        for key in sorted(zone.snapshot.services):
            yield from _of_service(zone, key)


def difference(
    before: Zone, after: Zone, changes: Iterable[Change]
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Compute the records of a zone that ``changes`` removed, and those that they added."""
    touched = {
        subject: None for change in changes for subject in touched_by(change, after.snapshot)
    }
    old, new = _touched_records(before, touched), _touched_records(after, touched)
    removed = tuple(record for record in old if record not in new)
    return removed, tuple(record for record in new if record not in old)


def _touched_records(zone: Zone, touched: Iterable[Subject]) -> dict[Record, None]:
    found: dict[Record, None] = dict.fromkeys(_at_apex(zone))
    for subject in touched:
        match subject:
            case NamespacedName() if subject.namespace and not is_reverse(zone.apex):
                found.update(dict.fromkeys(_of_service(zone, subject)))
            case str() if is_reverse(zone.apex) and (address := parse_address(subject)):
                found.update(dict.fromkeys(_pointers(zone, address)))
            case _:
                pass
    return found


def _at_apex(zone: Zone) -> Iterator[Record]:
    servers = authority.nameservers(zone)
    yield from servers.answers
    if not is_reverse(zone.apex):
        yield authority.version(DomainName((VERSION_LABEL, *zone.apex.labels)))
        own = authority.nameserver_name(zone.apex)
        yield from (record for record in servers.additional if record.name == own)


def _of_service(zone: Zone, key: NamespacedName) -> Iterator[Record]:
    service = zone.service(key)
    if service is None:
        return
    if not service.is_external_name:
        yield from records_of(zone, service)
    elif alias := alias_record(zone, service, zone.service_name(key)):
        yield alias


def _addresses(zone: Zone) -> set[Address]:
    services = zone.snapshot.services.values()
    held = (cluster_addresses(service) for service in services)
    behind = (
        (entry.address for entry in published(zone.snapshot, service)) for service in services
    )
    return set(chain.from_iterable(chain(held, behind)))


def _pointers(zone: Zone, address: Address) -> Iterator[Record]:
    name = parse_domain(address.reverse_pointer)
    if zone.config.zone_of(name) == zone.apex:
        found = answer(zone.snapshot, Question(name, RecordType.PTR), zone.config)
        yield from found.answers if isinstance(found, Records) else ()
