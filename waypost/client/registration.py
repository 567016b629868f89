"""Registration of something that runs: present while a block runs, with heartbeats.

    Registrar -> register -> renew, renew, … -> remove          Pod -> PodRegistrar, over HTTP

The loop knows no way to a registry: a server registers its own DNS without HTTP.  A Pod that has
been deleted is registered again.  Where the registry is away, the lease says how long the Pod
counts as ready.

Source: contract.md, "Routes": leases and heartbeats.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from waypost.client.errors import NotFound
from waypost.client.http.queries import Parameters
from waypost.client.pace import CLOCK, Clock
from waypost.client.paths import key_of, path_of

LEASE_S: Final = 15  # of a Pod that states none
RENEWALS_PER_LEASE: Final = 3
REMOVAL_S_MAX: Final = 10.0  # after which a process ends, and its lease with it

_log = logging.getLogger(__name__)


class Registrar(Protocol):
    """Registers one thing; its methods raise the failures that the loop is told of."""

    @property
    def name(self) -> str:
        """The name of the thing, for people."""
        ...

    async def register(self) -> None:
        """Create it, or replace what has its name."""
        ...

    async def renew(self) -> bool:
        """Send a heartbeat; return whether it is registered."""
        ...

    async def remove(self) -> None:
        """Delete it, if it is registered."""
        ...


class Registered:
    """Something that is kept registered."""

    def __init__(
        self, registrar: Registrar, failures: type[Exception], *, is_registered: bool, clock: Clock
    ) -> None:
        self.name = registrar.name
        self.problem = ""
        """Why the last heartbeat failed; empty when it succeeded."""
        self._registrar, self._failures, self._clock = registrar, failures, clock
        self._is_registered = is_registered

    async def keep(self, heartbeat_s: float) -> None:
        """Register, and register again whenever it has been deleted, until cancelled."""
        while True:
            try:
                self._is_registered = self._is_registered and await self._registrar.renew()
                if not self._is_registered:
                    await self._registrar.register()
                self.problem, self._is_registered = "", True
            except self._failures as failure:
                if not self.problem:
                    _log.warning("could not register %s: %s; retrying", self.name, failure)
                self.problem = str(failure) or type(failure).__name__
            await self._clock.sleep(heartbeat_s)


@asynccontextmanager
async def keep_registered(
    registrar: Registrar,
    *,
    failures: type[Exception],
    heartbeat_s: float = LEASE_S / RENEWALS_PER_LEASE,
    is_registered: bool = False,
    clock: Clock = CLOCK,
) -> AsyncGenerator[Registered, None]:
    """Keep something registered during the block; ``failures`` are retried.

    It is registered at the first heartbeat, unless it ``is_registered`` already.
    """
    registered = Registered(registrar, failures, is_registered=is_registered, clock=clock)
    keeping = asyncio.create_task(registered.keep(heartbeat_s))
    try:
        yield registered
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        await _remove(registrar, failures)


async def _remove(registrar: Registrar, failures: type[Exception]) -> None:
    try:
        async with asyncio.timeout(REMOVAL_S_MAX):
            await registrar.remove()
    except TimeoutError:
        _log.warning("%s stays registered until its lease expires: no answer", registrar.name)
    except failures as failure:
        _log.warning("%s stays registered until its lease expires: %s", registrar.name, failure)


class Asking(Protocol):
    """Sends requests to a registry; raises WaypostError."""

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        query: Parameters | None = None,
    ) -> Mapping[str, Any]:
        """Send a request and return the document of its answer."""
        ...


class PodRegistrar:
    """Registers a Pod over HTTP; raises WaypostError."""

    def __init__(
        self, client: Asking, pod: Mapping[str, object], *, grace_period_s: int = 0
    ) -> None:
        """Register a manifest; removed, it terminates for ``grace_period_s``."""
        self._client, self._pod, self._grace_period_s = client, pod, grace_period_s
        namespace, name = key_of(pod)
        self.name = f"{namespace}/{name}"
        self._path = path_of("pods", namespace, name)

    async def register(self) -> None:
        """Create or replace the Pod."""
        await self._client.ask("PUT", self._path, self._pod)

    async def renew(self) -> bool:
        """Send a heartbeat; return whether the Pod exists."""
        try:
            await self._client.ask("POST", f"{self._path}/heartbeat")
        except NotFound:
            return False
        return True

    async def remove(self) -> None:
        """Delete the Pod, if it exists."""
        with contextlib.suppress(NotFound):
            query = {"gracePeriodSeconds": self._grace_period_s}
            await self._client.ask("DELETE", self._path, query=query)
