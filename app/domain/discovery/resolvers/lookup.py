"""The values of a program's lookup: request, queries, replies and outcome.

The walks of glibc, musl, Go and c-ares share these values and the recorder; nothing here
depends on a library.

    Lookup + Host -> walk -> flights of Query, each answered by Replies -> Outcome

A flight is a group of queries sent together, in the order of sending.
Source: spec resolver, section 10.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from app.domain.discovery.resolvers.resolver_config import UDP_BYTES_MIN, ResolverConfig
from app.domain.names import DomainName

A, AAAA = "A", "AAAA"
ADDR = "ADDR"  # both families, as getaddrinfo asks without a preference


class LookupFlag(StrEnum):
    """The hints of getaddrinfo that change the queries or the result."""

    CANONICAL_NAME = "AI_CANONNAME"
    ADDRESS_CONFIG = "AI_ADDRCONFIG"
    V4_MAPPED = "AI_V4MAPPED"
    ALL = "AI_ALL"
    NO_HINTS = "hints=NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One call: the name as the program wrote it and the type, ``ADDR`` for both families."""

    name: str
    qtype: str = ADDR
    flags: frozenset[LookupFlag] = frozenset()

    @property
    def is_for_addresses(self) -> bool:
        """Whether getaddrinfo would be called, and not a query for one record type."""
        return self.qtype in (ADDR, A, AAAA)

    @property
    def qtypes(self) -> tuple[str, ...]:
        """The record types one candidate is asked for."""
        return (A, AAAA) if self.qtype == ADDR else (self.qtype,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The machine's addresses without loopback; None when it has none of a family."""

    ipv4: str | None = "10.244.0.2"
    ipv6: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The environment of the program: everything besides the name that a lookup depends on."""

    resolv_conf: str
    network: Network = Network()
    hostname: str = ""
    hosts: str = ""
    sources: tuple[str, ...] = ("files", "dns")
    local_domain: str | None = None
    res_options: str = ""
    host_aliases: str = ""


class Transport(StrEnum):
    """The transport of a query."""

    UDP = "udp"
    TCP = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One packet to one nameserver; ``source`` is ``search[i]``, ``as-is`` or ``alias``.

    ``udp_bytes`` is the largest datagram that its sender accepts, above 512 only with EDNS.
    """

    name: DomainName
    qtype: str
    source: str
    nameserver: str
    nameserver_index: int
    attempt: int = 0
    transport: Transport = Transport.UDP
    udp_bytes: int = UDP_BYTES_MIN
    is_malformed: bool = False


class Rcode(StrEnum):
    """The result of a query: a response code, or one of the two kinds of no reply."""

    NOERROR = "NOERROR"
    FORMERR = "FORMERR"
    SERVFAIL = "SERVFAIL"
    NXDOMAIN = "NXDOMAIN"
    NOTIMP = "NOTIMP"
    REFUSED = "REFUSED"
    TIMEOUT = "TIMEOUT"
    CLOSED = "CLOSED"

    @property
    def is_no_reply(self) -> bool:
        """Whether there was no DNS reply at all."""
        return self in (Rcode.TIMEOUT, Rcode.CLOSED)


SERVER_ERRORS = (Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED)
"""The codes of a server that cannot answer, whatever the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A resource record with its value in presentation form."""

    name: DomainName
    rtype: str
    ttl_s: int
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The reply to one query."""

    rcode: Rcode
    records: tuple[Record, ...] = ()
    is_authoritative: bool = False
    is_recursive: bool = True
    is_truncated: bool = False
    has_additional: bool = False

    @property
    def is_positive(self) -> bool:
        """Whether it is NOERROR with an answer."""
        return self.rcode is Rcode.NOERROR and bool(self.records)

    @property
    def is_lame(self) -> bool:
        """Whether it looks like the referral of a server that does not serve the zone."""
        return self.rcode is Rcode.NOERROR and not (
            self.records or self.is_authoritative or self.is_recursive or self.has_additional
        )


class Decision(StrEnum):
    """What the resolver did after the reply."""

    HIT = "hit"
    NEXT = "next"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A query, its reply and the decision after it."""

    query: Query
    reply: Reply
    decision: Decision = Decision.NEXT
    reason: str = ""


class Status(StrEnum):
    """The result for the program, in DNS terms."""

    NOERROR = "NOERROR"
    NXDOMAIN = "NXDOMAIN"
    NODATA = "NODATA"
    SERVFAIL = "SERVFAIL"
    REFUSED = "REFUSED"
    TIMEOUT = "TIMEOUT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a lookup.

    ``error`` is the library's own code (``EAI_NONAME``, ``ARES_ENODATA``, …), empty on success;
    ``reported_from`` names the reply that the error comes from.
    """

    status: Status
    error: str = ""
    addresses: tuple[str, ...] = ()
    canonical_name: str = ""
    records: tuple[Record, ...] = ()
    steps: tuple[Step, ...] = ()
    reported_from: str = ""


Flight = tuple[Query, ...]
Replies = tuple[Reply, ...]
Asking = Generator[Flight, Replies, Replies]
Walk = Generator[Flight, Replies, Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A name to ask, and its source."""

    name: DomainName
    source: str


def candidates_of(name: str, config: ResolverConfig) -> list[tuple[str, str]]:
    """Spell the names to ask, each with its source; an absolute name is asked alone."""
    if name.endswith("."):
        return [(name, "as-is")]
    spelt = [
        (f"{name}.{domain}", f"search[{position}]") for position, domain in enumerate(config.search)
    ]
    spelt.insert(0 if name.count(".") >= config.ndots else len(spelt), (name, "as-is"))
    return spelt


@dataclass(slots=True)
class Trail:
    """Sends the flights of one lookup and records the result of every query."""

    config: ResolverConfig
    steps: list[Step] = field(default_factory=list[Step])
    _undecided: int = 0

    def query(self, candidate: Candidate, qtype: str, index: int, *, attempt: int) -> Query:
        """Make the query for a candidate to the ``index``-th nameserver."""
        return Query(
            name=candidate.name,
            qtype=qtype,
            source=candidate.source,
            nameserver=self.config.nameservers[index],
            nameserver_index=index,
            attempt=attempt,
            transport=Transport.TCP if "use-vc" in self.config.flags else Transport.UDP,
            udp_bytes=self.config.udp_bytes,
        )

    def ask(self, queries: Iterable[Query]) -> Asking:
        """Send one flight and wait for its replies, which come in the same order."""
        flight = tuple(queries)
        if not flight:
            return ()
        replies = yield flight
        self.steps.extend(
            Step(query=query, reply=reply) for query, reply in zip(flight, replies, strict=True)
        )
        return replies

    def retry(self, reason: str) -> None:
        """Mark the steps so far as unsuccessful: the same name is asked again."""
        self.decide(Decision.NEXT, reason)

    def begin_again(self, reason: str) -> None:
        """Revoke all hits: the library discards the answer and starts over."""
        self.steps = [
            replace(step, decision=Decision.NEXT, reason=reason)
            if step.decision is Decision.HIT
            else step
            for step in self.steps
        ]

    def decide(self, decision: Decision, reason: str) -> None:
        """Set the decision of every step since the last one."""
        for index in range(self._undecided, len(self.steps)):
            step = self.steps[index]
            self.steps[index] = Step(
                query=step.query, reply=step.reply, decision=decision, reason=reason
            )
        self._undecided = len(self.steps)

    def found(
        self,
        addresses: tuple[str, ...],
        canonical_name: str,
        records: tuple[Record, ...] = (),
    ) -> Outcome:
        """End the lookup with an answer."""
        return Outcome(
            status=Status.NOERROR,
            addresses=addresses,
            canonical_name=canonical_name,
            records=records,
            steps=tuple(self.steps),
        )

    def failed(self, status: Status, error: str, *, reported_from: str = "last") -> Outcome:
        """End the lookup with the library's own error code."""
        steps = tuple(self.steps)
        return Outcome(status=status, error=error, steps=steps, reported_from=reported_from)


def failed_unasked(error: str, status: Status = Status.NXDOMAIN) -> Outcome:
    """End a lookup that sends nothing; the error is the program's own, of no reply."""
    return Outcome(status=status, error=error)
