"""Questions, records and answers of the zone, as values.

    Question                                   name and type
    Records | NoData | NoSuchName | OutOfZone  the possible answers

``answer`` finds them; ``app.dns`` encodes them.
Source: RFC 1035 section 3.2, RFC 2308 section 2, RFC 2782, RFC 3596, RFC 6604 section 3.
"""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

from app.domain.addresses import Address
from app.domain.names import DomainName


class RecordType(IntEnum):
    """The types this zone publishes; a question may ask for any other number."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    TXT = 16
    AAAA = 28
    SRV = 33


ADDRESS_TYPES = (RecordType.A, RecordType.AAAA)
TYPE_ANY = 255  # asks for all records


@dataclass(frozen=True, slots=True)
class Question:
    """One question of class IN; ``type`` is any 16-bit number."""

    name: DomainName
    type: int


@dataclass(frozen=True, slots=True)
class ServiceTarget:
    """The data of an SRV record."""

    priority: int
    weight: int
    port: int
    target: DomainName

    def __str__(self) -> str:
        return f"{self.priority} {self.weight} {self.port} {self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOfAuthority:
    """The data of an SOA record; ``minimum_s`` is the time a denial may be cached."""

    primary: DomainName
    mailbox: DomainName
    serial: int
    refresh_s: int
    retry_s: int
    expire_s: int
    minimum_s: int

    def __str__(self) -> str:
        times = f"{self.refresh_s} {self.retry_s} {self.expire_s} {self.minimum_s}"
        return f"{self.primary} {self.mailbox} {self.serial} {times}"


@dataclass(frozen=True, slots=True)
class Text:
    """One character string of a TXT record, at most 255 octets."""

    value: str

    def __str__(self) -> str:
        return f'"{self.value}"'


Content = Address | DomainName | ServiceTarget | StartOfAuthority | Text


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record of class IN; ``str(content)`` is its presentation form."""

    name: DomainName
    type: RecordType
    ttl_s: int
    content: Content


def address_record(name: DomainName, ttl_s: int, address: Address) -> Record:
    """Make the A or AAAA record of an address."""
    family = RecordType.A if isinstance(address, IPv4Address) else RecordType.AAAA
    return Record(name, family, ttl_s, address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The name has records of the type; a CNAME comes before the records of its target.

    ``leads_to`` is set when the last CNAME points out of the zone: the caller must ask
    an upstream for the rest.  ``via`` are the names of the alias chain.  Aliases in a
    loop are returned alone.
    """

    answers: tuple[Record, ...]
    additional: tuple[Record, ...] = ()
    leads_to: DomainName | None = None
    via: tuple[DomainName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Denial:
    """``chain`` are the aliases that led to the name that is denied, ``via`` their names."""

    soa: Record
    chain: tuple[Record, ...] = ()
    via: tuple[DomainName, ...] = ()


class NoData(_Denial):
    """The name at the end of the chain exists, without records of the type."""

    __slots__ = ()


class NoSuchName(_Denial):
    """Neither the name at the end of the chain nor any name below it exists."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OutOfZone:
    """The name is in none of our zones, or is left to upstreams."""


Outcome = Records | NoData | NoSuchName | OutOfZone
