"""What a program gets of the replies: the addresses of an answer section, in its library's order.

    replies to one candidate -> addresses, canonical name
    addresses + the machine's own -> sorted as glibc (RFC 3484) or musl, c-ares, Go (RFC 6724)

The stub never asks for the target of a CNAME: the chain must be in the answer, and an
address counts only when it belongs to the last target seen.  The sort is stable; equal keys
keep the order of the answer.
Source: spec resolver 2.4 and 8; RFC 6724 section 6, RFC 3484 section 2.1.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network

from app.domain.addresses import parse_address
from app.domain.discovery.resolvers.lookup import Candidate, Network, Rcode, Record, Reply, Status
from app.domain.names import DomainName, parse_domain

_KEPT = (Rcode.NXDOMAIN, Rcode.REFUSED, Rcode.TIMEOUT)
_GLOBAL_SCOPE = 14
_LOCAL_SCOPE = 2  # link-local; loopback counts as such
_SITE_SCOPE = 5
_LINK_LOCAL_4 = ("127.", "169.254.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Addresses in the order of the answers, and the end of the aliases."""

    addresses: tuple[str, ...] = ()
    canonical_name: str = ""
    records: tuple[Record, ...] = ()


def read(candidate: Candidate, replies: Iterable[Reply]) -> Reading:
    """Follow the aliases of each reply from the candidate's name, and collect the addresses."""
    addresses: list[str] = []
    records: list[Record] = []
    canonical = candidate.name
    for reply in replies:
        owner = candidate.name
        for record in reply.records:
            if record not in records:
                records.append(record)
            if record.name != owner:
                continue
            if record.rtype == "CNAME":
                owner = canonical = parse_domain(record.value)
            elif record.rtype in ("A", "AAAA"):
                canonical = record.name
                addresses.append(record.value)
    return Reading(
        addresses=tuple(addresses),
        canonical_name=spelt(canonical),
        records=tuple(records),
    )


def status_of(rcode: Rcode | None) -> Status:
    """Convert the last response code to a status of the API."""
    if rcode is Rcode.CLOSED:
        return Status.TIMEOUT
    return Status(rcode) if rcode in _KEPT else Status.SERVFAIL


def spelt(name: DomainName) -> str:
    """Write a name as programs get it, without the final dot."""
    return str(name).removesuffix(".") or "."


PolicyTable = tuple[tuple[IPv6Network, int, int], ...]
"""Prefix, precedence and label; the longest prefix first, ``::/0`` last."""


def _table(*rows: tuple[str, int, int]) -> PolicyTable:
    parsed = ((IPv6Network(prefix), precedence, label) for prefix, precedence, label in rows)
    return tuple(sorted(parsed, key=lambda row: -row[0].prefixlen))


RFC_3484 = _table(
    ("::1/128", 50, 0),
    ("::ffff:0:0/96", 10, 4),
    ("::/96", 20, 3),
    ("2001::/32", 40, 7),
    ("2002::/16", 30, 2),
    ("fec0::/10", 40, 5),
    ("fc00::/7", 40, 6),
    ("::/0", 40, 1),
)
RFC_6724 = _table(
    ("::1/128", 50, 0),
    ("::ffff:0:0/96", 35, 4),
    ("2002::/16", 30, 2),
    ("2001::/32", 5, 5),
    ("fc00::/7", 3, 13),
    ("::/0", 40, 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRules:
    """The differences between the libraries' sorts."""

    table: PolicyTable
    sorts_unusable: bool = True
    sorts_ipv4_alone: bool = True
    matches_prefixes_of_ipv4: bool = False


GLIBC = OrderRules(table=RFC_3484)
MUSL = OrderRules(table=RFC_6724, sorts_ipv4_alone=False, matches_prefixes_of_ipv4=True)
C_ARES = OrderRules(table=RFC_6724)
GO = OrderRules(table=RFC_6724, sorts_unusable=False)


def ordered(addresses: Iterable[str], network: Network, rules: OrderRules) -> tuple[str, ...]:
    """Sort addresses for a program on a machine with the addresses of ``network``."""
    found = tuple(addresses)
    if len(found) == 1:
        return found
    if not rules.sorts_ipv4_alone and not any(":" in address for address in found):
        return found
    return tuple(sorted(found, key=lambda address: _key(address, network, rules)))


def _key(address: str, network: Network, rules: OrderRules) -> tuple[int, ...]:
    target = _mapped(address)
    source = _source_for(target, network)
    precedence, label = _policy(target, rules.table)
    scope = _scope(target)
    if source is None:
        return (1, 1, 1, -precedence, scope, 0) if rules.sorts_unusable else (1, 0, 0, 0, 0, 0)
    shared = 0
    if target.ipv4_mapped is None or rules.matches_prefixes_of_ipv4:
        shared = 128 - (int(target) ^ int(source)).bit_length()
    return (
        0,
        int(scope != _scope(source)),
        int(label != _policy(source, rules.table)[1]),
        -precedence,
        scope,
        -shared,
    )


def _policy(address: IPv6Address, table: PolicyTable) -> tuple[int, int]:
    """Find the precedence and the label of an address."""
    return next((precedence, label) for prefix, precedence, label in table if address in prefix)


def _mapped(address: str) -> IPv6Address:
    parsed = parse_address(address)
    assert parsed is not None, "resolvers collect addresses only"
    if isinstance(parsed, IPv6Address):
        return parsed
    return IPv6Address(f"::ffff:{parsed}")


def _source_for(target: IPv6Address, network: Network) -> IPv6Address | None:
    if target.is_loopback or (target.ipv4_mapped is not None and target.ipv4_mapped.is_loopback):
        return target
    own = network.ipv6 if target.ipv4_mapped is None else network.ipv4
    return None if own is None else _mapped(own)


def _scope(address: IPv6Address) -> int:
    if address.ipv4_mapped is not None:
        local = str(address.ipv4_mapped).startswith(_LINK_LOCAL_4)
        return _LOCAL_SCOPE if local else _GLOBAL_SCOPE
    if address.is_loopback or address.is_link_local:
        return _LOCAL_SCOPE
    return _SITE_SCOPE if address.is_site_local else _GLOBAL_SCOPE
