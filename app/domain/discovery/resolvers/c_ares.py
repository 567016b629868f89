"""c-ares' ares_getaddrinfo and ares_search, as of 1.18.

    .onion -> alias -> literal -> hosts file -> names in order -> the status reported

For a name without addresses the query that ends last decides the status.
Source: spec resolver 5; c-ares' ares_getaddrinfo.c and ares_search.c, 1.18.
"""

from collections.abc import Generator
from dataclasses import dataclass, field

from app.domain.discovery.resolvers import address_order
from app.domain.discovery.resolvers.answer_section import Reading, of_family, read, status_of
from app.domain.discovery.resolvers.c_ares_send import Pending, Sender
from app.domain.discovery.resolvers.local_names import (
    addresses_in_hosts,
    alias_of,
    escaped_name,
    strict_literal,
)
from app.domain.discovery.resolvers.lookup import (
    A,
    Candidate,
    Decision,
    Flight,
    Host,
    Lookup,
    Outcome,
    Rcode,
    Replies,
    Status,
    Trail,
    Walk,
)
from app.domain.discovery.resolvers.resolver_config import ResolverConfig, c_ares

_SUCCESS = ""
_ENODATA, _ENOTFOUND = "ARES_ENODATA", "ARES_ENOTFOUND"
_EBADNAME, _ECONNREFUSED = "ARES_EBADNAME", "ARES_ECONNREFUSED"
_LOCALHOST = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """How one candidate ended; ``cause`` is the failure when no server answered."""

    status: str
    reading: Reading = field(default_factory=Reading)
    cause: Rcode | None = None


@dataclass(slots=True, kw_only=True)
class _State:
    """The state of a lookup across candidates."""

    lookup: Lookup
    host: Host
    sender: Sender
    name: str
    literal: str | None
    has_seen_no_data: bool = False


def walk(lookup: Lookup, host: Host) -> Walk:
    """Resolve as a program with c-ares does."""
    config = c_ares(
        host.resolv_conf,
        hostname=host.hostname,
        local_domain=host.local_domain,
        res_options=host.res_options,
    )
    if lookup.name.removesuffix(".").lower().endswith(".onion"):
        return _failed(_ENOTFOUND)
    name = alias_of(host.host_aliases, lookup.name) or lookup.name
    state = _State(
        lookup=lookup,
        host=host,
        sender=Sender(config, Trail()),
        name=name,
        literal=_literal(name, lookup),
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
            if error.status not in (_ENODATA, _ENOTFOUND):
                break
    return _unresolved(state, error, "last")


def _names(state: _State) -> Generator[Flight, Replies, _Result]:
    """Try every name until one has an address or fails for another reason than its absence."""
    result = _Result(status=_ECONNREFUSED)
    trail = state.sender.trail
    candidates = _candidates(state.name, state.sender.config)
    for position, (text, source) in enumerate(candidates, start=1):
        result = yield from _query(state, text, source)
        if result.status not in (_ENODATA, _ENOTFOUND):
            is_hit = result.status == _SUCCESS
            trail.decide(Decision.HIT if is_hit else Decision.STOP, result.status or "an answer")
            return result
        is_last = position == len(candidates)
        trail.decide(Decision.STOP if is_last else Decision.NEXT, result.status)
        state.has_seen_no_data |= result.status == _ENODATA
    return _Result(status=_ENODATA) if state.has_seen_no_data else result


def _candidates(name: str, config: ResolverConfig) -> list[tuple[str, str]]:
    if name.endswith("."):
        return [(name, "as-is")]
    written = [
        (f"{name}.{domain}", f"search[{position}]") for position, domain in enumerate(config.search)
    ]
    written.insert(0 if name.count(".") >= config.ndots else len(written), (name, "as-is"))
    return written


def _query(state: _State, text: str, source: str) -> Generator[Flight, Replies, _Result]:
    name = escaped_name(text)
    if name is None:
        return _Result(status=_EBADNAME)
    candidate = Candidate(name=name, source=source)
    endings = yield from state.sender.send(candidate, state.lookup.qtypes)
    replies = sorted(endings, key=lambda ending: ending.position)
    reading = read(
        candidate, (ending.reply for ending in replies if ending.reply and _is_answer(ending))
    )
    if not state.lookup.is_for_addresses:
        return _Result(status=_status(endings[-1]), reading=reading, cause=endings[-1].failure)
    addresses = ((state.literal,) if state.literal else ()) + reading.addresses
    if addresses:
        return _Result(
            status=_SUCCESS,
            reading=Reading(
                addresses=addresses,
                canonical_name=reading.canonical_name,
                records=reading.records,
            ),
        )
    status = _status(endings[-1])
    return _Result(status=status or _ENODATA, cause=endings[-1].failure)


def _is_answer(ending: Pending) -> bool:
    return ending.reply is not None and ending.reply.is_positive


def _status(ending: Pending) -> str:
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
    as_is: _Result | None = None
    result = _Result(status=_ENOTFOUND)
    trail = state.sender.trail
    for text, source in _candidates(state.name, state.sender.config):
        trail.decide(Decision.NEXT, result.status)
        result = yield from _query(state, text, source)
        as_is = result if source == "as-is" else as_is
        state.has_seen_no_data |= result.status == _ENODATA
        if result.status not in (_ENODATA, _ENOTFOUND):
            break
    if result.status == _SUCCESS:
        trail.decide(Decision.HIT, "an answer")
        return _found(state, result.reading)
    trail.decide(Decision.STOP, result.status)
    if result.status in (_ENODATA, _ENOTFOUND):
        result = as_is or result
        if state.has_seen_no_data:
            result = _Result(status=_ENODATA)
    return _unresolved(state, result, "as-is" if result is as_is else "last")


def _known(state: _State, addresses: tuple[str, ...]) -> Outcome:
    return _found(state, Reading(addresses=addresses, canonical_name=state.name))


def _found(state: _State, reading: Reading) -> Outcome:
    return Outcome(
        status=Status.NOERROR,
        addresses=address_order.ordered(reading.addresses, state.host.network, address_order.C_ARES)
        if state.lookup.is_for_addresses
        else (),
        canonical_name=reading.canonical_name,
        records=reading.records,
        steps=tuple(state.sender.trail.steps),
    )


def _unresolved(state: _State, result: _Result, origin: str) -> Outcome:
    statuses = {
        _ENODATA: Status.NODATA,
        _ENOTFOUND: Status.NXDOMAIN,
        _EBADNAME: Status.NXDOMAIN,
    }
    return Outcome(
        status=statuses.get(result.status) or status_of(result.cause),
        error=result.status,
        steps=tuple(state.sender.trail.steps),
        reported_from="nodata" if result.status == _ENODATA else origin,
    )


def _failed(error: str) -> Outcome:
    return Outcome(status=Status.NXDOMAIN, error=error)
