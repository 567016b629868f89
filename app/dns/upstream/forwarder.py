"""Names out of the zone: from the cache, from upstream servers, or from stale answers.

    Forward -> octets

The answer for the target of an alias in our zone is appended to the alias; without such
an answer the alias is sent alone.  Equal questions share one pending question to the
upstreams.  If a probe question comes back, the upstreams forward to this server:
forwarding then stops.

Source: spec dns A4 and A12; RFC 6604 for aliases; RFC 8767 for stale answers.
"""

import asyncio
import logging
import secrets
from dataclasses import replace

from app.dns.answering.protocol import Forward, Protocol, Walk
from app.dns.counters import Count
from app.dns.messages.message import (
    FLAG_AUTHORITATIVE,
    FLAG_CHECKING_DISABLED,
    FLAG_RECURSION_DESIRED,
    Rcode,
    Request,
)
from app.dns.messages.wire import encode_question
from app.dns.upstream.cache import Cache
from app.dns.upstream.exchange import Overloaded, Unanswered, Upstream
from app.dns.upstream.question import FINAL_RCODES, UpstreamQuery, UpstreamReply
from app.domain.names import DomainName, parse_domain

STALE_AFTER_S = 1.8  # of waiting until a stale answer is used (RFC 8767 section 5)
PROBE_PARENT = parse_domain("loop.waypost.invalid")
_PROBE_TYPE = 13  # HINFO, which programs do not ask for
_NONCE_BYTES = 8

_log = logging.getLogger(__name__)


class Forwarder:
    """Answers questions that need upstreams, on one event loop."""

    def __init__(
        self,
        protocol: Protocol,
        upstream: Upstream,
        cache: Cache,
        *,
        stale_after_s: float = STALE_AFTER_S,
    ) -> None:
        self.upstream = upstream
        self.cache = cache
        self.is_looping = False
        """Whether the probe question came back to this server."""
        self.protocol = protocol
        self._stale_after_s = stale_after_s
        self._under_way: dict[UpstreamQuery, asyncio.Task[UpstreamReply]] = {}
        self._probe: DomainName | None = None

    async def settle(self, outcome: Forward | Walk) -> bytes:
        """Answer a question about a name out of the zone, or about an alias for one.

        Of a search list the names are tried in turn; the first that exists answers.
        """
        settled: bytes | Forward | Walk = outcome
        while isinstance(settled, Walk):
            settled = await self._step(settled)
        return settled if isinstance(settled, bytes) else await self._answer(settled)

    async def _answer(self, forward: Forward) -> bytes:
        if forward.name == self._probe:
            self.is_looping = True
            _log.error("the upstream servers forward to this server; forwarding is disabled")
        if self.is_looping or not forward.request.flags & FLAG_RECURSION_DESIRED:
            return self._failed(forward, Rcode.REFUSED)
        try:
            reply = await self.look_up(_query_of(forward.request, forward.name))
        except Unanswered:
            return self._failed(forward, Rcode.SERVFAIL)
        except Overloaded:
            return self._failed(forward, Rcode.REFUSED)
        if not forward.chain:
            return self.protocol.reply(forward.request, reply.rcode, reply.sections)
        if reply.rcode not in FINAL_RCODES:
            return self._failed(forward, reply.rcode)
        answers, authority, additional = reply.sections
        sections = ((*forward.chain, *answers), authority, additional)
        flags = FLAG_AUTHORITATIVE
        return self.protocol.reply(forward.request, reply.rcode, sections, flags=flags)

    async def _step(self, walk: Walk) -> bytes | Forward | Walk:
        name, *names = walk.names
        if self.is_looping:
            return walk.otherwise
        try:
            reply = await self.look_up(_query_of(walk.request, name))
        except (Unanswered, Overloaded):
            return walk.otherwise
        if reply.rcode == Rcode.NOERROR:
            return self.protocol.found_by_walk(walk.request, name, reply.sections)
        return self.protocol.walk_on(replace(walk, names=tuple(names)))

    async def probe(self) -> None:
        """Ask upstream for a random name; if it comes back there is a forwarding loop."""
        nonce = secrets.token_hex(_NONCE_BYTES)
        self._probe = DomainName((nonce, *PROBE_PARENT.labels))
        try:
            await self.upstream.ask(UpstreamQuery(encode_question(self._probe, _PROBE_TYPE)))
        except (Unanswered, Overloaded):
            _log.warning(
                "no upstream nameserver answers: %s", ", ".join(map(str, self.upstream.servers))
            )

    async def close(self) -> None:
        """Cancel the pending questions."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _failed(self, forward: Forward, rcode: int) -> bytes:
        # RFC 6604 section 3: the rcode is that of the end of the chain.  SERVFAIL, as a denial
        # would be cached, and programs would report "no address" instead of retrying.
        rcode = Rcode.SERVFAIL if forward.chain else rcode
        return self.protocol.without_target(forward, rcode)

    async def look_up(self, query: UpstreamQuery) -> UpstreamReply:
        """Find a reply in the cache, at the upstreams, or among stale answers.

        Raises Unanswered or Overloaded.
        """
        now = asyncio.get_running_loop().time()
        if (hit := self.cache.find(query, now)) is not None:
            return hit
        self.cache.counts[Count.CACHE_MISSES] += 1
        old = self.cache.find(query, now, even_stale=True)
        task = self._asked(query)
        if old is None:
            return await asyncio.shield(task)
        try:
            async with asyncio.timeout(self._stale_after_s):
                reply = await asyncio.shield(task)
        except (Unanswered, Overloaded, TimeoutError):
            return old
        # RFC 8767 section 4: any other response code is no answer.
        return reply if reply.rcode in FINAL_RCODES else old

    def _asked(self, query: UpstreamQuery) -> asyncio.Task[UpstreamReply]:
        task = self._under_way.get(query)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(query))
            self._under_way[query] = task
            task.add_done_callback(lambda done: self._finished(query, done))
        return task

    async def _ask(self, query: UpstreamQuery) -> UpstreamReply:
        reply = await self.upstream.ask(query)
        self.cache.keep(query, reply, asyncio.get_running_loop().time())
        return reply

    def _finished(self, query: UpstreamQuery, task: asyncio.Task[UpstreamReply]) -> None:
        self._under_way.pop(query, None)
        if not task.cancelled():
            task.exception()  # retrieved so that asyncio does not log it; waiting callers get it


def _query_of(request: Request, name: DomainName) -> UpstreamQuery:
    return UpstreamQuery(
        encode_question(name, request.type),
        is_dnssec_ok=request.edns is not None and request.edns.is_dnssec_ok,
        is_checking_disabled=bool(request.flags & FLAG_CHECKING_DISABLED),
    )
