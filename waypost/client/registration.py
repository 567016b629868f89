"""Registration of something that runs: present while a block runs, with heartbeats.

    Registrar -> register -> renew, renew, … -> remove          Pod -> PodRegistrar, over HTTP
    readiness -> report          end -> terminate, with connections that are served -> remove

The loop knows no way to a registry: a server registers its own DNS without HTTP.  A Pod that has
been deleted is registered again.  Where the registry is away, the lease says how long the Pod
counts as ready.  A Pod belongs to the process that registered it last: the one before it, which
may still be ending, does not delete it.

Source: contract.md, "Routes": leases and heartbeats.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol
from uuid import uuid4

from waypost.client.errors import Conflict, NotFound, WaypostError
from waypost.client.http.queries import JSON, Parameters
from waypost.client.http.registry_client import MERGE_PATCH
from waypost.client.http.retries import FIRST_S, may_retry
from waypost.client.http.shape import ANY, Shape, of_object
from waypost.client.leases import LEASE_S, RENEWALS_PER_LEASE
from waypost.client.pace import CLOCK, Backoff, Clock
from waypost.client.paths import key_of, path_of
from waypost.client.shapes import mapping, text

REMOVAL_S_MAX: Final = 10.0  # after which a process ends, and its lease with it
REMOVAL_PAUSE_S_MAX: Final = 2.0  # between two attempts
REMOVALS_MAX: Final = 8  # of a Pod that changes meanwhile; as many reports
REGISTRATION: Final = "waypost/registration"
"""The annotation of a Pod that tells registrations of one name apart."""

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
        """Register, and register again whenever it has been deleted, until cancelled.

        What fails is tried again sooner than the next heartbeat is due, and later each time.
        """
        backoff = Backoff(min(FIRST_S, heartbeat_s), heartbeat_s)
        while True:
            pause_s, was_known = heartbeat_s, self._is_registered and not self.problem
            try:
                self._is_registered = self._is_registered and await self._registrar.renew()
                if not self._is_registered:
                    await self._registrar.register()
                if not was_known:
                    _log.info("%s is registered", self.name)
                self.problem, self._is_registered = "", True
                backoff.succeeded()
            except self._failures as failure:
                if not self.problem:
                    _log.warning("could not register %s: %s; retrying", self.name, failure)
                self.problem = str(failure) or type(failure).__name__
                now_s = self._clock.now_s()
                backoff.failed(now_s)
                pause_s = backoff.retry_at_s - now_s
            await self._clock.sleep(pause_s)


@asynccontextmanager
async def keep_registered(  # noqa: PLR0913  each parameter is an option
    registrar: Registrar,
    *,
    failures: type[Exception],
    heartbeat_s: float = LEASE_S / RENEWALS_PER_LEASE,
    is_registered: bool = False,
    removal_s_max: float = REMOVAL_S_MAX,
    clock: Clock = CLOCK,
) -> AsyncGenerator[Registered, None]:
    """Keep something registered during the block; ``failures`` are retried.

    It is registered at the first heartbeat, unless it ``is_registered`` already.  Its removal is
    tried for ``removal_s_max``.
    """
    registered = Registered(registrar, failures, is_registered=is_registered, clock=clock)
    keeping = asyncio.create_task(registered.keep(heartbeat_s))
    try:
        yield registered
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        await _remove(registrar, failures, clock, removal_s_max)


async def _remove(
    registrar: Registrar, failures: type[Exception], clock: Clock, removal_s_max: float
) -> None:
    """Remove it; an attempt that fails is repeated, as the registry may be starting again."""
    problem, backoff = "no answer", Backoff(FIRST_S, REMOVAL_PAUSE_S_MAX)
    until_s = clock.now_s() + removal_s_max
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(removal_s_max):
            while backoff.retry_at_s < until_s:
                try:
                    await registrar.remove()
                except failures as failure:
                    problem = str(failure) or type(failure).__name__
                    if not _may_pass(failure):
                        break
                else:
                    return
                now_s = clock.now_s()
                backoff.failed(now_s)
                await clock.sleep(backoff.retry_at_s - now_s)
    _log.warning("%s stays registered until its lease expires: %s", registrar.name, problem)


def _may_pass(failure: Exception) -> bool:
    return isinstance(failure, WaypostError) and may_retry(failure, is_repeatable=True)


class Asking(Protocol):
    """Sends requests to a registry; raises WaypostError."""

    async def ask(  # noqa: PLR0913  what a request may have
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        query: Parameters | None = None,
        content_type: str = JSON,
        shape: Shape = ANY,
    ) -> Mapping[str, Any]:
        """Send a request and return the document of its answer, which has the ``shape``."""
        ...


class PodRegistrar:
    """Registers a Pod over HTTP; raises WaypostError."""

    def __init__(
        self, client: Asking, pod: Mapping[str, object], *, grace_period_s: int = 0
    ) -> None:
        """Register a manifest; removed, it terminates for ``grace_period_s``."""
        self._client, self._grace_period_s = client, grace_period_s
        namespace, name = key_of(pod)
        self.name = f"{namespace}/{name}"
        self._path = path_of("pods", namespace, name)
        self._id = uuid4().hex
        self._pod = _annotated(pod, self._id)
        self._sent: Mapping[str, object] | None = None
        """What the registry was last told; None until it is registered."""
        self._is_ending = False
        self._ours: dict[str, str] | None = None
        """What the Pod must still be to be changed or deleted; None when that is not known."""

    @property
    def was_registered(self) -> bool:
        """Whether a registration has succeeded."""
        return self._sent is not None

    async def register(self) -> None:
        """Create or replace the Pod."""
        pod = self._pod
        found = await self._client.ask("PUT", self._path, pod, shape=_POD)
        self._ours, self._sent = _preconditions(found), pod
        await self._send_report()

    async def renew(self) -> bool:
        """Send a heartbeat; return whether the Pod exists, or needs to no more."""
        try:
            await self._client.ask("POST", f"{self._path}/heartbeat")
        except NotFound:
            return self._is_ending
        await self._send_report()
        return True

    async def report(self, ready: Mapping[str, str]) -> None:
        """Set the Ready condition, at once if the Pod is registered, else with its registration.

        ``ready`` has ``status``, ``reason`` and ``message``.  What fails is sent again with the
        next heartbeat.
        """
        conditions = [{"type": "Ready", **ready}]
        status = {**mapping(self._pod.get("status")), "conditions": conditions}
        self._pod = {**self._pod, "status": status}
        await self._send_report()

    async def terminate(self, grace_period_s: int) -> None:
        """Get no new connections from now on; the Pod stays at most ``grace_period_s``."""
        self._is_ending = True
        await self._delete(grace_period_s)

    async def remove(self) -> None:
        """Delete the Pod, if it exists and is not registered by another process meanwhile."""
        self._is_ending = True
        await self._delete(self._grace_period_s)

    async def _delete(self, grace_period_s: int) -> None:
        query = {"gracePeriodSeconds": grace_period_s}

        async def delete(ours: Mapping[str, str]) -> None:
            self._ours = None
            await self._client.ask("DELETE", self._path, {"preconditions": ours}, query=query)

        await self._change(delete)

    async def _send_report(self) -> None:
        """Send the conditions that the registry was not told of."""
        pod = self._pod
        if self._sent is None or pod is self._sent:
            return
        conditions = mapping(pod.get("status")).get("conditions")

        async def patch(ours: Mapping[str, str]) -> None:
            changes = {"metadata": ours, "status": {"conditions": conditions}}
            found = await self._client.ask(
                "PATCH", f"{self._path}/status", changes, content_type=MERGE_PATCH, shape=_POD
            )
            self._ours = _preconditions(found)

        await self._change(patch)
        self._sent = pod

    async def _change(self, send: Callable[[Mapping[str, str]], Awaitable[None]]) -> None:
        """Change the Pod if it exists, and is not registered by another process meanwhile."""
        with contextlib.suppress(NotFound):
            for attempt in range(1, REMOVALS_MAX + 1):
                ours = self._ours or await self._read()
                if ours is None:
                    return
                try:
                    await send(ours)
                except Conflict:  # it has changed: it may be another one's
                    self._ours = None
                    if attempt == REMOVALS_MAX:
                        raise
                else:
                    return

    async def _read(self) -> dict[str, str] | None:
        """Read the Pod; None when it is registered by another process."""
        found = await self._client.ask("GET", self._path, shape=_POD)
        annotations = mapping(found["metadata"]).get("annotations")
        return _preconditions(found) if text(annotations, REGISTRATION) == self._id else None


_POD: Final = of_object("Pod")


def _annotated(pod: Mapping[str, object], registration: str) -> dict[str, object]:
    metadata = mapping(pod.get("metadata"))
    annotations = {**mapping(metadata.get("annotations")), REGISTRATION: registration}
    return {**pod, "metadata": {**metadata, "annotations": annotations}}


def _preconditions(pod: Mapping[str, Any]) -> dict[str, str]:
    metadata = mapping(pod["metadata"])
    return {name: text(metadata, name) for name in ("uid", "resourceVersion")}
