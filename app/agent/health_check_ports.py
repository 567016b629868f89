"""Health-check node ports: tell load balancers the number of ready endpoints on this node.

    HealthChecks of the node -> a listener for each Service and address
    GET any path             -> 200 with a ready endpoint on a healthy node, else 503

Without an answer a balancer takes every node out of its rotation.  Listeners are opened and
closed with Services; an address that cannot be bound, because another program has the port,
is logged and retried.  This module does not know the kernel's state.

Source: spec ipvs 5, "Health check port".
"""

import asyncio
import errno
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Final, NamedTuple

from app.agent.health import NO_SNIFFING
from app.agent.stats import AgentStats
from app.domain.dataplane.rules.health_checks import HealthChecks
from app.domain.names import NamespacedName
from app.health_server import JSON, Answer, Connections, listen
from waypost.client.pace import Backoff, Clock

SOCKETS_MAX: Final = 512  # listening; the usual limit on descriptors is 1024
CONNECTIONS_MAX: Final = 256  # open at once, to all of them together
PROBLEMS_SHOWN_MAX: Final = 3
WEIGHT_HEADER: Final = "X-Load-Balancing-Endpoint-Weight"
_EVERY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104  balancers ask from elsewhere
_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """The listening address for one Service; host "" means all addresses of both families."""

    service: NamespacedName
    host: str
    port: int

    @property
    def words(self) -> str:
        """Its form in log lines."""
        where = f"address {self.host}" if self.host else "every address"
        return f"{self.service}, port {self.port} at {where}"


class HealthCheckPorts:
    """Listens for the Services of the last ``want``, while ``run`` runs."""

    def __init__(
        self,
        stats: AgentStats,
        clock: Clock,
        *,
        is_healthy: Callable[[], bool],
        sockets_max: int = SOCKETS_MAX,
        connections: Connections | None = None,
    ) -> None:
        """Count into ``stats``; ``is_healthy`` says whether rules are applied in time."""
        self._stats, self._clock = stats, clock
        self._is_healthy = is_healthy
        self._sockets_max = sockets_max
        self._connections = connections or Connections(CONNECTIONS_MAX)
        self._checks: HealthChecks = {}
        self._listening: dict[Place, asyncio.Server] = {}
        self._problems: dict[Place, str] = {}
        self._changed = asyncio.Event()

    def want(self, checks: HealthChecks) -> None:
        """Answer for exactly these Services from now on."""
        if checks != self._checks:
            self._checks = checks
            self._changed.set()

    async def run(self) -> None:
        """Open and close listeners until cancelled."""
        backoff = Backoff()
        try:
            while True:
                self._changed.clear()
                await self._follow()
                if self._problems:
                    backoff.failed(self._clock.now_s())
                else:
                    backoff.succeeded()
                await self._pause(backoff.retry_at_s - self._clock.now_s())
        finally:
            for server in self._listening.values():
                server.close()

    async def _pause(self, retry_in_s: float) -> None:
        """Wait for a change of Services, or for the next retry."""
        waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._changed.wait())]
        if self._problems:
            waiting.append(asyncio.ensure_future(self._clock.sleep(max(0.0, retry_in_s))))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def _follow(self) -> None:
        places = list(islice(_places(self._checks), self._sockets_max + 1))
        wanted = places[: self._sockets_max]
        # Close first: a port may be needed for another Service.
        for place in self._listening.keys() - set(wanted):
            self._listening.pop(place).close()
        problems: dict[Place, str] = {}
        for place in wanted:
            if place not in self._listening:
                try:
                    self._listening[place] = await self._listen(place)
                except OSError as error:
                    problems[place] = os.strerror(error.errno or errno.EIO)
        for place in places[self._sockets_max :]:
            problems[place] = f"the limit of {self._sockets_max} listening sockets is reached"
        self._note(problems)

    async def _listen(self, place: Place) -> asyncio.Server:
        def respond(_path: str) -> Answer:
            return self._answer(place.service)

        return await listen(place.host, place.port, respond, self._connections)

    def _answer(self, service: NamespacedName) -> Answer:
        check = self._checks.get(service)
        count = 0 if check is None else check.local_endpoints
        is_healthy = self._is_healthy()
        body = {
            "service": {"namespace": service.namespace, "name": service.name},
            "localEndpoints": count,
            "serviceProxyHealthy": is_healthy,
        }
        status = HTTPStatus.OK if count and is_healthy else HTTPStatus.SERVICE_UNAVAILABLE
        headers = {**NO_SNIFFING, WEIGHT_HEADER: str(count)}
        return Answer(status, json.dumps(body, indent="\t"), JSON, headers)

    def _note(self, problems: dict[Place, str]) -> None:
        """Log new problems of listening once, and their end."""
        for place, problem in problems.items():
            if self._problems.get(place) != problem:
                _log.warning(
                    "the health check of %s is not answered: %s; retrying", place.words, problem
                )
        for place in self._problems.keys() - problems.keys():
            if place in self._listening:
                _log.info("the health check of %s is answered now", place.words)
        self._problems = problems
        self._stats.health_check_sockets = len(self._listening)
        shown = [f"{place.words}: {problem}" for place, problem in problems.items()]
        self._stats.health_check_problem = _shortened(shown)


def _places(checks: HealthChecks) -> Iterator[Place]:
    for service, check in sorted(checks.items()):
        # One socket, instead of two, for every address of both families.
        is_everywhere = set(_EVERY_ADDRESS) <= set(check.addresses)
        for host in ("",) if is_everywhere else check.addresses:
            yield Place(service, host, check.port)


def _shortened(problems: Sequence[str]) -> str:
    """Join the first few problems to one line, and count the rest."""
    if not problems:
        return ""
    shown = "; ".join(problems[:PROBLEMS_SHOWN_MAX])
    hidden = len(problems) - PROBLEMS_SHOWN_MAX
    more = f"; and {hidden} more" if hidden > 0 else ""
    return f"health checks are not answered: {shown}{more}"
