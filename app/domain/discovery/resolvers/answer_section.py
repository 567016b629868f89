"""Reading of an answer section by a resolver library.

    replies to one candidate -> addresses, canonical name

The stub never asks for the target of a CNAME: the chain must be in the answer, and an
address counts only when it belongs to the last target seen.
Source: spec resolver 2.4.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.discovery.resolvers.lookup import Candidate, Rcode, Record, Reply, Status
from app.domain.names import DomainName, parse_domain

_STATUSES = {
    Rcode.SERVFAIL: Status.SERVFAIL,
    Rcode.REFUSED: Status.REFUSED,
    Rcode.NXDOMAIN: Status.NXDOMAIN,
    Rcode.TIMEOUT: Status.TIMEOUT,
    Rcode.CLOSED: Status.TIMEOUT,
}


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
    return _STATUSES.get(rcode or Rcode.SERVFAIL, Status.SERVFAIL)


def spelt(name: DomainName) -> str:
    """Write a name as programs get it, without the final dot."""
    return str(name).removesuffix(".") or "."
