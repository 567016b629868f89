"""The cluster's nameserver as a stub resolver sees it, without packets.

    (Snapshot, Query) -> Reply | Elsewhere;  Elsewhere + an upstream's Reply -> Reply

For Elsewhere the caller has to ask an upstream server.
Source: spec dns A4 and A12; RFC 6604 section 3.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from app.domain.discovery.resolvers.lookup import Decision, Outcome, Query, Rcode, Record, Reply
from app.domain.discovery.zone import answer
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.discovery.zone.parse import ServicePart, parse
from app.domain.discovery.zone.records import (
    NoData,
    NoSuchName,
    OutOfZone,
    Question,
    Records,
    RecordType,
)
from app.domain.discovery.zone.records import Record as ZoneRecord
from app.domain.names import DomainName, NamespacedName, parse_domain
from app.domain.snapshot import Snapshot

REFUSED = Reply(rcode=Rcode.REFUSED, is_recursive=False)
_NOT_FOUND_OUT = Reply(rcode=Rcode.SERVFAIL, is_authoritative=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """An upstream is to be asked for ``name``; ``chain`` are the aliases that led there."""

    name: DomainName
    qtype: str
    chain: tuple[Record, ...] = ()

    def completed(self, reply: Reply) -> Reply:
        """Put the aliases before the records of their target.

        The aliases are in our zone, so they are sent even if the target fails; the
        response code is that of the target (RFC 6604 section 3).
        """
        if not self.chain:
            return reply
        records = (*self.chain, *reply.records)
        if reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return replace(reply, records=records, is_authoritative=True)
        return replace(_NOT_FOUND_OUT, records=self.chain)

    @property
    def unasked(self) -> Reply:
        """The reply without upstreams: the aliases alone, or REFUSED."""
        if not self.chain:
            return REFUSED
        return Reply(rcode=Rcode.NOERROR, records=self.chain, is_authoritative=True)


Fitting = Callable[[Query, Records], int | None]
"""Counts the answers that fit into a reply; None when all do."""


def reply_to(
    snapshot: Snapshot, query: Query, config: ZoneConfig, fitting: Fitting | None = None
) -> Reply | Elsewhere:
    """Answer a query from the zone; return Elsewhere when an upstream is needed.

    Without ``fitting`` every reply fits.
    """
    if query.is_malformed:
        return Reply(rcode=Rcode.FORMERR)
    found = answer.answer(snapshot, Question(query.name, RecordType[query.qtype]), config)
    match found:
        case Records(leads_to=DomainName() as name):
            return Elsewhere(name=name, qtype=query.qtype, chain=_records(found.answers))
        case Records():
            fit = fitting(query, found) if fitting is not None else None
            kept = found.answers if fit is None else found.answers[:fit]
            return Reply(
                rcode=Rcode.NOERROR,
                records=_records(kept),
                is_authoritative=True,
                is_truncated=fit is not None,
                has_additional=bool(found.additional),
            )
        case NoData() | NoSuchName():
            rcode = Rcode.NOERROR if isinstance(found, NoData) else Rcode.NXDOMAIN
            return Reply(rcode=rcode, records=_records(found.chain), is_authoritative=True)
        case OutOfZone():
            return Elsewhere(name=query.name, qtype=query.qtype)


def service_behind(
    snapshot: Snapshot, outcome: Outcome, config: ZoneConfig
) -> NamespacedName | None:
    """Find the Service whose name answered, or that a reverse name points to."""
    hits = [step.query.name for step in outcome.steps if step.decision is Decision.HIT]
    pointed = (record.value for record in outcome.records if record.rtype == "PTR")
    names = (*hits[-1:], *(parse_domain(value) for value in pointed))
    keys = (_service_of(name, config.forward_zone) for name in names)
    return next((key for key in keys if key is not None and key in snapshot.services), None)


def _service_of(name: DomainName, apex: DomainName) -> NamespacedName | None:
    if not name.is_under(apex):
        return None
    node = parse(tuple(label.lower() for label in name.relative_to(apex)))
    return node.key if isinstance(node, ServicePart) else None


def _records(records: Iterable[ZoneRecord]) -> tuple[Record, ...]:
    return tuple(
        Record(
            name=record.name,
            rtype=record.type.name,
            ttl_s=record.ttl_s,
            value=str(record.content),
        )
        for record in records
    )
