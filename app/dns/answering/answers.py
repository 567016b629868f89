"""Compiled answers: what was answered once is answered again by a look into a dictionary.

    request octets behind the id -> reply octets behind the id      (hot)
    Request -> Compiled -> reply                                     (warm)
    Request -> zone.answer -> Compiled                               (cold)

A commit drops the answers of the names it touches, and only those: each answer
is filed under its subjects.  Everything is bounded, and what anybody can make
up cannot push out what exists.

Source: style.md 2, decisions 3 and 4.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.dns.answering.rate_limit import Account, Accounts
from app.dns.counters import Tallies, Tally
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
from app.dns.messages.wire import Sections
from app.domain.changes import Change
from app.domain.discovery.zone import answer
from app.domain.discovery.zone.authority import serial_of
from app.domain.discovery.zone.config import PodRecords, ZoneConfig
from app.domain.discovery.zone.records import NoData, NoSuchName, OutOfZone, Question, Records
from app.domain.discovery.zone.subjects import Subject, subjects_of, touched_by
from app.domain.names import DomainName
from app.domain.snapshot import Snapshot

ANSWERS_MAX = 65_536  # compiled answers of what exists
DENIALS_MAX = 8_192  # compiled answers that say no, or whose name anybody can make up
PREPARED_MAX = ANSWERS_MAX // 2  # compiled before anybody asks
WIRE_MAX = 65_536  # replies kept for exact request octets
_PLAIN_FLAGS = FLAG_RECURSION_DESIRED | FLAG_AUTHENTIC | FLAG_CHECKING_DISABLED
_USUAL_UDP_BYTES = frozenset({512, 1220, 1232, 1280, 1400, 1410, 1432, 1452, 1472, 4000, 4096})
_TYPE_AND_CLASS_BYTES = 4
_POD_LABEL = "pod"


@dataclass(slots=True)
class _Filed:
    compiled: Compiled
    subjects: tuple[Subject, ...]
    is_kept: bool
    wire_keys: list[bytes] = field(default_factory=list[bytes])


class Answers:
    """The compiled answers of one process, right for the snapshot of the last ``renew``."""

    def __init__(
        self,
        config: ZoneConfig,
        tallies: Tallies,
        *,
        keeps_missing: bool = True,
        has_upstreams: bool = False,
    ) -> None:
        self._config = config
        self._keeps_missing = keeps_missing
        self._has_upstreams = has_upstreams
        self._flags = FLAG_AUTHORITATIVE | (FLAG_RECURSION_AVAILABLE if has_upstreams else 0)
        self._tallies = tallies
        self.accounts = Accounts()
        """What a limit counts by: replies that are kept know theirs."""
        self.same_bytes_max = UDP_BYTES_SAFE
        """Up to which size an answer by UDP is the same for every client that takes it."""
        self._serial = Serial()
        self._existing: dict[bytes, _Filed] = {}
        self._denials: dict[bytes, _Filed] = {}
        self._by_subject: dict[Subject, set[bytes]] = {}
        self.by_wire: dict[bytes, tuple[Reply, Tally, Account]] = {}
        """Request octets behind the id to reply; whoever serves UDP looks here first."""

    def renew(self, after: Snapshot, changes: Iterable[Change]) -> None:
        """Forget the answers that ``changes`` alter."""
        self._serial.move(serial_of(after.revision))
        for change in changes:
            for subject in touched_by(change, after):
                for key in tuple(self._by_subject.get(subject, ())):
                    self._drop(key)

    def find(self, snapshot: Snapshot, request: Request) -> bytes | Records | OutOfZone:
        """Answer from the zone; a target that upstreams are to be asked for is the caller's."""
        filed = self._filed(snapshot, request)
        if not isinstance(filed, _Filed):
            return filed
        reply = filed.compiled.reply(request, self._serial)
        octets = request.id + (reply if isinstance(reply, bytes) else reply.octets())
        tally = self._tallies.of(request, filed.compiled.rcode, len(octets))
        tally[0] += 1
        if filed.is_kept and request.transport == Transport.UDP:
            self._remember(request, filed, reply, tally)
        return octets

    def prepare(self, snapshot: Snapshot, name: DomainName, type_: int) -> bool:
        """Compile an answer before it is asked for; tells whether there is room for more."""
        request = plain_request(name, type_)
        filed = self._filed(snapshot, request)
        if isinstance(filed, _Filed) and filed.is_kept:
            reply = filed.compiled.reply(request, self._serial)
            size = len(request.id) + len(reply if isinstance(reply, bytes) else reply.octets())
            tally = self._tallies.of(request, filed.compiled.rcode, size)
            self._remember(request, filed, reply, tally)
        return len(self._existing) < PREPARED_MAX

    def _filed(self, snapshot: Snapshot, request: Request) -> "_Filed | Records | OutOfZone":
        key = _key_of(request)
        filed = self._existing.get(key) or self._denials.get(key)
        if filed is not None:
            return filed
        name = request.name
        outcome = answer.answer(snapshot, Question(name, request.type), self._config)
        if isinstance(outcome, OutOfZone):
            return outcome
        if isinstance(outcome, Records) and outcome.leads_to is not None and self._has_upstreams:
            return outcome
        self._serial.move(serial_of(snapshot.revision))
        return self._file(key, name, outcome)

    def _file(self, key: bytes, name: DomainName, outcome: Records | NoData | NoSuchName) -> _Filed:
        rcode = Rcode.NXDOMAIN if isinstance(outcome, NoSuchName) else Rcode.NOERROR
        sections: Sections = (
            (outcome.answers, (), outcome.additional)
            if isinstance(outcome, Records)
            else (outcome.chain, (outcome.soa,), ())
        )
        compiled = compile_answer(name, rcode, sections, flags=self._flags)
        subjects = self._subjects((name, *outcome.via))
        filed = _Filed(compiled, subjects or (), is_kept=subjects is not None)
        if isinstance(outcome, Records) and not self._is_made_up(name):
            self._keep(key, filed, self._existing, ANSWERS_MAX)
        else:
            self._keep(key, filed, self._denials, DENIALS_MAX)
        return filed

    def _keep(self, key: bytes, filed: _Filed, store: dict[bytes, _Filed], kept_max: int) -> None:
        if not filed.is_kept:
            return
        if len(store) >= kept_max:
            self._drop(next(iter(store)))
        store[key] = filed
        for subject in filed.subjects:
            self._by_subject.setdefault(subject, set()).add(key)

    def _remember(self, request: Request, filed: _Filed, reply: Reply, tally: Tally) -> None:
        """Let the very same octets be answered without being read.

        Not so a name that does not exist when clients may have a search list to be walked.
        """
        is_missing = filed.compiled.rcode == Rcode.NXDOMAIN
        if not _is_plain(request) or (is_missing and not self._keeps_missing):
            return
        if not self._is_same_for_all(request, filed.compiled):
            return
        if len(self.by_wire) >= WIRE_MAX:
            del self.by_wire[next(iter(self.by_wire))]
        wire_key = encode_query(request)
        account = self.accounts.of(request.type, filed.compiled.rcode)
        self.by_wire[wire_key] = (reply, tally, account)
        if wire_key not in filed.wire_keys:
            filed.wire_keys.append(wire_key)

    def _is_same_for_all(self, request: Request, compiled: Compiled) -> bool:
        """Whether these octets get the same answer, whoever sends them.

        Clients that are not near get a smaller one than others that offer to take as much.
        """
        offered = UDP_BYTES_MIN if request.edns is None else request.edns.udp_bytes
        if offered <= self.same_bytes_max:
            return True
        whole = request.size_bytes + len(compiled.body.octets)
        return whole <= self.same_bytes_max

    def _drop(self, key: bytes) -> None:
        filed = self._existing.pop(key, None) or self._denials.pop(key, None)
        if filed is None:
            return
        for wire_key in filed.wire_keys:
            self.by_wire.pop(wire_key, None)
        for subject in filed.subjects:
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

    def _is_made_up(self, name: DomainName) -> bool:
        """Whether the name exists only because it was asked for: any address has a Pod name."""
        depth = len(self._config.forward_zone.labels)
        return self._config.pods == PodRecords.INSECURE and name.folded[-depth - 1 : -depth] == (
            _POD_LABEL,
        )


def _key_of(request: Request) -> bytes:
    name, rest = (
        request.question[:-_TYPE_AND_CLASS_BYTES],
        request.question[-_TYPE_AND_CLASS_BYTES:],
    )
    return name.lower() + rest  # the lengths of labels are no letters


def _is_plain(request: Request) -> bool:
    """Whether many clients send these very octets; the others would only fill the memory."""
    edns = request.edns
    return (
        request.flags & ~_PLAIN_FLAGS == 0
        and _key_of(request) == request.question
        and request.is_bare
        and (edns is None or edns.udp_bytes in _USUAL_UDP_BYTES)
    )
