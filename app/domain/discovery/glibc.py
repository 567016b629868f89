"""glibc's getaddrinfo and res_search, as of 2.26 to 2.36.

    literal -> hosts file -> alias -> search list -> the error that is reported

Which of several failures the program gets to see is the subtle part: an as-is
try that came first, else NODATA anywhere, else SERVFAIL anywhere, else the last.
Source: spec resolver 2.2 to 2.5; glibc's res_query.c.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.discovery import address_order
from app.domain.discovery.answer_section import Reading, of_family, read, status_of
from app.domain.discovery.glibc_send import Sender
from app.domain.discovery.local_names import (
    addresses_in_hosts,
    alias_of,
    aton_literal,
    is_glibc_host_name,
    raw_name,
)
from app.domain.discovery.lookup import (
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
from app.domain.discovery.resolver_config import ResolverConfig, glibc


class _Code(StrEnum):
    """The values of h_errno."""

    SUCCESS = "NETDB_SUCCESS"
    HOST_NOT_FOUND = "HOST_NOT_FOUND"
    TRY_AGAIN = "TRY_AGAIN"
    NO_RECOVERY = "NO_RECOVERY"
    NO_DATA = "NO_DATA"


_CODES = {
    Rcode.NXDOMAIN: _Code.HOST_NOT_FOUND,
    Rcode.SERVFAIL: _Code.TRY_AGAIN,
    Rcode.NOERROR: _Code.NO_DATA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """How one candidate, or the whole search, ended."""

    code: _Code
    reading: Reading = field(default_factory=Reading)
    cause: Rcode | None = None
    first_rcode: Rcode = Rcode.NOERROR
    is_refused: bool = False
    is_answered: bool = True
    reported_from: str = "last"


_Searching = Generator[Flight, Replies, _Result]


def walk(lookup: Lookup, host: Host) -> Walk:
    """Resolve as a program linked with glibc does."""
    config = glibc(
        host.resolv_conf,
        hostname=host.hostname,
        local_domain=host.local_domain,
        res_options=host.res_options,
    )
    search = _Search(config=config, sender=Sender(config, Trail()))
    if not lookup.is_for_addresses:
        result = yield from search.run(lookup.name, lookup.qtypes)
        return _record_outcome(result, search)
    return (yield from _addresses(lookup, host, search))


@dataclass(slots=True, kw_only=True)
class _Search:
    """The search list applied to names; ``sender`` keeps what the thread has learnt."""

    config: ResolverConfig
    sender: Sender
    is_last_answered: bool = True

    def run(self, name: str, qtypes: tuple[str, ...]) -> _Searching:
        """Try the candidates of a name in order, and choose the error to report."""
        dots = name.count(".")
        is_absolute = name.endswith(".")
        saved: _Result | None = None
        if dots >= self.config.ndots or is_absolute:
            saved = yield from self._query(name, "as-is", qtypes)
            self._settle(saved, is_final=is_absolute)
            if is_absolute or saved.code is _Code.SUCCESS:
                return saved
        return (yield from self._list(name, qtypes, saved))

    def _list(self, name: str, qtypes: tuple[str, ...], saved: _Result | None) -> _Searching:
        result = saved or _Result(code=_Code.HOST_NOT_FOUND)
        seen: dict[_Code, _Result] = {}
        for position, domain in enumerate(self.config.search):
            stem = domain.removeprefix(".")
            result = yield from self._query(f"{name}.{stem}", f"search[{position}]", qtypes)
            goes_on = _goes_on(result)
            self._settle(result, is_final=result.is_refused, goes_on=goes_on)
            if result.code is _Code.SUCCESS or result.is_refused:
                return result
            if result.code is _Code.NO_DATA or (goes_on and result.code is _Code.TRY_AGAIN):
                seen.setdefault(result.code, result)
            if not goes_on:
                break
        if saved is None and self._tries_as_is_last(name):
            result = yield from self._query(name, "as-is", qtypes)
            self._settle(result, is_final=True)
            if result.code is _Code.SUCCESS:
                return result
        return _reported(saved, seen, result)

    def _tries_as_is_last(self, name: str) -> bool:
        has_root = any(domain in ("", ".") for domain in self.config.search)
        is_allowed = (
            "." in name or not self.config.search or "no-tld-query" not in self.config.flags
        )
        return is_allowed and not has_root

    def _query(self, text: str, source: str, qtypes: tuple[str, ...]) -> _Searching:
        name = raw_name(text)
        if name is None:
            return _Result(code=_Code.NO_RECOVERY, cause=Rcode.NXDOMAIN)
        no_aaaa = "no-aaaa" in self.config.flags
        asked = (A,) if no_aaaa and AAAA in qtypes else qtypes
        candidate = Candidate(name=name, source=source)
        sent = yield from self.sender.send(candidate, asked)
        self.is_last_answered = bool(sent.replies)
        if not sent.replies:
            return _Result(
                code=_Code.TRY_AGAIN,
                cause=sent.failure,
                first_rcode=sent.first_rcode,
                is_refused=sent.is_refused,
                is_answered=False,
            )
        replies = sent.replies
        if no_aaaa and qtypes == (AAAA,):
            replies = tuple(Reply(rcode=reply.rcode) for reply in replies)
        return _judged(candidate, replies)

    def _settle(self, result: _Result, *, is_final: bool, goes_on: bool = True) -> None:
        trail = self.sender.trail
        if result.code is _Code.SUCCESS:
            trail.decide(Decision.HIT, "an answer")
        elif is_final:
            trail.decide(Decision.STOP, result.code)
        elif goes_on:
            trail.decide(Decision.NEXT, result.code)
        else:
            trail.decide(Decision.NEXT, f"{result.code}: the rest of the search list is skipped")


def _judged(candidate: Candidate, replies: tuple[Reply, ...]) -> _Result:
    if any(reply.is_positive for reply in replies):
        return _Result(code=_Code.SUCCESS, reading=read(candidate, replies))
    first, last = replies[0].rcode, replies[-1].rcode
    rcode = last if first is Rcode.NOERROR else first
    return _Result(
        code=_CODES.get(rcode, _Code.NO_RECOVERY), cause=rcode, first_rcode=replies[0].rcode
    )


def _goes_on(result: _Result) -> bool:
    match result.code:
        case _Code.HOST_NOT_FOUND | _Code.NO_DATA:
            return True
        case _Code.TRY_AGAIN:
            return result.first_rcode is Rcode.SERVFAIL
        case _:
            return False


def _reported(saved: _Result | None, seen: dict[_Code, _Result], last: _Result) -> _Result:
    if saved is not None:
        return _with_origin(saved, "as-is")
    if _Code.NO_DATA in seen:
        return _with_origin(seen[_Code.NO_DATA], "nodata")
    if _Code.TRY_AGAIN in seen:
        return _with_origin(seen[_Code.TRY_AGAIN], "servfail")
    return last


def _with_origin(result: _Result, origin: str) -> _Result:
    return _Result(code=result.code, cause=result.cause, reported_from=origin)


def _record_outcome(result: _Result, search: _Search) -> Outcome:
    steps = tuple(search.sender.trail.steps)
    if result.code is _Code.SUCCESS:
        return Outcome(
            status=Status.NOERROR,
            canonical_name=result.reading.canonical_name,
            records=result.reading.records,
            steps=steps,
        )
    statuses = {_Code.HOST_NOT_FOUND: Status.NXDOMAIN, _Code.NO_DATA: Status.NODATA}
    return Outcome(
        status=statuses.get(result.code) or status_of(result.cause),
        error=result.code,
        steps=steps,
        reported_from=result.reported_from,
    )


def _addresses(lookup: Lookup, host: Host, search: _Search) -> Walk:
    lookup = _restricted(lookup, host)
    if not lookup.qtype:
        return _failed("EAI_NONAME")
    literal = aton_literal(lookup.name)
    if literal is not None:
        found = of_family([literal], lookup.qtypes)
        if not found and LookupFlag.V4_MAPPED in lookup.flags and ":" not in literal:
            found = (f"::ffff:{literal}",)
        return _found(found, lookup.name) if found else _failed("EAI_ADDRFAMILY")
    for source in host.sources:
        if source == "files":
            found = of_family(addresses_in_hosts(host.hosts, lookup.name), lookup.qtypes)
            if found:
                return _found(found, lookup.name)
        elif source == "dns":
            return (yield from _by_dns(lookup, host, search))
    return _failed("EAI_NONAME")


def _restricted(lookup: Lookup, host: Host) -> Lookup:
    """Apply AI_ADDRCONFIG; an empty type means that the call fails without a query."""
    if not {LookupFlag.ADDRESS_CONFIG, LookupFlag.NO_HINTS} & lookup.flags:
        return lookup
    present = {A: host.network.ipv4 is not None, AAAA: host.network.ipv6 is not None}
    qtype = lookup.qtype
    if qtype == ADDR:
        if present[A] != present[AAAA]:
            qtype = A if present[A] else AAAA
    elif not present[qtype]:
        qtype = ""
    return Lookup(name=lookup.name, qtype=qtype, flags=lookup.flags)


def _by_dns(lookup: Lookup, host: Host, search: _Search) -> Walk:
    name = alias_of(host.host_aliases, lookup.name) or lookup.name
    if not is_glibc_host_name(name):
        return _failed("EAI_NONAME")
    is_mapped = lookup.qtype == AAAA and LookupFlag.V4_MAPPED in lookup.flags
    result = yield from search.run(name, lookup.qtypes)
    addresses = result.reading.addresses
    if is_mapped and (not addresses or LookupFlag.ALL in lookup.flags):
        second = yield from search.run(name, (A,))
        addresses += tuple(f"::ffff:{address}" for address in second.reading.addresses)
        result = result if result.reading.addresses else second
    steps = tuple(search.sender.trail.steps)
    if addresses:
        return Outcome(
            status=Status.NOERROR,
            addresses=address_order.ordered(addresses, host.network, address_order.GLIBC),
            canonical_name=result.reading.canonical_name,
            records=result.reading.records,
            steps=steps,
        )
    error, status = _error(lookup, result, is_last_answered=search.is_last_answered)
    return Outcome(
        status=status,
        error=error,
        records=result.reading.records,
        steps=steps,
        reported_from=result.reported_from,
    )


def _error(lookup: Lookup, result: _Result, *, is_last_answered: bool) -> tuple[str, Status]:
    # AF_INET without AI_CANONNAME goes another way through the library, with two odd results.
    is_old_path = lookup.qtype == A and LookupFlag.CANONICAL_NAME not in lookup.flags
    match result.code:
        case _Code.NO_DATA:
            return "EAI_NODATA", Status.NODATA
        case _Code.SUCCESS if is_old_path:  # aliases, and no address at their end
            return "EAI_NODATA", Status.NODATA
        case _Code.TRY_AGAIN if not (is_old_path and is_last_answered):
            return "EAI_AGAIN", status_of(result.cause)
        case _:
            return "EAI_NONAME", Status.NXDOMAIN


def _found(addresses: tuple[str, ...], name: str) -> Outcome:
    return Outcome(status=Status.NOERROR, addresses=addresses, canonical_name=name)


def _failed(error: str) -> Outcome:
    return Outcome(status=Status.NXDOMAIN, error=error)
