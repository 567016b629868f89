"""Routes that keep traffic for Services on this machine, in IPVS mode.

    GET /servicecidrs, addresses of the node -> ranges -> `ip -batch -`: unreachable routes

An address of the ranges that no Service has is on no interface: without a route of its own a
packet for it would leave by the default route.  More specific routes of others win, and those to
the same range, as their metrics are lower.  A range that holds an address of the node itself is
left out: the node would be cut off from its neighbours.

In nftables mode a chain drops such packets (``app.domain.dataplane.nftables.table``): there a
program of the node itself needs a route to an address of Services before the table translates it.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, Final

from app.agent.sinks.programs import Run
from app.agent.sinks.sink import SinkFailed
from app.domain.addresses import IPFamily, Prefix, family_of, parse_address, parse_prefix
from app.domain.objects.node import NodeAddress
from waypost.client.errors import Misbehaved, WaypostError
from waypost.client.http.registry_client import RegistryClient
from waypost.client.pace import Clock, Notices

PERIOD_S: Final = 10.0  # between two looks at the ranges and the routes
PROTOCOL: Final = 87  # marks the routes as Waypost's; iproute2 gives this number no name
METRIC: Final = 65_535  # routes of others to the same range come first
_KIND: Final = f"unreachable proto {PROTOCOL}"
_FAMILY_OPTIONS: Final = {IPFamily.IPV4: "-4", IPFamily.IPV6: "-6"}
_log = logging.getLogger(__name__)


class ServiceRoutes:
    """Keeps an unreachable route for each range of ClusterIPs."""

    def __init__(
        self,
        client: RegistryClient,
        addresses: Callable[[], Awaitable[Sequence[NodeAddress]]],
        run: Run,
        clock: Clock,
    ) -> None:
        """Read ranges from ``client``, the node's own addresses, and routes with ``run``."""
        self._client, self._addresses = client, addresses
        self._run, self._clock = run, clock
        self._notices = Notices(_log, now_s=clock.now_s)

    async def run(self) -> None:
        """Keep them until cancelled."""
        while True:
            try:
                await self.keep()
            except (WaypostError, SinkFailed) as error:
                self._notices.say("routes", f"the routes of ClusterIPs stay as they are: {error}")
            await self._clock.sleep(PERIOD_S)

    async def keep(self) -> None:
        """Lay the routes that are missing, and remove those that are not wanted any more.

        Raises WaypostError and SinkFailed.
        """
        ranges = await self._ranges()
        own = {found for each in await self._addresses() if (found := parse_address(each.address))}
        families = {family_of(address) for address in own}
        wanted = {
            prefix
            for prefix in ranges
            if family_of(prefix) in families and not any(address in prefix for address in own)
        }
        await _lead(self._run, await _held(self._run), wanted)

    async def _ranges(self) -> set[Prefix]:
        with self._client.failing_over():
            listed = await self._client.ask("GET", "/servicecidrs")
            try:
                texts = [text for item in listed["items"] for text in item["spec"]["cidrs"]]
            except (KeyError, TypeError) as error:
                raise Misbehaved("its answer is not a list of ServiceCIDRs") from error
        return {prefix for text in texts if (prefix := parse_prefix(text)) is not None}


async def remove_routes(run: Run) -> None:
    """Remove the routes of ClusterIPs; raises SinkFailed."""
    await _lead(run, await _held(run), ())


def parse_routes(text: str) -> set[Prefix]:
    """Parse the output of ``ip -j route show``; raises SinkFailed."""
    try:
        routes: list[dict[str, Any]] = json.loads(text or "[]")
        found = {parse_prefix(_whole(str(route["dst"]))) for route in routes}
    except (ValueError, LookupError, TypeError) as error:
        raise SinkFailed(f"the routes of this machine cannot be read: {error!r}") from error
    return {prefix for prefix in found if prefix is not None}


def _whole(text: str) -> str:
    """Write a destination with its prefix length, which ``ip`` omits for a single address."""
    if "/" in text:
        return text
    return f"{text}/128" if ":" in text else f"{text}/32"


async def _held(run: Run) -> set[Prefix]:
    held: set[Prefix] = set()
    for option in _FAMILY_OPTIONS.values():
        held |= parse_routes(await run(f"ip -j {option} route show type {_KIND}"))
    return held


async def _lead(run: Run, held: Collection[Prefix], wanted: Collection[Prefix]) -> None:
    """Make the routes those that are wanted; a range that grows is covered at every moment."""
    held, wanted = set(held), set(wanted)
    lines = [*_lines("add", wanted - held), *_lines("del", held - wanted)]
    if lines:
        await run("ip -batch -", text="".join(lines))


def _lines(verb: str, prefixes: Iterable[Prefix]) -> list[str]:
    texts = sorted(map(str, prefixes))
    return [f"route {verb} unreachable {each} proto {PROTOCOL} metric {METRIC}\n" for each in texts]
