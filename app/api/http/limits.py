"""Limits of concurrent requests, and timeouts for slow clients.

    request -> a slot -> the application -> the slot is free
    request -> no slot -> 429, Retry-After

Streams and long polls leave their slot when they begin to wait, as they count as watchers;
health routes need none.  A request has no slot while its body is received, so that slow
clients block no others; the memory of all bodies together is bounded.  Requests that arrive
together begin a few at a time.  A user has a share of the slots, which are counted for it once
it is known.  Connections are limited where they are accepted.
Source: style.md 4, "Everything is bounded"; access.md 5.4.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import Overloaded, TooSlow, refused
from app.api.http.delivery import is_stream, send_within
from app.api.http.shares import Shares
from app.api.http.slots import SLOT
from app.api.objects.bodies import BODY_BYTES_MAX
from app.telemetry.bounds import Bound, in_use, refusals

REQUESTS_MAX = 512  # requests answered at once, unless configured otherwise
BEGUN_A_ROUND = 8  # requests begun in one iteration of the event loop: ten milliseconds of work
PIECE_S_MAX = 30.0  # seconds a client may take to read one piece
BODY_S_MIN = 20.0  # seconds that any client may take to send a body
BODY_OCTETS_A_S = 16_384  # mean rate at which it must send beyond them
BODIES_OCTETS_MAX = 256 << 20  # octets of the bodies of all current requests
_log = logging.getLogger(__name__)
_ALWAYS_ANSWERED = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds an operator sets for the application."""

    requests_max: int = REQUESTS_MAX
    body_bytes_max: int = BODY_BYTES_MAX


class RequestLimit:
    """Answers a bounded number of requests at once, and refuses further ones immediately."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        requests_max: int,
        body_s_min: float = BODY_S_MIN,
        bodies_octets_max: int = BODIES_OCTETS_MAX,
    ) -> None:
        self._app = app
        self._requests_max = requests_max
        self._bodies_octets_max = bodies_octets_max
        self.body_s_min = body_s_min
        self.requests = self._bodies_octets = 0
        self._shares = Shares(
            requests_max, "requests that are being answered", bound=Bound.REQUESTS_OF_USER
        )
        self._admission = Admission()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a slot for as long as the request needs it."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        await self._admission.enter()
        slot = _Slot(self, receive, send)
        try:
            slot.enter()
        except Overloaded as refusal:
            await refused(refusal)(scope, receive, send)
            return
        scope[SLOT] = slot
        try:
            await self._app(scope, slot.receive, slot.send)
        except ClientDisconnect:
            _log.info("client disconnected in the body of %s %s", scope["method"], scope["path"])
        finally:
            slot.end()
            del scope[SLOT]  # else each request would leave a reference cycle

    def take(self, user: str | None) -> None:
        """Take a slot, for a user if it is known; raises Overloaded when there is none."""
        if self.requests >= self._requests_max:
            refusals[Bound.REQUESTS] += 1
            raise Overloaded(f"{self.requests} requests are being answered already")
        self.take_share(user)
        self.requests += 1
        in_use[Bound.REQUESTS] += 1

    def take_share(self, user: str | None) -> None:
        """Count a slot for its user; raises Overloaded when the user has all of its share."""
        self._shares.require(user)
        self._shares.take(user)

    def give(self, user: str | None) -> None:
        """Give a slot back."""
        self.requests -= 1
        in_use[Bound.REQUESTS] -= 1
        self._shares.give(user)

    def hold(self, octets: int) -> None:
        """Count octets of a body; raises Overloaded when all bodies together have too many."""
        if octets > 0 and self._bodies_octets + octets > self._bodies_octets_max:
            refusals[Bound.BODIES] += 1
            raise Overloaded(f"the bodies of requests take {self._bodies_octets} octets already")
        self._bodies_octets += octets
        in_use[Bound.BODIES] += octets


class _Slot:
    def __init__(self, limit: RequestLimit, receive: Receive, send: Send) -> None:
        self._limit, self._receive, self._send = limit, receive, send
        self._is_whole = self._is_held = self._is_left = False
        self._octets = 0
        self._must_end_s = 0.0
        self._user: str | None = None

    async def receive(self) -> Message:
        """Receive a piece of the body, without a slot meanwhile; raises TooSlow."""
        if self._is_whole:
            return await self._receive()  # only a disconnect can follow
        self._give()
        try:
            async with asyncio.timeout_at(self._due_s()):
                message = await self._receive()
        except TimeoutError:
            refusals[Bound.BODY_TIME] += 1
            raise TooSlow("the request's body comes too slowly") from None
        self._is_whole = not message.get("more_body", False)
        octets = len(message.get("body", b""))
        self._limit.hold(octets)
        self._octets += octets
        if not self._is_left:
            self.enter()
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Send a piece in time; raises TimeoutError when the client does not read it."""
        if self._is_left:
            return self._send(message)  # a stream, which has its own bound
        if message["type"] == "http.response.start" and is_stream(message):
            self.leave()
        return send_within(self._send, message, PIECE_S_MAX)

    def enter(self) -> None:
        """Take the slot; raises Overloaded when there is none."""
        self._limit.take(self._user)
        self._is_held = True

    def belong_to(self, user: str) -> None:
        """Count the slot for a user from now on; raises Overloaded when its share is taken."""
        if self._user == user:
            return
        assert self._is_held, "nothing has been received yet"
        self._limit.take_share(user)
        self._user = user

    def leave(self) -> None:
        """Release the slot for good: what follows is bounded elsewhere."""
        self._is_left = True
        self._give()

    def end(self) -> None:
        """Release slot and octets."""
        self._give()
        self._limit.hold(-self._octets)

    def _give(self) -> None:
        if self._is_held:
            self._is_held = False
            self._limit.give(self._user)

    def _due_s(self) -> float:
        """Give the deadline of the next piece, which every received octet extends."""
        if not self._must_end_s:
            self._must_end_s = asyncio.get_running_loop().time() + self._limit.body_s_min
        return self._must_end_s + self._octets / BODY_OCTETS_A_S


class Admission:
    """Begins a few requests in each iteration of the event loop, in order of arrival.

    A thousand connections may each send a request at the same moment.  Beginning one takes a
    millisecond, and the loop polls its sockets only after all of them have run: for a second
    it would answer nothing else, not even health checks.
    """

    def __init__(self, *, begun_a_round: int = BEGUN_A_ROUND) -> None:
        self._begun_a_round = begun_a_round
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Begin, or wait for an iteration with room."""
        loop = asyncio.get_running_loop()
        if self._waiting or self._begun >= self._begun_a_round:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            await turn
            return
        if not self._begun:
            loop.call_soon(self._next_round)
        self._begun += 1

    def _next_round(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < self._begun_a_round:
            turn = self._waiting.popleft()
            if not turn.done():  # else its client has disconnected
                turn.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._next_round)
