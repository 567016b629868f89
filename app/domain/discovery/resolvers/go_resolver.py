"""Go's own resolver, ``netdns=go``.

    literal -> host name check -> hosts file -> names in order, continuing after any failure
    candidate + types -> flights, attempt by attempt, server by server -> one reply per type

Two goroutines ask for A and AAAA; here A goes first, a program may see either order.
NXDOMAIN and an empty answer are final; everything else goes to the next server.
Source: spec resolver 4; Go's net/dnsclient_unix.go.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.domain.discovery.resolvers.answer_section import GO, ordered, spelt, status_of
from app.domain.discovery.resolvers.local_names import (
    addresses_in_hosts,
    of_family,
    raw_name,
    strict_literal,
)
from app.domain.discovery.resolvers.lookup import (
    AAAA,
    A,
    Asking,
    Candidate,
    Decision,
    Host,
    Lookup,
    Outcome,
    Rcode,
    Record,
    Replies,
    Reply,
    Status,
    Trail,
    Transport,
    Walk,
    candidates_of,
    failed_unasked,
)
from app.domain.discovery.resolvers.resolver_config import ResolverConfig, go
from app.domain.names import LABEL_LENGTH_MAX, SUBDOMAIN_LENGTH_MAX, parse_domain

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]+(?<!-)\Z")
_NO_ADDRESS = "no suitable address found"
_NOT_FOUND = "IsNotFound"
_ERRORS = {
    Rcode.NOERROR: _NOT_FOUND,
    Rcode.NXDOMAIN: _NOT_FOUND,
    Rcode.SERVFAIL: "IsTemporary",
    Rcode.CLOSED: "IsTemporary",
    Rcode.TIMEOUT: "IsTimeout",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """The error to report unless a later one replaces it."""

    error: str
    status: Status
    origin: str


@dataclass(slots=True)
class _Sender:
    """Asks for one name after another."""

    trail: Trail
    first_ended: int = 0
    last_ended: int = 0
    """The types of the last name whose replies came first and last, by position."""

    def send(self, candidate: Candidate, qtypes: tuple[str, ...]) -> Asking:
        """Return one reply per type: the first that is final, else the last one."""
        kept: dict[str, Reply] = {}
        spent: dict[str, tuple[int, int]] = {}  # number of timeouts, and the last turn
        count = len(self.trail.config.nameservers)
        for turn in range(count * self.trail.config.attempts):
            waiting = [qtype for qtype in qtypes if not _is_final(kept.get(qtype))]
            if not waiting:
                break
            if turn:
                self.trail.retry("no usable reply: the next server or attempt")
            attempt, index = divmod(turn, count)
            queries = [
                self.trail.query(candidate, qtype, index, attempt=attempt) for qtype in waiting
            ]
            replies = yield from self.trail.ask(queries)
            truncated = [
                replace(query, transport=Transport.TCP)
                for query, reply in zip(queries, replies, strict=True)
                if reply.is_truncated
            ]
            for qtype, reply in zip(waiting, replies, strict=True):
                waited = spent.get(qtype, (0, 0))[0] + int(reply.rcode is Rcode.TIMEOUT)
                spent[qtype] = (waited, turn)
                kept[qtype] = reply
            replies = yield from self.trail.ask(truncated)
            kept.update(
                (query.qtype, reply) for query, reply in zip(truncated, replies, strict=True)
            )
        # Of two goroutines that take equally long, the one started last usually ends first.
        ending = sorted(
            range(len(qtypes)), key=lambda position: (spent[qtypes[position]], -position)
        )
        self.first_ended, self.last_ended = ending[0], ending[-1]
        return tuple(kept[qtype] for qtype in qtypes)


def walk(lookup: Lookup, host: Host) -> Walk:
    """Resolve as a program built without cgo does."""
    known = _known_locally(lookup, host)
    if known is not None:
        return known
    sender = _Sender(Trail(go(host.resolv_conf, hostname=host.hostname)))
    candidates = _candidates(lookup.name, sender.trail.config)
    failure = _Failure(error=_NO_ADDRESS, status=Status.NXDOMAIN, origin="last")
    for position, candidate in enumerate(candidates):
        replies = yield from sender.send(candidate, lookup.qtypes)
        records = _answers(lookup.qtypes, replies)
        if records:
            sender.trail.decide(Decision.HIT, "an answer")
            return _found(lookup, host, replies, records, sender.trail)
        is_last = position == len(candidates) - 1
        latest = _failure(lookup, candidate, replies, sender)
        sender.trail.decide(Decision.STOP if is_last else Decision.NEXT, latest.error)
        if position == 0 or latest.origin == "as-is" or not lookup.is_for_addresses:
            failure = latest
    return sender.trail.failed(failure.status, failure.error, reported_from=failure.origin)


def _known_locally(lookup: Lookup, host: Host) -> Outcome | None:
    if not lookup.is_for_addresses:
        return None if _is_domain_name(lookup.name) else failed_unasked(_NOT_FOUND)
    literal = strict_literal(lookup.name)
    if literal is not None:
        return _known(lookup, host, [literal])
    if not _is_domain_name(lookup.name):
        return failed_unasked(_NOT_FOUND)
    if "files" in host.sources:
        written = addresses_in_hosts(host.hosts, lookup.name)
        if written:
            return _known(lookup, host, written)
    return None if "dns" in host.sources else failed_unasked(_NOT_FOUND)


def _known(lookup: Lookup, host: Host, addresses: Iterable[str]) -> Outcome:
    found = of_family(addresses, lookup.qtypes)
    if not found:
        return failed_unasked(_NO_ADDRESS)
    in_order = ordered(found, host.network, GO)
    return Outcome(status=Status.NOERROR, addresses=in_order, canonical_name=lookup.name)


def _is_domain_name(name: str) -> bool:
    if name == ".":
        return True
    stem = name.removesuffix(".")
    labels = stem.split(".")
    return (
        len(stem) <= SUBDOMAIN_LENGTH_MAX
        and all(len(label) <= LABEL_LENGTH_MAX and _LABEL.match(label) for label in labels)
        and not stem.replace(".", "").isdigit()
    )


def _candidates(text: str, config: ResolverConfig) -> tuple[Candidate, ...]:
    """List the names to ask; a suffix that makes no valid name is silently omitted."""
    if text.removesuffix(".").endswith(".onion"):
        return ()
    # Go 1.19 counts the final dot of a rooted name twice in its check of the maximum length.
    length_max = SUBDOMAIN_LENGTH_MAX if text.endswith(".") else SUBDOMAIN_LENGTH_MAX + 1
    named = (
        (raw_name(spelling), source)
        for spelling, source in candidates_of(text, config)
        if len(spelling) <= length_max
    )
    return tuple(Candidate(name=name, source=source) for name, source in named if name is not None)


def _answers(qtypes: tuple[str, ...], replies: Replies) -> tuple[Record, ...]:
    return tuple(
        record
        for qtype, reply in zip(qtypes, replies, strict=True)
        for record in reply.records
        if record.rtype == qtype and reply.rcode is Rcode.NOERROR
    )


def _failure(lookup: Lookup, candidate: Candidate, replies: Replies, sender: _Sender) -> _Failure:
    # For the name as written the last error counts, for others the first.
    is_original = candidate.source == "as-is" and not lookup.name.endswith(".")
    reply = replies[sender.last_ended if is_original else sender.first_ended]
    error = "lame referral" if _is_lame(reply) else _ERRORS.get(reply.rcode, "server misbehaving")
    # Go has one error for NXDOMAIN and NODATA; the status distinguishes them.
    is_no_data = error == _NOT_FOUND and reply.rcode is Rcode.NOERROR
    status = Status.NODATA if is_no_data else status_of(reply.rcode)
    return _Failure(error=error, status=status, origin="as-is" if is_original else "last")


def _found(
    lookup: Lookup, host: Host, replies: Replies, answers: tuple[Record, ...], trail: Trail
) -> Outcome:
    records = tuple(dict.fromkeys(record for reply in replies for record in reply.records))
    # Go writes an IPv4-mapped address as IPv4.
    addresses = [
        record.value.removeprefix("::ffff:") if "." in record.value else record.value
        for record in answers
        if record.rtype in (A, AAAA)
    ]
    canonical = answers[0].name
    for record in records:
        if record.rtype == "CNAME" and lookup.qtype == "CNAME":
            canonical = parse_domain(record.value)
    in_order = ordered(addresses, host.network, GO)
    return trail.found(in_order, spelt(canonical), records)


def _is_lame(reply: Reply) -> bool:
    """Whether Go takes a reply for a referral; unlike glibc it ignores additional records."""
    return replace(reply, has_additional=False).is_lame


def _is_final(reply: Reply | None) -> bool:
    if reply is None or _is_lame(reply):
        return False
    return reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)
