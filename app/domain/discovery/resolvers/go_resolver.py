"""Go's own resolver, ``netdns=go``.

    literal -> host name check -> hosts file -> names in order, continuing after any failure

Two goroutines ask for A and AAAA; here A goes first, a program may see either order.
Source: spec resolver 4; Go's net/dnsclient_unix.go.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.discovery.resolvers import address_order
from app.domain.discovery.resolvers.answer_section import of_family, spelt, status_of
from app.domain.discovery.resolvers.go_send import Sender, is_lame
from app.domain.discovery.resolvers.local_names import addresses_in_hosts, raw_name, strict_literal
from app.domain.discovery.resolvers.lookup import (
    AAAA,
    A,
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
    Walk,
)
from app.domain.discovery.resolvers.resolver_config import ResolverConfig, go
from app.domain.names import LABEL_LENGTH_MAX, SUBDOMAIN_LENGTH_MAX, parse_domain

_ROOTED_LENGTH_MAX = SUBDOMAIN_LENGTH_MAX + 1  # characters, the final dot counted
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


def walk(lookup: Lookup, host: Host) -> Walk:
    """Resolve as a program built without cgo does."""
    config = go(host.resolv_conf, hostname=host.hostname)
    known = _known_locally(lookup, host)
    if known is not None:
        return known
    sender = Sender(config, Trail())
    candidates = _candidates(lookup.name, config)
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
    return Outcome(
        status=failure.status,
        error=failure.error,
        steps=tuple(sender.trail.steps),
        reported_from=failure.origin,
    )


def _known_locally(lookup: Lookup, host: Host) -> Outcome | None:
    if not lookup.is_for_addresses:
        return None if _is_domain_name(lookup.name) else _failed(_NOT_FOUND)
    literal = strict_literal(lookup.name)
    if literal is not None:
        return _known(lookup, host, [literal])
    if not _is_domain_name(lookup.name):
        return _failed(_NOT_FOUND)
    if "files" in host.sources:
        written = addresses_in_hosts(host.hosts, lookup.name)
        if written:
            return _known(lookup, host, written)
    return None if "dns" in host.sources else _failed(_NOT_FOUND)


def _known(lookup: Lookup, host: Host, addresses: Iterable[str]) -> Outcome:
    found = of_family(addresses, lookup.qtypes)
    if not found:
        return _failed(_NO_ADDRESS)
    ordered = address_order.ordered(found, host.network, address_order.GO)
    return Outcome(status=Status.NOERROR, addresses=ordered, canonical_name=lookup.name)


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
    is_rooted = text.endswith(".")
    if text.removesuffix(".").endswith(".onion"):
        return ()
    if is_rooted:
        # Go 1.19 counts the final dot twice in its check of the maximum length.
        written = [(text, "as-is")] if len(text) < _ROOTED_LENGTH_MAX else []
    else:
        written = [
            (f"{text}.{suffix}", f"search[{position}]")
            for position, suffix in enumerate(config.search)
            if len(text) + 1 + len(suffix) <= _ROOTED_LENGTH_MAX
        ]
        written.insert(0 if text.count(".") >= config.ndots else len(written), (text, "as-is"))
    named = ((raw_name(name), source) for name, source in written)
    return tuple(Candidate(name=name, source=source) for name, source in named if name is not None)


def _answers(qtypes: tuple[str, ...], replies: Replies) -> tuple[Record, ...]:
    return tuple(
        record
        for qtype, reply in zip(qtypes, replies, strict=True)
        for record in reply.records
        if record.rtype == qtype and reply.rcode is Rcode.NOERROR
    )


def _failure(lookup: Lookup, candidate: Candidate, replies: Replies, sender: Sender) -> _Failure:
    # For the name as written the last error counts, for others the first.
    is_original = candidate.source == "as-is" and not lookup.name.endswith(".")
    reply = replies[sender.last_ended if is_original else sender.first_ended]
    error = "lame referral" if is_lame(reply) else _ERRORS.get(reply.rcode, "server misbehaving")
    # Go has one error for NXDOMAIN and NODATA; the status distinguishes them.
    status = Status.NODATA if _is_no_data(reply, error) else status_of(reply.rcode)
    return _Failure(error=error, status=status, origin="as-is" if is_original else "last")


def _is_no_data(reply: Reply, error: str) -> bool:
    return error == _NOT_FOUND and reply.rcode is Rcode.NOERROR


def _found(
    lookup: Lookup,
    host: Host,
    replies: tuple[Reply, ...],
    answers: tuple[Record, ...],
    trail: Trail,
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
    return Outcome(
        status=Status.NOERROR,
        addresses=address_order.ordered(addresses, host.network, address_order.GO),
        canonical_name=spelt(canonical),
        records=records,
        steps=tuple(trail.steps),
    )


def _failed(error: str) -> Outcome:
    return Outcome(status=Status.NXDOMAIN, error=error)
