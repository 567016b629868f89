"""Follows a Docker engine and registers its containers: ``waypost registrar docker``.

    Followed -> desired_of -> Reconciler           and heartbeats, while the engine is there

When it ends, its Pods stay as long as their leases: the one that is started next takes them over.
"""

import asyncio
import logging
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from app.registrar.docker.desired import Place, desired_of, label_of
from app.registrar.docker.engine import Engine, EngineFailed
from app.registrar.docker.following import Followed
from app.registrar.docker.reconciling import Reconciler
from waypost.client import Waypost
from waypost.client.errors import ServiceUnavailable, TooManyRequests, WaypostError
from waypost.client.leases import RENEWALS_PER_LEASE
from waypost.client.pace import CLOCK, Backoff, Clock, Notices

WINDOW_S: Final = 0.05  # within which what happens is registered together
RETRY_S_MIN: Final = 0.5
RETRY_S_MAX: Final = 15.0  # between two attempts to register
ENGINE_AWAY_S_MAX: Final = 120.0
"""How long heartbeats go on without an engine: its containers may run on while it starts again."""
_CONTAINER_ID: Final = re.compile("[0-9a-f]{12}")
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which engine is followed, and where its containers are registered."""

    socket: str
    urls: tuple[str, ...]
    token_file: Path | None = None
    place: Place
    """Where its ``registrar`` is empty, it is the engine's name."""
    resync_s: float


class Registering:
    """The containers of one engine, kept registered."""

    def __init__(
        self, followed: Followed, reconciler: Reconciler, place: Place, clock: Clock = CLOCK
    ) -> None:
        self._followed, self._reconciler, self._place = followed, reconciler, place
        self._clock, self._notices = clock, Notices(_log, now_s=clock.now_s)
        self._problems: set[str] = set()

    async def run(self, resync_s: float) -> None:
        """Follow, register and send heartbeats until cancelled."""
        async with asyncio.TaskGroup() as works:
            works.create_task(self._followed.follow())
            works.create_task(self._register(resync_s))
            works.create_task(self._renew())

    async def register_once(self) -> None:
        """Read what has changed, and register it; raises EngineFailed and WaypostError."""
        await self._followed.read()
        followed = self._followed
        desired = desired_of(followed.containers.values(), followed.stopping, self._place)
        left_out = (
            (f"{followed.left_out} containers are beyond the bound",) if followed.left_out else ()
        )
        self._tell((*desired.problems, *left_out))
        await self._reconciler.reconcile(desired)

    def _tell(self, problems: Iterable[str]) -> None:
        """Log each problem once, as long as it lasts."""
        found = set(problems)
        for problem in sorted(found - self._problems):
            _log.warning("not registered: %s", problem)
        self._problems = found

    async def _register(self, resync_s: float) -> None:
        backoff = Backoff(RETRY_S_MIN, RETRY_S_MAX)
        followed = self._followed
        while True:
            try:
                async with asyncio.timeout(resync_s):
                    await followed.has_news.wait()
            except TimeoutError:
                self._reconciler.look_again()
                followed.look_again()
            followed.has_news.clear()
            await self._clock.sleep(WINDOW_S)
            try:
                await self.register_once()
                backoff.succeeded()
            except (EngineFailed, WaypostError) as error:
                self._notices.say("register", f"could not register: {error}; retrying")
                followed.has_news.set()
                if isinstance(error, WaypostError) and not _is_passing(error):
                    self._reconciler.look_again()
                now_s = self._clock.now_s()
                backoff.failed(now_s)
                await self._clock.sleep(backoff.retry_at_s - now_s)

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(self._place.lease_s / RENEWALS_PER_LEASE)
            await self.renew_once()

    async def renew_once(self) -> None:
        """Send heartbeats unless the engine has been away for long; what fails is logged."""
        since_s = self._followed.away_since_s
        if since_s is not None and self._clock.now_s() - since_s > ENGINE_AWAY_S_MAX:
            self._notices.say("away", "the engine is away: leases are not renewed")
            return
        try:
            if not await self._reconciler.renew():
                self._followed.has_news.set()
        except WaypostError as error:
            self._notices.say("renew", f"leases were not renewed: {error}; retrying")


def _is_passing(error: WaypostError) -> bool:
    """Whether the registry was asked in vain, and nothing was changed."""
    return isinstance(error, ServiceUnavailable | TooManyRequests)


async def run(options: Options) -> None:
    """Register until cancelled; raises WaypostError for a wrong URL, EngineFailed at the start."""
    async with (
        Engine(options.socket) as engine,
        Waypost(options.urls, token_file=options.token_file) as waypost,
    ):
        place = options.place
        if not place.registrar:
            place = replace(place, registrar=label_of(await engine.name()))
        if not place.networks:
            place = replace(place, networks=await _own_networks(engine))
        _log.info("registering the containers of %s as %s", options.socket, place.registrar)
        followed = Followed(engine, CLOCK)
        reconciler = Reconciler(waypost, place.registrar)
        await Registering(followed, reconciler, place).run(options.resync_s)


async def _own_networks(engine: Engine) -> tuple[str, ...]:
    """List the networks that this process is in, if it is in a container of that engine."""
    name = socket.gethostname()
    found = await engine.inspect(name) if _CONTAINER_ID.fullmatch(name) else None
    return () if found is None else tuple(sorted(found.networks))
