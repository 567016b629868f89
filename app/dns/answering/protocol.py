"""The DNS protocol without sockets: from a message to the action it calls for.

    octets, transport, client -> octets          the reply
                               | None            no reply
                               | Forward         ask an upstream first
                               | Walk            ask upstreams for one name after another
                               | Transfer        many messages, to be streamed

Any octets give one of these, never an exception.  ``zone`` finds the records; this
module chooses the response code.

    malformed -> FORMERR    unknown opcode -> NOTIMP    EDNS 1 or later -> BADVERS
    out of zone, or not for this client -> REFUSED      not synced -> SERVFAIL

Source: spec dns A13; RFC 1035, RFC 1996, RFC 5936, RFC 6891.
"""

from dataclasses import dataclass, replace

from app.dns.answering.answers import Answers, Source
from app.dns.answering.autopath import names_after
from app.dns.answering.rate_limit import LOOPBACK, Clients
from app.dns.counters import ReplyCounters
from app.dns.messages.message import (
    FLAG_AUTHORITATIVE,
    FLAG_RECURSION_AVAILABLE,
    FLAG_RECURSION_DESIRED,
    FLAG_TRUNCATED,
    UDP_BYTES_MAX,
    UDP_BYTES_SAFE,
    Opcode,
    Rcode,
    Request,
    Transport,
    encode_reply,
    is_missing,
    parse_request,
)
from app.dns.messages.wire import CLASS_CHAOS, CLASS_IN, NO_SECTIONS, Section, Sections, encode_body
from app.domain.addresses import Address, Prefix
from app.domain.discovery.zone.answer import answer
from app.domain.discovery.zone.authority import soa
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.discovery.zone.records import (
    ADDRESS_TYPES,
    NoData,
    NoSuchName,
    OutOfZone,
    Question,
    Record,
    Records,
    RecordType,
    Text,
)
from app.domain.names import DomainName

