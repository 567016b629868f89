"""The containers of an engine as they are now: read when something happens to one.

    events -> which containers have changed -> inspected -> Followed
    kill, with a signal that stops -> stopping, until it has ended or goes on regardless

After a reconnection, and at each resync, all are read again: events that were missed lose nothing.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final, Protocol

from app.registrar.docker.containers import Container, is_followed
from app.registrar.docker.engine import EngineFailed, Happening
from waypost.client.pace import Backoff, Clock

CONTAINERS_MAX: Final = 2_000
"""Followed containers of one engine; others are left out, which is logged."""
RECONNECT_S_MIN: Final = 0.2
RECONNECT_S_MAX: Final = 10.0
STOPPING_S_MORE: Final = 10.0
"""How much longer than its time to stop a container may run before it counts as not stopping."""
_ALWAYS_STOP: Final = ("SIGTERM", "SIGKILL")

_log: Final = logging.getLogger(__name__)


class Containers(Protocol):
    """What is asked of an engine; its methods raise EngineFailed."""

    async def followed(self) -> tuple[str, ...]:
        """List the ids of running containers to be registered."""
        ...

    async def inspect(self, id_: str) -> Container | None:
        """Read one container; None when there is none."""
        ...

    def events(self) -> AsyncGenerator[Happening | None, None]:
        """Yield None once the stream has begun, then what happens."""
        ...


class Followed:
    """The containers of one engine."""

    def __init__(
        self,
        engine: Containers,
        clock: Clock,
        *,
        containers_max: int = CONTAINERS_MAX,
        stopping_s_more: float = STOPPING_S_MORE,
    ) -> None:
        self._engine, self._clock, self._containers_max = engine, clock, containers_max
        self._containers: dict[str, Container] = {}
        self._stopping_s_more = stopping_s_more
        self._changed: set[str] = set()
        self._must_list = True
        self._stopping: dict[str, float] = {}
        """Until when each container counts as stopping."""
        self.has_news = asyncio.Event()
        self.away_since_s: float | None = clock.now_s()
        """Since when there is no stream of events; None while there is one."""
        self.left_out = 0
        """Containers beyond the bound."""

    @property
    def containers(self) -> Mapping[str, Container]:
        """The containers by id, as they were last read."""
        return self._containers

    @property
    def stopping(self) -> frozenset[str]:
        """The ids of containers that were asked to stop."""
        now_s = self._clock.now_s()
        return frozenset(id_ for id_, until_s in self._stopping.items() if now_s < until_s)

    def look_again(self) -> None:
        """Read all containers at the next chance."""
        self._must_list = True
        self.has_news.set()

    async def follow(self) -> None:
        """Take events until cancelled; reconnect when the stream ends."""
        backoff, problem = Backoff(RECONNECT_S_MIN, RECONNECT_S_MAX), ""
        while True:
            try:
                async with aclosing(self._engine.events()) as events:
                    async for happening in events:
                        self.away_since_s, problem = None, ""
                        backoff.succeeded()
                        self._take(happening)
                failure = "its stream of events has ended"
            except EngineFailed as error:
                failure = str(error)
            if failure != problem:
                _log.warning("the engine cannot be followed: %s; retrying", failure)
                problem = failure
            now_s = self._clock.now_s()
            if self.away_since_s is None:
                self.away_since_s = now_s
            backoff.failed(now_s)
            await self._clock.sleep(backoff.retry_at_s - now_s)

    def _take(self, happening: Happening | None) -> None:
        if happening is None:
            self.look_again()
            return
        container = self._containers.get(happening.container)
        if happening.action == "kill" and container is not None:
            if stops(container, happening.signal):
                self._expect_end(container)
        elif happening.action in ("die", "start"):
            self._stopping.pop(happening.container, None)
        self._changed.add(happening.container)
        self.has_news.set()

    def _expect_end(self, container: Container) -> None:
        """Count a container as stopping, and look again when it has gone on regardless."""
        duration_s = container.stop_s + self._stopping_s_more
        self._stopping[container.id] = self._clock.now_s() + duration_s
        asyncio.get_running_loop().call_later(duration_s, self.has_news.set)

    async def read(self) -> None:
        """Read what has changed; raises EngineFailed, and then it is read the next time."""
        changed, self._changed = self._changed, set()
        must_list, self._must_list = self._must_list, False
        try:
            if must_list:
                changed |= {*await self._engine.followed(), *self._containers}
                self.left_out = 0
            for id_ in sorted(changed):
                self._put(id_, await self._engine.inspect(id_))
        except EngineFailed:
            self._changed |= changed
            self._must_list = self._must_list or must_list
            raise

    def _put(self, id_: str, container: Container | None) -> None:
        before = self._containers.get(id_)
        if before and container and before.started_at != container.started_at:
            self._stopping.pop(id_, None)  # it has ended, and was started again
        if container is None or not container.is_running or not is_followed(container.labels):
            self._containers.pop(id_, None)
            self._stopping.pop(id_, None)
        elif id_ in self._containers or len(self._containers) < self._containers_max:
            self._containers[id_] = container
        else:
            self.left_out += 1


def stops(container: Container, number: str) -> bool:
    """Whether a signal, by its number or name, asks the container to end."""
    try:
        name = signal.Signals(int(number)).name if number.isdecimal() else number
    except ValueError:
        return False
    stop = container.stop_signal
    if stop.isdecimal():
        return number == stop or name in _ALWAYS_STOP
    stop = stop.upper()
    return name in (stop, f"SIG{stop}", *_ALWAYS_STOP)
