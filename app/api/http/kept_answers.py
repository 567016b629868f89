"""Answers that were given before, kept as octets for requests of the very same octets.

    head of a request -> its digest -> octets of the answer, if everything it depends on holds

A repeated request has the same header fields, so all that layers and routes read from them is the
same.  Whatever else decides an answer is a condition, stated by the layer or the route that reads
it, while the first of these requests passes it:

    the state                        the route: ``keep_while``; an answer whose route states
                                     nothing is not kept
    names of the server, which       ``http.guard``
    follow its certificate
    tokens, roles, bindings; the     ``access.layer``, which lets nothing be kept that other
    end of a token; contact with     credentials decide: ``keep_not``
    the database
    a lost past, in which            this module: nothing is kept from before it
    revisions begin anew
    the client's certificate, the    ``transport.repeating``: such connections and requests are
    body, the protocol's version     not answered from here

The limits of concurrent requests and of users' shares in them are not read, since an answer from
here is given in the same turn of the event loop and takes no slot.  Layers that count do so for
each answer: ``count_kept``.  What changes by itself is no part of what is kept: the default header
fields, with the date in them, and the revision of the state that some answers show.

Source: style.md 3, decisions 2, 5 and 6; docs/decisions/0025.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from time import perf_counter
from typing import Final, Protocol

from starlette.types import Scope

from app.domain.names import Revision
from app.domain.snapshot import Snapshot

KEPT_MAX: Final = 16_384  # answers
OCTETS_MAX: Final = 32 << 20  # of all of them, what they take besides included
ANSWER_OCTETS_MAX: Final = 32_768  # of one
ENTRY_OCTETS: Final = 1_024  # that an answer takes besides its own, about
KEEPING: Final = "waypost.keeping"  # key of a request's scope, if its answer may be kept
_END_OF_LINE: Final = b"\r\n"
_END_OF_HEAD: Final = b"\r\n\r\n"
_REVISION: Final = b'"resourceVersion":"'

Fields = Sequence[tuple[bytes, bytes]]
Ground = Callable[[Snapshot], bool]
"""Whether a state still has all that an answer was made from; asked once a state."""


class Source(Protocol):
    """Where the present state comes from; ``registry.reads.view`` is one."""

    @property
    def snapshot(self) -> Snapshot:
        """The latest state."""
        ...


@dataclass(slots=True, eq=False)
class Keeping:
    """What the answer to a request depends on, besides the octets of the request.

    ``checks`` are asked for each answer, and ``counts`` told of it with the seconds it took.
    """

    digest: bytes
    grounds: list[Ground] = field(default_factory=list[Ground])
    checks: list[Callable[[], bool]] = field(default_factory=list[Callable[[], bool]])
    counts: list[Callable[[float], object]] = field(default_factory=list[Callable[[float], object]])
    revision: Revision | None = None
    is_stated: bool = False
    is_refused: bool = False

    @property
    def is_allowed(self) -> bool:
        """Whether the route lets the answer be kept, and no layer is against it."""
        return self.is_stated and not self.is_refused


@dataclass(slots=True, eq=False)
class _Kept:
    """An answer without the default header fields, which stand behind its first line.

    ``hole`` is where its revision stands in ``rest``, with as many digits as ``digits`` has; 0 if
    it shows none.
    """

    keeping: Keeping
    first: bytes
    rest: bytes
    hole: int
    digits: int
    state: int = 0  # the number of the state on which it was found to hold

    @property
    def octets(self) -> int:
        return len(self.first) + len(self.rest) + ENTRY_OCTETS


def digest_of(head: bytes) -> bytes:
    """Give what the answer to a request is kept under: a head has secrets, and its digest none."""
    return sha256(head).digest()


def keep_while(scope: Scope, ground: Ground, *, revision: Revision | None = None) -> None:
    """Let the answer to a request be kept as long as the state has all that it was made from.

    A route says so once it has its answer.  ``revision`` is that of the state, if the answer shows
    it as its ``resourceVersion``: at another one, the answer shows that one.
    """
    keeping: Keeping | None = scope.get(KEEPING)
    if keeping is not None:
        keeping.grounds.append(ground)
        keeping.revision, keeping.is_stated = revision, True


def keep_if(scope: Scope, check: Callable[[], bool], *, ground: Ground | None = None) -> None:
    """Make a condition of an answer, should it be kept; a layer says so before its route."""
    keeping: Keeping | None = scope.get(KEEPING)
    if keeping is not None:
        keeping.checks.append(check)
        if ground is not None:
            keeping.grounds.append(ground)


def keep_not(scope: Scope) -> None:
    """Let the answer to a request not be kept, whatever others say."""
    keeping: Keeping | None = scope.get(KEEPING)
    if keeping is not None:
        keeping.is_refused = True


def count_kept(scope: Scope, count: Callable[[float], object]) -> None:
    """Have each answer counted that is given from here, with the seconds it took."""
    keeping: Keeping | None = scope.get(KEEPING)
    if keeping is not None:
        keeping.counts.append(count)


class KeptAnswers:
    """The kept answers of one server; used from one event loop only.

    Those not asked for longest go first.
    """

    def __init__(
        self, source: Source, *, kept_max: int = KEPT_MAX, octets_max: int = OCTETS_MAX
    ) -> None:
        """Keep answers that were made from the states of ``source``."""
        self._source, self._kept_max, self._octets_max = source, kept_max, octets_max
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._octets = 0
        self._snapshot = source.snapshot
        self._state = 1  # counts the states that were seen
        self._fields: Fields = ()
        self._written = b""

    def __len__(self) -> int:
        """Count those that are kept."""
        return len(self._kept)

    @property
    def octets(self) -> int:
        """The octets that all of them take, about."""
        return self._octets

    def answer(self, digest: bytes, fields: Fields) -> bytes | None:
        """Give the answer to a request with the default header fields; None if it is not known."""
        begun_at = perf_counter()
        if self._source.snapshot is not self._snapshot:
            self._follow(self._source.snapshot)
        kept = self._kept.get(digest)
        if kept is None:
            return None
        if kept.state != self._state and not self._holds(kept):
            self._drop(digest)
            return None
        for check in kept.keeping.checks:
            if not check():
                return None
        self._kept.move_to_end(digest)
        octets = b"".join((kept.first, self._written_of(fields), kept.rest))
        took_s = perf_counter() - begun_at
        for count in kept.keeping.counts:
            count(took_s)
        return octets

    def keep(self, keeping: Keeping, octets: bytes, fields: Fields) -> None:
        """Keep an answer as it was written, with the default header fields of that time."""
        written = self._written_of(fields)
        first, end, others = octets.partition(_END_OF_LINE)
        if not keeping.is_allowed or not others.startswith(written):
            return
        rest = others[len(written) :]
        hole, digits = _hole(rest, keeping.revision)
        if keeping.revision is not None and not hole:
            keeping.grounds.append(_only_at(keeping.revision))
        kept = _Kept(keeping, first + end, rest, hole, digits)
        self._drop(keeping.digest)
        self._kept[keeping.digest] = kept
        self._octets += kept.octets
        while len(self._kept) > self._kept_max or self._octets > self._octets_max:
            self._drop(next(iter(self._kept)))

    def _follow(self, snapshot: Snapshot) -> None:
        if snapshot.revision < self._snapshot.revision:
            self._kept.clear()
            self._octets = 0
        self._snapshot = snapshot
        self._state += 1

    def _holds(self, kept: _Kept) -> bool:
        """Whether an answer is that of the present state, whose revision it shows from now on."""
        snapshot = self._snapshot
        if not all(ground(snapshot) for ground in kept.keeping.grounds):
            return False
        if kept.hole:
            shown = b"%d" % snapshot.revision
            if len(shown) != kept.digits:
                return False
            end = kept.hole + kept.digits
            kept.rest = b"".join((kept.rest[: kept.hole], shown, kept.rest[end:]))
        kept.state = self._state
        return True

    def _drop(self, digest: bytes) -> None:
        kept = self._kept.pop(digest, None)
        if kept is not None:
            self._octets -= kept.octets

    def _written_of(self, fields: Fields) -> bytes:
        """Write the default header fields, which the server replaces each second."""
        if fields is not self._fields:
            self._fields = fields
            self._written = b"".join(b"%b: %b\r\n" % each for each in fields)
        return self._written


def _hole(rest: bytes, revision: Revision | None) -> tuple[int, int]:
    """Find where an answer shows its revision, and its digits; zeros where that is not clear.

    It is in JSON as we write it, where no other text can look the same: quotes in it are escaped.
    An indented or compressed answer, or one in YAML, is of its revision alone.
    """
    body = rest.find(_END_OF_HEAD) + len(_END_OF_HEAD)
    if revision is None or not rest.startswith(b"{", body):
        return 0, 0
    digits = b"%d" % revision
    shown = b'%b%b"' % (_REVISION, digits)
    if rest.count(shown, body) != 1:
        return 0, 0
    return rest.index(shown, body) + len(_REVISION), len(digits)


def _only_at(revision: Revision) -> Ground:
    return lambda snapshot: snapshot.revision == revision
