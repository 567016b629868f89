"""glibc's search list: which names are tried, and which failure is reported.

    name + types -> candidates, each sent by glibc_send -> SearchResult

Of several failures the program gets: that of an as-is try that came first, else
NODATA anywhere, else SERVFAIL anywhere, else the last.
Source: spec resolver 2.3; glibc's res_query.c.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from app.domain.discovery.resolvers.answer_section import Reading, read
from app.domain.discovery.resolvers.glibc_send import Sender, Sent
from app.domain.discovery.resolvers.local_names import raw_name
from app.domain.discovery.resolvers.lookup import (
    AAAA,
    A,
    Candidate,
    Decision,
    Flight,
    Rcode,
    Replies,
    Reply,
    Trail,
)


class HostError(StrEnum):
    """The values of h_errno."""

    SUCCESS = "NETDB_SUCCESS"
    HOST_NOT_FOUND = "HOST_NOT_FOUND"
    TRY_AGAIN = "TRY_AGAIN"
    NO_RECOVERY = "NO_RECOVERY"
    NO_DATA = "NO_DATA"


_CODES = {
    Rcode.NXDOMAIN: HostError.HOST_NOT_FOUND,
    Rcode.SERVFAIL: HostError.TRY_AGAIN,
    Rcode.NOERROR: HostError.NO_DATA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """How one candidate, or the whole search, ended."""

    code: HostError
    reading: Reading = field(default_factory=Reading)
    cause: Rcode | None = None
    first_rcode: Rcode = Rcode.NOERROR
    is_refused: bool = False
    reported_from: str = "last"


Searching = Generator[Flight, Replies, SearchResult]


class Search:
    """The search list applied to names, by one thread."""

    def __init__(self, trail: Trail) -> None:
        self.trail = trail
        self.is_last_answered = True
        self._sender = Sender(trail)
        self._config = trail.config

    def run(self, name: str, qtypes: tuple[str, ...]) -> Searching:
        """Try the candidates of a name in order, and choose the error to report."""
        dots = name.count(".")
        is_absolute = name.endswith(".")
        saved: SearchResult | None = None
        if dots >= self._config.ndots or is_absolute:
            saved = yield from self._query(name, "as-is", qtypes)
            self._settle(saved, is_final=is_absolute or not self._config.search)
            if is_absolute or saved.code is HostError.SUCCESS:
                return saved
        return (yield from self._list(name, qtypes, saved))

    def _list(self, name: str, qtypes: tuple[str, ...], saved: SearchResult | None) -> Searching:
        result = saved or SearchResult(code=HostError.HOST_NOT_FOUND)
        seen: dict[HostError, SearchResult] = {}
        is_asked_last = saved is None and self._may_ask_as_is_last(name)
        for position, domain in enumerate(self._config.search):
            stem = domain.removeprefix(".")
            is_asked_last &= bool(stem)  # the root as a search domain is the as-is try
            result = yield from self._query(f"{name}.{stem}", f"search[{position}]", qtypes)
            goes_on = _goes_on(result)
            is_end = not goes_on or position == len(self._config.search) - 1
            is_final = result.is_refused or (is_end and not is_asked_last)
            self._settle(result, is_final=is_final, goes_on=goes_on)
            if result.code is HostError.SUCCESS or result.is_refused:
                return result
            if result.code is HostError.NO_DATA or (goes_on and result.code is HostError.TRY_AGAIN):
                seen.setdefault(result.code, result)
            if not goes_on:
                break
        if is_asked_last:
            result = yield from self._query(name, "as-is", qtypes)
            self._settle(result, is_final=True)
            if result.code is HostError.SUCCESS:
                return result
        return _reported(saved, seen, result)

    def _may_ask_as_is_last(self, name: str) -> bool:
        return "." in name or not self._config.search or "no-tld-query" not in self._config.flags

    def _query(self, text: str, source: str, qtypes: tuple[str, ...]) -> Searching:
        name = raw_name(text)
        if name is None:
            return SearchResult(code=HostError.NO_RECOVERY, cause=Rcode.NXDOMAIN)
        no_aaaa = "no-aaaa" in self._config.flags
        asked = (A,) if no_aaaa and AAAA in qtypes else qtypes
        candidate = Candidate(name=name, source=source)
        sent = yield from self._sender.send(candidate, asked)
        if no_aaaa and qtypes == (AAAA,) and sent.failure is Rcode.TIMEOUT:
            # No reply about A, so no denial of AAAA: glibc takes it for no data.
            sent = Sent(replies=(Reply(rcode=Rcode.NOERROR),))
        self.is_last_answered = bool(sent.replies)
        if not sent.replies:
            return SearchResult(
                code=HostError.TRY_AGAIN,
                cause=sent.failure,
                first_rcode=sent.first_rcode,
                is_refused=sent.is_refused,
            )
        replies = sent.replies
        if no_aaaa and qtypes == (AAAA,):
            replies = tuple(Reply(rcode=reply.rcode) for reply in replies)
        return _evaluated(candidate, replies)

    def _settle(self, result: SearchResult, *, is_final: bool, goes_on: bool = True) -> None:
        if result.code is HostError.SUCCESS:
            self.trail.decide(Decision.HIT, "an answer")
        elif is_final:
            self.trail.decide(Decision.STOP, result.code)
        else:
            rest = "" if goes_on else ": the rest of the search list is skipped"
            self.trail.decide(Decision.NEXT, f"{result.code}{rest}")


def _evaluated(candidate: Candidate, replies: tuple[Reply, ...]) -> SearchResult:
    if any(reply.is_positive for reply in replies):
        return SearchResult(code=HostError.SUCCESS, reading=read(candidate, replies))
    first, last = replies[0].rcode, replies[-1].rcode
    rcode = last if first is Rcode.NOERROR else first
    return SearchResult(
        code=_CODES.get(rcode, HostError.NO_RECOVERY), cause=rcode, first_rcode=replies[0].rcode
    )


def _goes_on(result: SearchResult) -> bool:
    match result.code:
        case HostError.HOST_NOT_FOUND | HostError.NO_DATA:
            return True
        case HostError.TRY_AGAIN:
            return result.first_rcode is Rcode.SERVFAIL
        case _:
            return False


def _reported(
    saved: SearchResult | None, seen: dict[HostError, SearchResult], last: SearchResult
) -> SearchResult:
    if saved is not None:
        return replace(saved, reported_from="as-is")
    if HostError.NO_DATA in seen:
        return replace(seen[HostError.NO_DATA], reported_from="nodata")
    if HostError.TRY_AGAIN in seen:
        return replace(seen[HostError.TRY_AGAIN], reported_from="servfail")
    return last
