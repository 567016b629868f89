"""c-ares' ares_getaddrinfo and ares_search, as of 1.18.

    .onion -> alias -> literal -> hosts file -> names in order -> the status reported
    candidate + types -> flights of all open queries -> a try of each type, as they end

A and AAAA are asked separately, each with its own tries.  A server that answers SERVFAIL,
NOTIMP or REFUSED is skipped from then on, unless it is the only one.  For a name without
addresses the query that ends last decides the status.
Source: spec resolver 5; c-ares' ares_getaddrinfo.c, ares_search.c and ares_process.c, 1.18.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace

from app.domain.discovery.resolvers.answer_section import C_ARES, Reading, ordered, read, status_of
from app.domain.discovery.resolvers.local_names import (
    addresses_in_hosts,
    alias_of,
    escaped_name,
    of_family,
    strict_literal,
)
from app.domain.discovery.resolvers.lookup import (
    SERVER_ERRORS,
    A,
    Candidate,
    Decision,
    Flight,
    Host,
    Lookup,
    Outcome,
    Rcode,
    Replies,
    Reply,
    Status,
    Trail,
    Transport,
    Walk,
    candidates_of,
    failed_unasked,
)
from app.domain.discovery.resolvers.resolver_config import c_ares

_SUCCESS = ""
_ENODATA, _ENOTFOUND = "ARES_ENODATA", "ARES_ENOTFOUND"
_EBADNAME, _ECONNREFUSED = "ARES_EBADNAME", "ARES_ECONNREFUSED"
_STATUSES = {_ENODATA: Status.NODATA, _ENOTFOUND: Status.NXDOMAIN, _EBADNAME: Status.NXDOMAIN}
_LOCALHOST = ("127.0.0.1", "::1")


@dataclass(slots=True)
class _Pending:
    """One query: its tries so far, and its reply once it has ended."""

    qtype: str
    position: int
    tries: int = 0
    server: int = 0
    transport: Transport = Transport.UDP
    skipped: set[int] = field(default_factory=set[int])
    timeouts: int = 0
    failure: Rcode | None = None
    reply: Reply | None = None
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """How one candidate ended; ``cause`` is the failure when no server answered."""

    status: str
    reading: Reading = field(default_factory=Reading)
    cause: Rcode | None = None

    @property
    def is_absence(self) -> bool:
        return self.status in (_ENODATA, _ENOTFOUND)


_Searching = Generator[Flight, Replies, _Result]


@dataclass(slots=True, kw_only=True)
class _State:
    """The state of a lookup across candidates."""

    lookup: Lookup
    host: Host
    trail: Trail
    name: str
    literal: str | None
    as_is: _Result | None = None


def walk(lookup: Lookup, host: Host) -> Walk:
    """Resolve as a program with c-ares does."""
    if lookup.name.removesuffix(".").lower().endswith(".onion"):
        return failed_unasked(_ENOTFOUND)
    config = c_ares(
        host.resolv_conf,
        hostname=host.hostname,
        local_domain=host.local_domain,
        res_options=host.res_options,
    )
    name = alias_of(host.host_aliases, lookup.name) or lookup.name
    state = _State(
        lookup=lookup, host=host, trail=Trail(config), name=name, literal=_literal(name, lookup)
    )
    if not lookup.is_for_addresses:
        return (yield from _search(state))
    # 1.18 keeps an IPv4 literal but still asks when IPv6 is wanted too.
    if state.literal is not None and (":" in state.literal or lookup.qtype == A):
        return _known(state, (state.literal,))
    return (yield from _sources(state))


def _literal(name: str, lookup: Lookup) -> str | None:
    literal = strict_literal(name) if lookup.is_for_addresses else None
    return None if literal and ":" in literal and lookup.qtype == A else literal


def _sources(state: _State) -> Walk:
    error = _Result(status=_ECONNREFUSED)
    is_local = state.name == "localhost"
    for source in state.host.sources:
        if source == "files":
            written = addresses_in_hosts(state.host.hosts, state.name)
            found = of_family(written, state.lookup.qtypes)
            if not found and is_local:
                found = of_family(_LOCALHOST, state.lookup.qtypes)
            if found:
                return _known(state, found)
        elif source == "dns" and not is_local:
            error = yield from _names(state)
            if error.status == _SUCCESS:
                return _found(state, error.reading)
            if not error.is_absence:
                break
    return _unresolved(state, error, "last")


def _names(state: _State) -> _Searching:
    """Try every name until one has records or fails for another reason than its absence."""
    result = _Result(status=_ECONNREFUSED)
    has_seen_no_data = False
    candidates = candidates_of(state.name, state.trail.config)
    for position, (text, source) in enumerate(candidates, start=1):
        result = yield from _query(state, text, source)
        state.as_is = result if source == "as-is" else state.as_is
        if not result.is_absence:
            is_hit = result.status == _SUCCESS
            decision = Decision.HIT if is_hit else Decision.STOP
            state.trail.decide(decision, result.status or "an answer")
            return result
        is_last = position == len(candidates)
        state.trail.decide(Decision.STOP if is_last else Decision.NEXT, result.status)
        has_seen_no_data |= result.status == _ENODATA
    return _Result(status=_ENODATA) if has_seen_no_data else result


def _query(state: _State, text: str, source: str) -> _Searching:
    name = escaped_name(text)
    if name is None:
        return _Result(status=_EBADNAME)
    candidate = Candidate(name=name, source=source)
    endings = yield from _send(state.trail, candidate, state.lookup.qtypes)
    replies = [each.reply for each in sorted(endings, key=lambda each: each.position)]
    reading = read(candidate, (reply for reply in replies if reply and reply.is_positive))
    status, cause = _status(endings[-1]), endings[-1].failure
    if not state.lookup.is_for_addresses:
        return _Result(status=status, reading=reading, cause=cause)
    addresses = ((state.literal,) if state.literal else ()) + reading.addresses
    if addresses:
        return _Result(status=_SUCCESS, reading=replace(reading, addresses=addresses))
    return _Result(status=status or _ENODATA, cause=cause)


def _status(ending: _Pending) -> str:
    if ending.reply is None:
        return "ARES_ETIMEOUT" if ending.timeouts else _ECONNREFUSED
    match ending.reply.rcode:
        case Rcode.NOERROR:
            return _SUCCESS if ending.reply.records else _ENODATA
        case Rcode.NXDOMAIN:
            return _ENOTFOUND
        case rcode:
            return f"ARES_E{rcode}"


def _search(state: _State) -> Walk:
    """Walk the search list for one record type; the status of the as-is try is reported."""
    result = yield from _names(state)
    if result.status == _SUCCESS:
        return _found(state, result.reading)
    if result.status == _ENOTFOUND:
        result = state.as_is or result
    return _unresolved(state, result, "as-is" if result is state.as_is else "last")


def _known(state: _State, addresses: tuple[str, ...]) -> Outcome:
    return _found(state, Reading(addresses=addresses, canonical_name=state.name))


def _found(state: _State, reading: Reading) -> Outcome:
    addresses: tuple[str, ...] = ()
    if state.lookup.is_for_addresses:
        network, rules = state.host.network, C_ARES
        addresses = ordered(reading.addresses, network, rules)
    return state.trail.found(addresses, reading.canonical_name, reading.records)


def _unresolved(state: _State, result: _Result, origin: str) -> Outcome:
    status = _STATUSES.get(result.status) or status_of(result.cause)
    origin = "nodata" if result.status == _ENODATA else origin
    return state.trail.failed(status, result.status, reported_from=origin)


def _send(
    trail: Trail, candidate: Candidate, qtypes: tuple[str, ...]
) -> Generator[Flight, Replies, list[_Pending]]:
    """Ask for every type; return the queries in the order in which they end."""
    pending = [_Pending(qtype, position) for position, qtype in enumerate(qtypes)]
    while open_queries := [query for query in pending if not query.is_over]:
        if any(query.tries for query in pending):
            trail.retry("no usable reply: asked again")
        replies = yield from trail.ask(
            replace(
                trail.query(candidate, query.qtype, query.server, attempt=query.tries),
                transport=query.transport,
            )
            for query in open_queries
        )
        for query, reply in zip(open_queries, replies, strict=True):
            _receive(trail, query, reply)
    return sorted(pending, key=lambda query: (query.timeouts, query.tries, query.position))


def _receive(trail: Trail, query: _Pending, reply: Reply) -> None:
    if reply.is_truncated and query.transport is Transport.UDP:
        query.transport = Transport.TCP
        return
    if reply.rcode not in SERVER_ERRORS and not reply.rcode.is_no_reply:
        query.reply = reply
        query.is_over = True
        return
    query.failure = reply.rcode
    count = len(trail.config.nameservers)
    if reply.rcode is Rcode.TIMEOUT:
        query.timeouts += 1
    elif reply.rcode is Rcode.CLOSED or count > 1:
        query.skipped.add(query.server)
    while query.tries + 1 < count * trail.config.attempts:
        query.tries += 1
        query.server = (query.server + 1) % count
        if query.server not in query.skipped:
            return
    query.is_over = True
