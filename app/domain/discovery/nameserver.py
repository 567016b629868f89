"""The cluster's nameserver as a stub resolver hears it, without a packet.

    (Snapshot, Query) -> Reply | Elsewhere;  Elsewhere + a foreign Reply -> Reply

What the zone cannot say has to be asked elsewhere, by whoever can.
Source: spec dns A4 and A12.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.domain.discovery import zone
from app.domain.discovery.lookup import Decision, Outcome, Query, Rcode, Record, Reply
from app.domain.discovery.records import (
    NoData,
    NoSuchName,
    OutOfZone,
    Question,
    Records,
    RecordType,
)
from app.domain.discovery.records import Record as ZoneRecord
from app.domain.discovery.zone_config import ZoneConfig
from app.domain.discovery.zone_parse import (
    EndpointNode,
    PortNode,
    ProtocolNode,
    ServiceNode,
    parse,
)
from app.domain.names import DomainName, NamespacedName, parse_domain
from app.domain.snapshot import Snapshot

REFUSED = Reply(rcode=Rcode.REFUSED, is_recursive=False)
NO_DATA = Reply(rcode=Rcode.NOERROR, is_authoritative=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """``name`` is to be asked elsewhere; ``chain`` are the aliases that led there."""

    name: DomainName
    qtype: str
    chain: tuple[Record, ...] = ()

    def completed(self, reply: Reply) -> Reply:
        """Put the aliases before what was found at their end."""
        if not self.chain:
            return reply
        if reply.rcode is Rcode.NOERROR:
            return Reply(rcode=Rcode.NOERROR, records=(*self.chain, *reply.records))
        if reply.rcode is Rcode.NXDOMAIN:
            # The alias exists, its target does not: NOERROR (spec dns A4).
            return Reply(rcode=Rcode.NOERROR, records=self.chain)
        return NO_DATA

    @property
    def refused(self) -> Reply:
        """What is said when there is nobody to ask: an alias to nowhere is withheld."""
        return NO_DATA if self.chain else REFUSED


Fitting = Callable[[Query, Records], int | None]
"""Counts the answers that a reply has room for; None when there is room for all of it."""


def all_fit(_query: Query, _found: Records) -> None:
    """Count as if every reply had room enough."""


def hear(
    snapshot: Snapshot, query: Query, config: ZoneConfig, fitting: Fitting = all_fit
) -> Reply | Elsewhere:
    """Answer a query from the zone as far as the zone goes."""
    if query.is_malformed:
        return Reply(rcode=Rcode.FORMERR)
    found = zone.answer(snapshot, Question(query.name, RecordType[query.qtype]), config)
    match found:
        case Records(leads_to=DomainName() as name):
            chain = tuple(_record(record) for record in found.answers)
            return Elsewhere(name=name, qtype=query.qtype, chain=chain)
        case Records():
            fit = fitting(query, found)
            kept = found.answers if fit is None else found.answers[:fit]
            return Reply(
                rcode=Rcode.NOERROR,
                records=tuple(_record(record) for record in kept),
                is_authoritative=True,
                is_truncated=fit is not None,
                has_additional=bool(found.additional),
            )
        case NoData():
            return NO_DATA
        case NoSuchName():
            return Reply(rcode=Rcode.NXDOMAIN, is_authoritative=True)
        case OutOfZone():
            return Elsewhere(name=query.name, qtype=query.qtype)


def service_behind(
    snapshot: Snapshot, outcome: Outcome, config: ZoneConfig
) -> NamespacedName | None:
    """Find the Service whose name answered, or that a reverse name led to."""
    hits = [step.query.name for step in outcome.steps if step.decision is Decision.HIT]
    pointed = (record.value for record in outcome.records if record.rtype == "PTR")
    names = (*hits[-1:], *(parse_domain(value) for value in pointed))
    keys = (_service_of(name, config.forward_zone) for name in names)
    return next((key for key in keys if key is not None and key in snapshot.services), None)


def _service_of(name: DomainName, apex: DomainName) -> NamespacedName | None:
    if not name.is_under(apex):
        return None
    match parse(tuple(label.lower() for label in name.relative_to(apex))):
        case ServiceNode(key) | EndpointNode(key) | ProtocolNode(key) | PortNode(key):
            return key
        case _:
            return None


def _record(record: ZoneRecord) -> Record:
    return Record(
        name=record.name,
        rtype=record.type.name,
        ttl_s=record.ttl_s,
        value=str(record.content),
    )
