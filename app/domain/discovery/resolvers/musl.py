"""musl's getaddrinfo, as of 1.2.5 and of 1.2.3.

    literal -> hosts file -> search list (only below ndots) -> the name itself
    candidate + types -> rounds of flights to all servers -> one reply per type

The first candidate that is not NXDOMAIN ends the search: addresses, no data and errors alike.
All nameservers are asked in parallel.  Only NOERROR and NXDOMAIN are answers; after SERVFAIL
the query is repeated immediately, a few times; other replies are ignored, which leads to the
timeout.
Source: spec resolver 3; musl's lookup_name.c and res_msend.c.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace

from app.domain.discovery.resolvers.answer_section import MUSL, ordered, spelt, status_of
from app.domain.discovery.resolvers.local_names import (
    addresses_in_hosts,
    aton_literal,
    of_family,
    raw_name,
)
from app.domain.discovery.resolvers.lookup import (
    AAAA,
    ADDR,
    A,
    Asking,
    Candidate,
    Decision,
    Flight,
    Host,
    Lookup,
    LookupFlag,
    Outcome,
    Query,
    Rcode,
    Record,
    Replies,
    Reply,
    Status,
    Trail,
    Transport,
    Walk,
    failed_unasked,
)
from app.domain.discovery.resolvers.resolver_config import musl
from app.domain.names import parse_domain

_NAME_LENGTH_MAX = 254  # octets
_CANDIDATE_LENGTH_MAX = 255  # octets
_AGAIN, _NODATA, _NONAME = "EAI_AGAIN", "EAI_NODATA", "EAI_NONAME"
_ANSWERS = (Rcode.NOERROR, Rcode.NXDOMAIN)
_RESENDS_PER_TYPE = 2  # after SERVFAIL, shared by all types and servers of a round


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The differences between 1.2.4, which is new, and the releases before it.

    With an empty error the candidate is skipped.
    """

    falls_back_to_tcp: bool
    no_data_error: str
    bad_name_error: str


OLD = Release(falls_back_to_tcp=False, no_data_error=_NONAME, bad_name_error=_NONAME)
NEW = Release(falls_back_to_tcp=True, no_data_error=_NODATA, bad_name_error="")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """How one candidate ended; without error and replies it does not exist."""

    error: str = ""
    cause: Rcode | None = None
    candidate: Candidate | None = None
    replies: Replies = ()

    @property
    def is_final(self) -> bool:
        return bool(self.error or self.replies)

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(record for reply in self.replies for record in reply.records)


_Searching = Generator[Flight, Replies, _Result]


def walk(lookup: Lookup, host: Host, *, release: Release) -> Walk:
    """Resolve as a program linked with musl does."""
    search = _Search(release, Trail(musl(host.resolv_conf)))
    if not lookup.is_for_addresses:
        # In musl res_search equals res_query: the search list is not used.
        result = yield from search.query(lookup.name, "as-is", lookup.qtypes)
        return _record_outcome(result, search.trail)
    qtype = lookup.qtype
    if qtype == AAAA and LookupFlag.V4_MAPPED in lookup.flags:
        qtype = ADDR
    sought = replace(lookup, qtype=qtype)
    known = _known_locally(sought, host, release)
    if known is not None:
        return known
    result = yield from search.run(lookup.name, sought.qtypes)
    return _address_outcome(lookup, host, result, search)


def _known_locally(lookup: Lookup, host: Host, release: Release) -> Outcome | None:
    if not 0 < len(lookup.name.encode()) <= _NAME_LENGTH_MAX:
        return failed_unasked(_NONAME)
    literal = aton_literal(lookup.name)
    written = (literal,) if literal else addresses_in_hosts(host.hosts, lookup.name)
    if not written:
        return None
    found = of_family(written, lookup.qtypes)
    if not found:
        error = release.no_data_error
        return failed_unasked(error, Status.NODATA if error == _NODATA else Status.NXDOMAIN)
    in_order = ordered(found, host.network, MUSL)
    return Outcome(status=Status.NOERROR, addresses=in_order, canonical_name=lookup.name)


