"""musl's queries: to all nameservers in parallel, until each type has an accepted answer.

    candidate + types -> rounds of flights to all servers -> one reply per type

Only NOERROR and NXDOMAIN are answers.  After SERVFAIL the query is repeated immediately,
a few times; other replies are ignored, which leads to the timeout.
Source: spec resolver 3.2; musl's res_msend.c.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace

from app.domain.discovery.resolvers.lookup import (
    Candidate,
    Flight,
    Query,
    Rcode,
    Replies,
    Reply,
    Trail,
    Transport,
    query_of,
)
from app.domain.discovery.resolvers.resolver_config import ResolverConfig

_ANSWERS = (Rcode.NOERROR, Rcode.NXDOMAIN)
_RESENDS_PER_TYPE = 2  # after SERVFAIL, shared by all types and servers of a round


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The differences between releases; with an empty error the candidate is skipped."""

    falls_back_to_tcp: bool
    no_data_error: str
    bad_name_error: str


OLD = Release(falls_back_to_tcp=False, no_data_error="EAI_NONAME", bad_name_error="EAI_NONAME")
NEW = Release(falls_back_to_tcp=True, no_data_error="EAI_NODATA", bad_name_error="")


@dataclass(slots=True)
class Sender:
    """Asks for one candidate after another."""

    config: ResolverConfig
    release: Release
    trail: Trail

    def send(
        self, candidate: Candidate, qtypes: tuple[str, ...], *, is_malformed: bool = False
    ) -> Generator[Flight, Replies, Replies]:
        """Ask all servers, round after round; a type without an answer keeps its last failure."""
        answers: dict[str, Reply] = {}
        failures: dict[str, Reply] = {}
        rounds = self.config.attempts if self.config.timeout_s else 0
        for attempt in range(rounds):
            flight = tuple(
                replace(
                    query_of(candidate, qtype, self.config, index, attempt=attempt),
                    transport=Transport.UDP,
                    is_malformed=is_malformed,
                )
                for qtype in qtypes
                if qtype not in answers
                for index in range(len(self.config.nameservers))
            )
            if attempt:
                self.trail.retry("no answer that counts")
            yield from self._round(flight, answers, failures)
            if len(answers) == len(qtypes):
                break
        no_reply = Reply(rcode=Rcode.TIMEOUT)
        return tuple(answers.get(qtype) or failures.get(qtype) or no_reply for qtype in qtypes)

    def _round(
        self, flight: Flight, answers: dict[str, Reply], failures: dict[str, Reply]
    ) -> Generator[Flight, Replies, None]:
        resends = _RESENDS_PER_TYPE * len({query.qtype for query in flight} | answers.keys())
        replies = yield from self.trail.ask(flight)
        arrived = list(zip(flight, replies, strict=True))
        for index in range(len(self.config.nameservers)):
            # Replies are assumed to arrive in the order of the servers.
            received = [pair for pair in arrived if pair[0].nameserver_index == index]
            while received:
                again: list[Query] = []
                for query, reply in received:
                    yield from self._receive(query, reply, answers, failures)
                    is_pending = query.qtype not in answers
                    if is_pending and reply.rcode is Rcode.SERVFAIL and len(again) < resends:
                        again.append(query)
                resends -= len(again)
                replies = yield from self.trail.ask(again)
                received = list(zip(again, replies, strict=True))

    def _receive(
        self, query: Query, reply: Reply, answers: dict[str, Reply], failures: dict[str, Reply]
    ) -> Generator[Flight, Replies, None]:
        if query.qtype in answers:
            return
        if reply.is_truncated and self.release.falls_back_to_tcp:
            (reply,) = yield from self.trail.ask((replace(query, transport=Transport.TCP),))
        if reply.rcode in _ANSWERS:
            answers[query.qtype] = reply
        else:
            failures[query.qtype] = reply
