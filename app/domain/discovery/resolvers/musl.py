"""musl's getaddrinfo, as of 1.2.5 and of 1.2.3.

    literal -> hosts file -> search list (only below ndots) -> the name itself

The first candidate that is not NXDOMAIN ends the search: addresses, no data and errors alike.
Source: spec resolver 3; musl's lookup_name.c.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace

from app.domain.discovery.resolvers import address_order
from app.domain.discovery.resolvers.answer_section import of_family, spelt, status_of
from app.domain.discovery.resolvers.local_names import addresses_in_hosts, aton_literal, raw_name
from app.domain.discovery.resolvers.lookup import (
    AAAA,
    ADDR,
    A,
    Candidate,
    Decision,
    Flight,
    Host,
    Lookup,
    LookupFlag,
    Outcome,
    Rcode,
    Replies,
    Reply,
    Status,
    Trail,
    Walk,
)
from app.domain.discovery.resolvers.musl_send import NEW, OLD, Release, Sender
from app.domain.discovery.resolvers.resolver_config import musl
from app.domain.names import parse_domain

_NAME_LENGTH_MAX = 254  # octets
_CANDIDATE_LENGTH_MAX = 255  # octets
_AGAIN, _NODATA, _NONAME = "EAI_AGAIN", "EAI_NODATA", "EAI_NONAME"


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


_Asking = Generator[Flight, Replies, _Result]


def walk(lookup: Lookup, host: Host) -> Walk:
    """Resolve as a program linked with musl 1.2.4 or later does."""
    return _walk(lookup, host, NEW)


def walk_1_2_3(lookup: Lookup, host: Host) -> Walk:
    """Resolve as musl 1.2.1 to 1.2.3 do."""
    return _walk(lookup, host, OLD)


def _walk(lookup: Lookup, host: Host, release: Release) -> Walk:
    sender = Sender(musl(host.resolv_conf), release, Trail())
    search = _Search(sender, release)
    if not lookup.is_for_addresses:
        # In musl res_search equals res_query: the search list is not used.
        result = yield from search.query(lookup.name, "as-is", lookup.qtypes)
        return _record_outcome(result, sender)
    qtype = lookup.qtype
    if qtype == AAAA and LookupFlag.V4_MAPPED in lookup.flags:
        qtype = ADDR
    known = _known_locally(replace(lookup, qtype=qtype), host, release)
    if known is not None:
        return known
    result = yield from search.run(lookup.name, (A, AAAA) if qtype == ADDR else (qtype,))
    return _address_outcome(lookup, host, result, search)


def _known_locally(lookup: Lookup, host: Host, release: Release) -> Outcome | None:
    if not 0 < len(lookup.name.encode()) <= _NAME_LENGTH_MAX:
        return _failed(_NONAME)
    literal = aton_literal(lookup.name)
    written = (literal,) if literal else addresses_in_hosts(host.hosts, lookup.name)
    if not written:
        return None
    found = of_family(written, lookup.qtypes)
    if not found:
        return _failed(release.no_data_error)
    ordered = address_order.ordered(found, host.network, address_order.MUSL)
    return Outcome(status=Status.NOERROR, addresses=ordered, canonical_name=lookup.name)


@dataclass(slots=True)
class _Search:
    """The search list applied to a name."""

    sender: Sender
    release: Release

    def run(self, name: str, qtypes: tuple[str, ...]) -> _Asking:
        config = self.sender.config
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
            self.sender.trail.decide(Decision.NEXT, "the name does not exist")
        result = yield from self.query(stem, "as-is", qtypes)
        return result if result.is_final else replace(result, error=_NONAME)

    def query(self, text: str, source: str, qtypes: tuple[str, ...]) -> _Asking:
        # 1.2.3 packs a name that ends in two dots into a packet that no server understands.
        is_malformed = self.release is OLD and text.endswith("..")
        name = raw_name(text.rstrip(".") if is_malformed else text)
        if name is None:
            return _Result(error=self.release.bad_name_error)
        candidate = Candidate(name=name, source=source)
        if not self.sender.config.attempts:
            return _Result(error="CRASH", cause=Rcode.SERVFAIL)  # a division by zero
        replies = yield from self.sender.send(candidate, qtypes, is_malformed=is_malformed)
        return _evaluated(candidate, replies)


def _evaluated(candidate: Candidate, replies: Replies) -> _Result:
    """Evaluate A before AAAA: no reply or NXDOMAIN of either decides for both."""
    for reply in replies:
        if reply.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return _Result(error=_AGAIN, cause=reply.rcode)
        if reply.rcode is Rcode.NXDOMAIN:
            return _Result(cause=Rcode.NXDOMAIN)
    return _Result(candidate=candidate, replies=replies)


def _address_outcome(lookup: Lookup, host: Host, result: _Result, search: _Search) -> Outcome:
    sender = search.sender
    replies = result.replies if search.release is OLD else result.replies[::-1]
    found = [
        record.value for reply in replies for record in reply.records if record.rtype in (A, AAAA)
    ]
    if lookup.qtype == AAAA:
        found = _mapped(found, keeps_both=LookupFlag.ALL in lookup.flags)
    if found:
        sender.trail.decide(Decision.HIT, "an answer")
        return Outcome(
            status=Status.NOERROR,
            addresses=address_order.ordered(found, host.network, address_order.MUSL),
            canonical_name=_canonical_name(result.candidate, replies),
            records=tuple(record for reply in result.replies for record in reply.records),
            steps=tuple(sender.trail.steps),
        )
    error = result.error or search.release.no_data_error
    sender.trail.decide(Decision.STOP, error)
    return Outcome(
        status=_status(result, error),
        error=error,
        steps=tuple(sender.trail.steps),
        reported_from="last",
    )


def _status(result: _Result, error: str) -> Status:
    """Distinguish NODATA from NXDOMAIN, for which releases before 1.2.4 have one error."""
    if not result.error:
        return Status.NODATA
    return Status.NXDOMAIN if error == _NONAME else status_of(result.cause)


def _mapped(addresses: list[str], *, keeps_both: bool) -> list[str]:
    has_ipv6 = any(":" in address for address in addresses)
    return [
        address if ":" in address else f"::ffff:{address}"
        for address in addresses
        if ":" in address or keeps_both or not has_ipv6
    ]


def _canonical_name(candidate: Candidate | None, replies: tuple[Reply, ...]) -> str:
    name = candidate.name if candidate else parse_domain(".")
    for reply in replies:
        for record in reply.records:
            if record.rtype == "CNAME":
                name = parse_domain(record.value)
    return spelt(name)


def _record_outcome(result: _Result, sender: Sender) -> Outcome:
    records = tuple(record for reply in result.replies for record in reply.records)
    if records:
        sender.trail.decide(Decision.HIT, "an answer")
        return Outcome(
            status=Status.NOERROR,
            canonical_name=_canonical_name(result.candidate, result.replies),
            records=records,
            steps=tuple(sender.trail.steps),
        )
    error, status = "TRY_AGAIN", status_of(result.cause)
    if result.replies:
        error, status = "NO_DATA", Status.NODATA
    elif result.error != _AGAIN:
        error, status = "HOST_NOT_FOUND", Status.NXDOMAIN
    sender.trail.decide(Decision.STOP, error)
    steps = tuple(sender.trail.steps)
    return Outcome(status=status, error=error, steps=steps, reported_from="last")


def _failed(error: str) -> Outcome:
    return Outcome(status=Status.NODATA if error == _NODATA else Status.NXDOMAIN, error=error)
