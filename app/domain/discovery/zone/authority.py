"""Records about the zone itself: start of authority, version, name servers.

    (Snapshot, zone, ZoneConfig) -> SOA | NS and glue | TXT

The serial is the revision of the snapshot, modulo 2^32: it increases with every
change, so secondaries and caches may compare it by RFC 1982.  Changes that alter
no record increase it too; a transfer between such serials is empty.
Source: spec dns A1 and A4; RFC 1035 section 3.3.13.
"""

from functools import lru_cache

from app.domain.addresses import Address
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.discovery.zone.parse import NAMESERVER_LABELS
from app.domain.discovery.zone.records import Record, RecordType, StartOfAuthority, Text
from app.domain.discovery.zone.service_records import Found, Zone, cluster_addresses, published_at
from app.domain.names import DomainName, Revision

SCHEMA_VERSION = "1.1.0"
SERIAL_MODULUS = 2**32
_VERSION_TTL_S = 28_800
_SOA_TTL_S_MAX = 300
_ZONES_REMEMBERED_MAX = 64
_REFRESH_S, _RETRY_S, _EXPIRE_S = 7200, 1800, 86_400


def serial_of(revision: Revision) -> int:
    """Return the serial number of the zone at a revision."""
    return revision % SERIAL_MODULUS


def soa(revision: Revision, zone: DomainName, config: ZoneConfig) -> Record:
    """Make the SOA record; its minimum, and so the TTL of a denial, is the zone's TTL."""
    primary, mailbox = _contacts(zone.labels)
    content = StartOfAuthority(
        primary=primary,
        mailbox=mailbox,
        serial=serial_of(revision),
        refresh_s=_REFRESH_S,
        retry_s=_RETRY_S,
        expire_s=_EXPIRE_S,
        minimum_s=config.ttl_s,
    )
    return Record(zone, RecordType.SOA, min(config.ttl_s, _SOA_TTL_S_MAX), content)


@lru_cache(maxsize=_ZONES_REMEMBERED_MAX)
def _contacts(labels: tuple[str, ...]) -> tuple[DomainName, DomainName]:
    """Name the server and the mailbox of a zone; they keep the case of the question."""
    return DomainName((*NAMESERVER_LABELS, *labels)), DomainName(("hostmaster", *labels))


def version(name: DomainName) -> Record:
    """Make the record with the version of the DNS schema."""
    return Record(name, RecordType.TXT, _VERSION_TTL_S, Text(SCHEMA_VERSION))


def nameserver_name(zone: DomainName) -> DomainName:
    """Name the server that the SOA record points at."""
    return _contacts(zone.labels)[0]


def nameservers(zone: Zone) -> Found:
    """List the NS records of the apex and the addresses of their targets.

    The name servers are the Services that have one of this server's addresses as an
    endpoint; without such a Service it is ``ns.dns``, with this server's addresses.
    """
    own_addresses = zone.config.nameserver_addresses
    glue: dict[tuple[DomainName, Address], Record] = {}
    for own in own_addresses:
        for key, label in published_at(zone.snapshot, own):
            service = zone.service(key)
            if service is None:
                continue
            name = zone.service_name(key, *((label,) if service.is_headless else ()))
            addresses = (own,) if service.is_headless else cluster_addresses(service)
            for address in addresses:
                glue[name, address] = zone.address(name, address)
    if not glue:
        fallback = nameserver_name(zone.apex)
        glue = {(fallback, own): zone.address(fallback, own) for own in own_addresses}
    names = dict.fromkeys(name for name, _ in glue) or (nameserver_name(zone.apex),)
    answers = (zone.record(zone.apex, RecordType.NS, name) for name in names)
    return Found(tuple(answers), tuple(glue.values()))
