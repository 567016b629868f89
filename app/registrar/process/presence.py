"""The registration of a command: its address is found, its Service made, its readiness reported.

    Identity, addresses -> CommandRegistrar, which waypost.client.registration keeps registered

What fails is retried by that loop; the command runs all the while.
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from app.registrar.process.manifests import Identity, pod_of, service_of
from waypost.client.errors import AlreadyExists, WaypostError
from waypost.client.registration import Asking, PodRegistrar

_log: Final = logging.getLogger(__name__)

Addresses = Callable[[], Awaitable[Sequence[str]]]


class CommandRegistrar:
    """Registers a command as a Pod; raises WaypostError."""

    def __init__(
        self, client: Asking, identity: Identity, addresses: Sequence[str], *, makes_service: bool
    ) -> None:
        self._client, self._identity = client, identity
        self._makes_service = makes_service
        self._pod = PodRegistrar(client, pod_of(identity, addresses))
        self.name = self._pod.name

    @property
    def was_registered(self) -> bool:
        """Whether a registration has succeeded."""
        return self._pod.was_registered

    async def register(self) -> None:
        """Make the Service if that is asked for and there is none, and register the Pod."""
        if self._makes_service:
            with contextlib.suppress(AlreadyExists):
                await self._client.ask("POST", "/services", service_of(self._identity))
        await self._pod.register()

    async def renew(self) -> bool:
        """Send a heartbeat; return whether the Pod is registered."""
        return await self._pod.renew()

    async def remove(self) -> None:
        """Delete the Pod."""
        await self._pod.remove()

    async def report(self, ready: Mapping[str, str]) -> None:
        """Set the Ready condition; what fails is sent again with the next heartbeat."""
        words = "ready" if ready["status"] == "True" else f"not ready: {ready['message']}"
        _log.info("%s is %s", self.name, words)
        try:
            await self._pod.report(ready)
        except WaypostError as error:
            _log.info("the registry was not told yet: %s", error)

    async def terminate(self, grace_period_s: int) -> None:
        """Get no new connections from now on; what fails is logged."""
        try:
            await self._pod.terminate(grace_period_s)
        except WaypostError as error:
            _log.warning("%s could not be made terminating: %s", self.name, error)