TYPE_IXFR, TYPE_AXFR = 251, 252
_CHAOS_NAMES = (("version", "bind"), ("version", "server"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolConfig:
    """The operator's settings for answers, as plain values.

    With ``autopath``, the host's search domains, the server walks the search list of a Pod.
    Clients in ``transfers_to`` may transfer the zone.  ``version`` answers ``version.bind``.
    Clients that are not ``near`` get at most ``udp_bytes_max`` octets in a datagram.
    """

    zone: ZoneConfig
    version: str = "waypost"
    transfers_to: tuple[Prefix, ...] = ()
    has_upstreams: bool = False
    autopath: tuple[str, ...] | None = None
    udp_bytes_max: int = UDP_BYTES_SAFE
    near: tuple[Prefix, ...] = LOOPBACK


@dataclass(frozen=True, slots=True)
class Forward:
    """An upstream is to be asked for ``name``; ``chain`` are the aliases that led there."""

    request: Request
    name: DomainName
    chain: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """Try ``names`` in order, the first of them upstream; if none exists reply ``otherwise``."""

    request: Request
    names: tuple[DomainName, ...]
    otherwise: bytes


@dataclass(frozen=True, slots=True)
class Transfer:
    """The client gets the whole zone, or the changes since its serial."""

    request: Request
    zone: DomainName
    flags: int = FLAG_AUTHORITATIVE


Outcome = bytes | Forward | Walk | Transfer | None


class Protocol:
    """Answers messages from one source; used from one thread only."""

    def __init__(self, source: Source, config: ProtocolConfig) -> None:
        self.counters = ReplyCounters()
        self.answers = Answers(
            config.zone,
            self.counters,
            caches_missing=config.autopath is None,
            has_upstreams=config.has_upstreams,
        )
        self.answers.same_bytes_max = config.udp_bytes_max
        self._clients = Clients(config.near)
        self.autopath_found = 0
        """Names found by walking a client's search list for it."""
        self.malformed = 0
        """Messages that were not valid requests."""
        self._source = source
        self.config = config
        # RFC 1035 section 4.1.1: RA describes the server, not the name in the question.
        self.flags = FLAG_RECURSION_AVAILABLE if config.has_upstreams else 0
        """Flags of every reply."""

    def serve_at(self, address: Address) -> None:
        """Set the listening address, which may decide whether all clients are near."""
        self._clients = Clients(self.config.near, at=address)
        if self._clients.are_alike:
            self.answers.same_bytes_max = UDP_BYTES_MAX

    def respond(self, message: bytes, transport: Transport, client: Address | None) -> Outcome:
        """Choose the action for one message."""
        request = parse_request(message, transport)
        if isinstance(request, Request):
            return self._dispatch(self._bounded(request, client), client)
        self.malformed += 1
        return None if request is None else request.reply(self.flags)

    def _dispatch(self, request: Request, client: Address | None) -> Outcome:
        if request.edns is not None and request.edns.version != 0:
            return self.reply(request, Rcode.BADVERS)
        if request.opcode != Opcode.QUERY:
            return self.reply(request, Rcode.REFUSED)
        if request.class_ != CLASS_IN:
            return self._chaos(request)
        if request.type in (TYPE_AXFR, TYPE_IXFR):
            return self._transfer(request, client)
        if not self._source.is_synced:
            return self.reply(request, Rcode.SERVFAIL)
        return self._lookup(request, client)

    def _bounded(self, request: Request, client: Address | None) -> Request:
        """Lower the size limit of a datagram for a client that is not near."""
        takes_more = request.size_bytes_max > self.config.udp_bytes_max
        if request.transport != Transport.UDP or not takes_more:
            return request
        if self._clients.has_near(client):
            return request
        return replace(request, udp_bytes_max=self.config.udp_bytes_max)

    def failure(self, message: bytes) -> bytes | None:
        """Answer SERVFAIL after an internal error."""
        return self._unanswered(message, Rcode.SERVFAIL)

    def over_tcp(self, message: bytes) -> bytes | None:
        """Answer with no records and TC set, so that the client retries over TCP."""
        return self._unanswered(message, Rcode.NOERROR, flags=FLAG_TRUNCATED)

    def _unanswered(self, message: bytes, rcode: int, *, flags: int = 0) -> bytes | None:
        request = parse_request(message, Transport.UDP)
        return self.reply(request, rcode, flags=flags) if isinstance(request, Request) else None

    def reply(
        self,
        request: Request,
        rcode: int,
        sections: Sections = NO_SECTIONS,
        *,
        flags: int = 0,
    ) -> bytes:
        """Write and count a reply that is not cached."""
        body = encode_body(request.name, sections, class_=request.class_)
        octets = encode_reply(request, rcode, body, flags=self.flags | flags)
        self.counters.of(request, rcode, len(octets))[0] += 1
        return octets

    def without_target(self, forward: Forward, rcode: int) -> bytes:
        """Answer without asking an upstream; keep the aliases of our zone that led there."""
        flags = FLAG_AUTHORITATIVE if forward.chain else 0
        return self.reply(forward.request, rcode, (forward.chain, (), ()), flags=flags)

    def _lookup(self, request: Request, client: Address | None) -> Outcome:
        found = self.answers.find(self._source.snapshot, request)
        match found:
            case bytes():
                names = self._names_after(request, client) if is_missing(found) else ()
                return self.walk_on(Walk(request, names, found)) if names else found
            case OutOfZone():
                if self.config.has_upstreams:
                    return Forward(request, request.name)
                return self.reply(request, Rcode.REFUSED)
            case Records():
                return self._led_outside(request, found)

    def _led_outside(self, request: Request, found: Records) -> bytes | Forward:
        """Forward the target of an alias; without recursion the reply has the alias alone.

        Spec dns A4: the CNAME is in our zone, so the answer has it even if its target fails.
        """
        assert found.leads_to is not None, "only aliases that lead outside come here"
        forward = Forward(request, found.leads_to, found.answers)
        if self._may_forward(request):
            return forward
        return self.without_target(forward, Rcode.NOERROR)

    def _may_forward(self, request: Request) -> bool:
        return self.config.has_upstreams and bool(request.flags & FLAG_RECURSION_DESIRED)

    def _names_after(self, request: Request, client: Address | None) -> tuple[DomainName, ...]:
        """List the rest of the client's search list, which programs walk for addresses only."""
        host_search = self.config.autopath
        if host_search is None or client is None or request.type not in ADDRESS_TYPES:
            return ()
        snapshot, forward = self._source.snapshot, self.config.zone.forward_zone
        return names_after(snapshot, request.name, client, forward, host_search)

    def walk_on(self, walk: Walk) -> bytes | Forward | Walk:
        """Try the names in our zone immediately, up to the first that needs an upstream."""
        request = walk.request
        for place, name in enumerate(walk.names):
            outcome = answer(self._source.snapshot, Question(name, request.type), self.config.zone)
            match outcome:
                case NoSuchName():
                    continue
                case OutOfZone():
                    if self._may_forward(request):
                        return replace(walk, names=walk.names[place:])
                case NoData():
                    return self.found_by_walk(request, name, (outcome.chain, (outcome.soa,), ()))
                case Records(leads_to=None):
                    return self.found_by_walk(request, name, (outcome.answers, (), ()))
                case Records():
                    self.autopath_found += 1
                    chain = (_alias(request, name, outcome.answers), *outcome.answers)
                    return self._led_outside(request, replace(outcome, answers=chain))
        return walk.otherwise

    def found_by_walk(self, request: Request, name: DomainName, sections: Sections) -> bytes:
        """Answer with the records of ``name``, after a CNAME to it."""
        self.autopath_found += 1
        answers, authority, additional = sections
        alias = (_alias(request, name, answers),) if answers else ()
        whole = ((*alias, *answers), authority, additional)
        return self.reply(request, Rcode.NOERROR, whole, flags=FLAG_AUTHORITATIVE)

    def _chaos(self, request: Request) -> bytes:
        is_known = request.class_ == CLASS_CHAOS and request.name.folded in _CHAOS_NAMES
        if not is_known or request.type != RecordType.TXT:
            return self.reply(request, Rcode.REFUSED)
        record = Record(request.name, RecordType.TXT, 0, Text(self.config.version))
        return self.reply(request, Rcode.NOERROR, ((record,), (), ()))

    def _transfer(self, request: Request, client: Address | None) -> Outcome:
        home = self.config.zone.zone_of(request.name)
        if home is None or home != request.name or not self._may_transfer(client):
            return self.reply(request, Rcode.REFUSED)
        if not self._source.is_synced:
            return self.reply(request, Rcode.SERVFAIL)
        if request.transport == Transport.TCP:
            return Transfer(request, home, self.flags | FLAG_AUTHORITATIVE)
        if request.type == TYPE_AXFR:
            return self.reply(request, Rcode.REFUSED)
        # RFC 1995 section 2: an IXFR that does not fit a datagram is answered with the SOA alone.
        record = soa(self._source.snapshot.revision, request.name, self.config.zone)
        return self.reply(request, Rcode.NOERROR, ((record,), (), ()), flags=FLAG_AUTHORITATIVE)

    def _may_transfer(self, client: Address | None) -> bool:
        allowed = self.config.transfers_to
        return client is not None and any(client in prefix for prefix in allowed)


def _alias(request: Request, name: DomainName, answers: Section) -> Record:
    """Make a CNAME from the name in the question to the name found, with the answer's TTL."""
    return Record(request.name, RecordType.CNAME, answers[0].ttl_s, name)
