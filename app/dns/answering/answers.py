"""Compiled answers: a repeated question is answered by one look-up in a dictionary.

    request octets after the id -> reply octets after the id        (hot)
    Request -> Compiled -> reply                                     (warm)
    Request -> zone.answer -> Compiled                               (cold)

A commit drops the answers of the names it touches, and only those: each answer
is indexed by its subjects.  All caches are bounded, and answers about invented names
cannot evict answers about existing ones.

Source: style.md 2, decisions 3 and 4.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol as Port

from app.dns.answering.rate_limit import Account, Accounts
from app.dns.counters import ReplyCounter, ReplyCounters
from app.dns.messages.compiled import Compiled, Reply, Serial, compile_answer
from app.dns.messages.message import (
    FLAG_AUTHENTIC,
    FLAG_AUTHORITATIVE,
    FLAG_CHECKING_DISABLED,
    FLAG_RECURSION_AVAILABLE,
    FLAG_RECURSION_DESIRED,
    UDP_BYTES_MIN,
    UDP_BYTES_SAFE,
    Rcode,
    Request,
    Transport,
    encode_query,
    plain_request,
)
from app.dns.messages.wire import Sections, folded_question
from app.domain.addresses import IPFamily
from app.domain.changes import Change
from app.domain.discovery.zone import answer
from app.domain.discovery.zone.authority import serial_of
from app.domain.discovery.zone.config import PodRecords, ZoneConfig
from app.domain.discovery.zone.records import (
    NoData,
    NoSuchName,
    OutOfZone,
    Question,
    Records,
    RecordType,
)
from app.domain.discovery.zone.subjects import Subject, subjects_of, touched_by
from app.domain.names import DomainName
from app.domain.snapshot import Snapshot

ANSWERS_MAX = 65_536  # compiled answers of what exists
DENIALS_MAX = 8_192  # compiled denials, and answers about names that clients can invent
PREPARED_MAX = ANSWERS_MAX // 2  # compiled before the first question
SLICE_ANSWERS = 16  # compiled between two yields to the event loop
PAUSE_S = 0.001  # the shortest pause at a yield
SYNC_POLL_S = 0.05  # between two checks whether the first load is complete
WIRE_MAX = 65_536  # replies cached by exact request octets
_PLAIN_FLAGS = FLAG_RECURSION_DESIRED | FLAG_AUTHENTIC | FLAG_CHECKING_DISABLED
_USUAL_UDP_BYTES = frozenset({512, 1220, 1232, 1280, 1400, 1410, 1432, 1452, 1472, 4000, 4096})
_POD_LABEL = "pod"


class Source(Port):
    """The origin of the state; ``registry.reads.view`` is one."""

    @property
    def snapshot(self) -> Snapshot:
        """The latest state."""
        ...

    @property
    def is_synced(self) -> bool:
        """Whether the state has been loaded once."""
        ...


@dataclass(slots=True)
class _Entry:
    compiled: Compiled
    subjects: tuple[Subject, ...]
    is_cached: bool
    wire_keys: tuple[bytes, ...] = ()  # few: a list takes more than twice as much


class Answers:
    """The compiled answers of one process, valid for the snapshot of the last ``renew``."""

    def __init__(
        self,
        config: ZoneConfig,
        counters: ReplyCounters,
        *,
        caches_missing: bool = True,
        has_upstreams: bool = False,
    ) -> None:
        self._config = config
        self._keeps_missing = caches_missing
        self._has_upstreams = has_upstreams
        self._flags = FLAG_AUTHORITATIVE | (FLAG_RECURSION_AVAILABLE if has_upstreams else 0)
        self._tallies = counters
        self.accounts = Accounts()
        """The accounts of the rate limit; cached replies are stored with theirs."""
        self.same_bytes_max = UDP_BYTES_SAFE
        """Up to this size an answer over UDP is the same for near and other clients."""
        self._serial = Serial()
        self._existing: dict[bytes, _Entry] = {}
        self._denials: dict[bytes, _Entry] = {}
        self._by_subject: dict[Subject, set[bytes]] = {}
        self.by_wire: dict[bytes, tuple[Reply, ReplyCounter, Account]] = {}
        """Request octets after the id to reply; the UDP loop looks here first."""

    def renew(self, after: Snapshot, changes: Iterable[Change]) -> None:
        """Drop the answers that ``changes`` alter."""
        self._serial.move(serial_of(after.revision))
        for change in changes:
            for subject in touched_by(change, after):
                for key in tuple(self._by_subject.get(subject, ())):
                    self._drop(key)

    def find(self, snapshot: Snapshot, request: Request) -> bytes | Records | OutOfZone:
        """Answer from the zone; return Records when the caller must ask upstreams for a target."""
        entry = self._entry(snapshot, request)
        if not isinstance(entry, _Entry):
            return entry
        reply, octets, counter = self._reply(request, entry)
        counter[0] += 1
        if entry.is_cached and request.transport == Transport.UDP:
            self._cache_reply(request, entry, reply, counter)
        return octets

    def prepare(self, snapshot: Snapshot, name: DomainName, type_: int) -> bool:
        """Compile an answer before the first question; return whether there is room for more."""
        request = plain_request(name, type_)
        entry = self._entry(snapshot, request)
        if isinstance(entry, _Entry) and entry.is_cached:
            reply, _, counter = self._reply(request, entry)
            self._cache_reply(request, entry, reply, counter)
        return len(self._existing) < PREPARED_MAX

    def _reply(self, request: Request, entry: _Entry) -> tuple[Reply, bytes, ReplyCounter]:
        reply = entry.compiled.reply(request, self._serial)
        octets = request.id + (reply if isinstance(reply, bytes) else reply.octets())
        return reply, octets, self._tallies.of(request, entry.compiled.rcode, len(octets))

    def _entry(self, snapshot: Snapshot, request: Request) -> "_Entry | Records | OutOfZone":
        key = folded_question(request.question)
        entry = self._existing.get(key) or self._denials.get(key)
        if entry is not None:
            return entry
        name = request.name
        outcome = answer.answer(snapshot, Question(name, request.type), self._config)
        if isinstance(outcome, OutOfZone):
            return outcome
        if isinstance(outcome, Records) and outcome.leads_to is not None and self._has_upstreams:
            return outcome
        self._serial.move(serial_of(snapshot.revision))
        return self._compile(key, name, outcome)

    def _compile(
        self, key: bytes, name: DomainName, outcome: Records | NoData | NoSuchName
    ) -> _Entry:
        rcode = Rcode.NXDOMAIN if isinstance(outcome, NoSuchName) else Rcode.NOERROR
        sections: Sections = (
            (outcome.answers, (), outcome.additional)
            if isinstance(outcome, Records)
            else (outcome.chain, (outcome.soa,), ())
        )
        compiled = compile_answer(name, rcode, sections, flags=self._flags)
        subjects = self._subjects((name, *outcome.via))
        entry = _Entry(compiled, subjects or (), is_cached=subjects is not None)
        if isinstance(outcome, Records) and not self._is_invented(name):
            self._keep(key, entry, self._existing, ANSWERS_MAX)
        else:
            self._keep(key, entry, self._denials, DENIALS_MAX)
        return entry

    def _keep(self, key: bytes, entry: _Entry, store: dict[bytes, _Entry], kept_max: int) -> None:
        if not entry.is_cached:
            return
        if len(store) >= kept_max:
            self._drop(next(iter(store)))
        store[key] = entry
        for subject in entry.subjects:
            self._by_subject.setdefault(subject, set()).add(key)

    def _cache_reply(
        self, request: Request, entry: _Entry, reply: Reply, counter: ReplyCounter
    ) -> None:
        """Cache the reply to these exact octets, so that they need not be parsed again.

        Not for a missing name when the server walks search lists: the reply depends on the client.
        """
        is_missing = entry.compiled.rcode == Rcode.NXDOMAIN
        if not _is_plain(request) or (is_missing and not self._keeps_missing):
            return
        if not self._is_same_for_all(request, entry.compiled):
            return
        if len(self.by_wire) >= WIRE_MAX:
            del self.by_wire[next(iter(self.by_wire))]
        wire_key = encode_query(request.flags, request.question, request.edns)
        account = self.accounts.of(request.type, entry.compiled.rcode)
        self.by_wire[wire_key] = (reply, counter, account)
        if wire_key not in entry.wire_keys:
            entry.wire_keys += (wire_key,)

    def _is_same_for_all(self, request: Request, compiled: Compiled) -> bool:
        """Whether near and other clients get the same answer to these octets.

        Other clients get a smaller one even when they offer a larger buffer.
        """
        offered = UDP_BYTES_MIN if request.edns is None else request.edns.udp_bytes
        whole = request.size_bytes + len(compiled.body.octets)
        return min(offered, whole) <= self.same_bytes_max

    def _drop(self, key: bytes) -> None:
        entry = self._existing.pop(key, None) or self._denials.pop(key, None)
        if entry is None:
            return
        for wire_key in entry.wire_keys:
            self.by_wire.pop(wire_key, None)
        for subject in entry.subjects:
            keys = self._by_subject[subject]
            keys.discard(key)
            if not keys:
                del self._by_subject[subject]

    def _subjects(self, names: Iterable[DomainName]) -> tuple[Subject, ...] | None:
        found: dict[Subject, None] = {}
        for name in names:
            subjects = subjects_of(name, self._config)
            if subjects is None:
                return None
            found.update(dict.fromkeys(subjects))
        return tuple(found)

    def _is_invented(self, name: DomainName) -> bool:
        """Whether clients can invent the name: with ``pods insecure`` any address has one."""
        depth = len(self._config.forward_zone.labels)
        return self._config.pods == PodRecords.INSECURE and name.folded[-depth - 1 : -depth] == (
            _POD_LABEL,
        )


async def prepare(source: Source, answers: Answers, config: ZoneConfig) -> None:
    """Compile the likely answers in the background once the state is loaded, a few at a time.

    Otherwise the first client to ask each question after a start would wait for the
    compilation.  Answers that a later commit drops are compiled at the next question.
    """
    while not source.is_synced:  # noqa: ASYNC110  the first load notifies no subscriber
        await asyncio.sleep(SYNC_POLL_S)
    for number, (name, type_) in enumerate(likely_questions(source.snapshot, config)):
        # Compile against the current snapshot, which may be newer than the one listed from.
        if not answers.prepare(source.snapshot, name, type_):
            return
        if number % SLICE_ANSWERS == 0:
            await asyncio.sleep(PAUSE_S)


def likely_questions(
    snapshot: Snapshot, config: ZoneConfig
) -> Iterator[tuple[DomainName, RecordType]]:
    """List the questions that programs ask about Services, by key."""
    apex = config.forward_zone.labels
    for key in sorted(snapshot.services):
        service = snapshot.services[key]
        if service.is_external_name:
            continue
        labels = (key.name, key.namespace, "svc", *apex)
        for family, type_ in ((IPFamily.IPV4, RecordType.A), (IPFamily.IPV6, RecordType.AAAA)):
            if family in service.ip_families:
                yield DomainName(labels), type_
        for port in service.ports:
            if port.name:
                name = (f"_{port.name}", f"_{port.protocol.lower()}", *labels)
                yield DomainName(name), RecordType.SRV


def _is_plain(request: Request) -> bool:
    """Whether many clients send these exact octets; rare forms would only fill the cache."""
    edns = request.edns
    return (
        request.flags & ~_PLAIN_FLAGS == 0
        and folded_question(request.question) == request.question
        and request.is_bare
        and (edns is None or edns.udp_bytes in _USUAL_UDP_BYTES)
    )