@dataclass(slots=True)
class _Search:
    """The search list applied to a name."""

    release: Release
    trail: Trail

    def run(self, name: str, qtypes: tuple[str, ...]) -> _Searching:
        config = self.trail.config
        is_searched = name.count(".") < config.ndots and not name.endswith(".")
        stem = name.removesuffix(".")
        if not stem or stem.endswith("."):
            return _Result(error=_NONAME)
        for position, domain in enumerate(config.search if is_searched else ()):
            text = f"{stem}.{domain}"
            if len(text.encode()) >= _CANDIDATE_LENGTH_MAX:
                continue
            result = yield from self.query(text, f"search[{position}]", qtypes)
            if result.is_final:
                return result
            self.trail.decide(Decision.NEXT, "the name does not exist")
        result = yield from self.query(stem, "as-is", qtypes)
        return result if result.is_final else replace(result, error=_NONAME)

    def query(self, text: str, source: str, qtypes: tuple[str, ...]) -> _Searching:
        # 1.2.3 packs a name that ends in two dots into a packet that no server understands.
        is_malformed = self.release is OLD and text.endswith("..")
        name = raw_name(text.rstrip(".") if is_malformed else text)
        if name is None:
            return _Result(error=self.release.bad_name_error)
        candidate = Candidate(name=name, source=source)
        if not self.trail.config.attempts:
            return _Result(error="CRASH", cause=Rcode.SERVFAIL)  # a division by zero
        replies = yield from self._send(candidate, qtypes, is_malformed=is_malformed)
        return _evaluated(candidate, replies)

    def _send(self, candidate: Candidate, qtypes: tuple[str, ...], *, is_malformed: bool) -> Asking:
        """Ask all servers, round after round; a type without an answer keeps its last failure."""
        config = self.trail.config
        replies: dict[str, Reply] = {}
        for attempt in range(config.attempts if config.timeout_s else 0):
            flight = tuple(
                replace(
                    self.trail.query(candidate, qtype, index, attempt=attempt),
                    transport=Transport.UDP,
                    is_malformed=is_malformed,
                )
                for qtype in qtypes
                if not _is_answered(qtype, replies)
                for index in range(len(config.nameservers))
            )
            if attempt:
                self.trail.retry("no answer that counts")
            yield from self._round(flight, replies)
            if all(_is_answered(qtype, replies) for qtype in qtypes):
                break
        return tuple(replies.get(qtype, Reply(rcode=Rcode.TIMEOUT)) for qtype in qtypes)

    def _round(self, flight: Flight, kept: dict[str, Reply]) -> Generator[Flight, Replies, None]:
        answered = {qtype for qtype in kept if _is_answered(qtype, kept)}
        resends = _RESENDS_PER_TYPE * len({query.qtype for query in flight} | answered)
        replies = yield from self.trail.ask(flight)
        arrived = list(zip(flight, replies, strict=True))
        for index in range(len(self.trail.config.nameservers)):
            # Replies are assumed to arrive in the order of the servers.
            received = [pair for pair in arrived if pair[0].nameserver_index == index]
            while received:
                again: list[Query] = []
                for query, reply in received:
                    yield from self._receive(query, reply, kept)
                    is_pending = not _is_answered(query.qtype, kept)
                    if is_pending and reply.rcode is Rcode.SERVFAIL and len(again) < resends:
                        again.append(query)
                resends -= len(again)
                replies = yield from self.trail.ask(again)
                received = list(zip(again, replies, strict=True))

    def _receive(
        self, query: Query, reply: Reply, kept: dict[str, Reply]
    ) -> Generator[Flight, Replies, None]:
        if _is_answered(query.qtype, kept):
            return
        if reply.is_truncated and self.release.falls_back_to_tcp:
            (reply,) = yield from self.trail.ask((replace(query, transport=Transport.TCP),))
        kept[query.qtype] = reply


def _is_answered(qtype: str, kept: dict[str, Reply]) -> bool:
    return qtype in kept and kept[qtype].rcode in _ANSWERS


def _evaluated(candidate: Candidate, replies: Replies) -> _Result:
    """Evaluate A before AAAA: no reply or NXDOMAIN of either decides for both."""
    for reply in replies:
        if reply.rcode not in _ANSWERS:
            return _Result(error=_AGAIN, cause=reply.rcode)
        if reply.rcode is Rcode.NXDOMAIN:
            return _Result(cause=Rcode.NXDOMAIN)
    return _Result(candidate=candidate, replies=replies)


def _address_outcome(lookup: Lookup, host: Host, result: _Result, search: _Search) -> Outcome:
    trail = search.trail
    replies = result.replies if search.release is OLD else result.replies[::-1]
    found = [
        record.value for reply in replies for record in reply.records if record.rtype in (A, AAAA)
    ]
    if lookup.qtype == AAAA:
        found = _mapped(found, keeps_both=LookupFlag.ALL in lookup.flags)
    if found:
        trail.decide(Decision.HIT, "an answer")
        addresses = ordered(found, host.network, MUSL)
        name = _canonical_name(result.candidate, replies)
        return trail.found(addresses, name, result.records)
    error = result.error or search.release.no_data_error
    trail.decide(Decision.STOP, error)
    # Releases before 1.2.4 have one error for NODATA and NXDOMAIN; the status distinguishes them.
    status = Status.NXDOMAIN if error == _NONAME else status_of(result.cause)
    return trail.failed(status if result.error else Status.NODATA, error)


def _mapped(addresses: list[str], *, keeps_both: bool) -> list[str]:
    has_ipv6 = any(":" in address for address in addresses)
    return [
        address if ":" in address else f"::ffff:{address}"
        for address in addresses
        if ":" in address or keeps_both or not has_ipv6
    ]


def _canonical_name(candidate: Candidate | None, replies: Replies) -> str:
    name = candidate.name if candidate else parse_domain(".")
    for reply in replies:
        for record in reply.records:
            if record.rtype == "CNAME":
                name = parse_domain(record.value)
    return spelt(name)


def _record_outcome(result: _Result, trail: Trail) -> Outcome:
    if result.records:
        trail.decide(Decision.HIT, "an answer")
        return trail.found((), _canonical_name(result.candidate, result.replies), result.records)
    error, status = "TRY_AGAIN", status_of(result.cause)
    if result.replies:
        error, status = "NO_DATA", Status.NODATA
    elif result.error != _AGAIN:
        error, status = "HOST_NOT_FOUND", Status.NXDOMAIN
    trail.decide(Decision.STOP, error)
    return trail.failed(status, error)
