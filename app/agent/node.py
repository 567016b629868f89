"""Registration of the node: its name, labels and addresses, and heartbeats.

    `ip -j addr`, `ip -j route` -> addresses -> POST /nodes, or PATCH of an existing Node
    periodically                -> POST /nodes/{name}/heartbeat

Other fields of the Node are kept.  Source: spec kubernetes-api 3.7.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from app.agent.sinks.sink import SinkFailed
from app.domain.dataplane.rules.model import DUMMY_INTERFACE
from app.domain.names import ZONE_LABEL
from app.domain.objects.node import NodeAddress
from waypost.client.errors import AlreadyExists, Misbehaved, NotFound, WaypostError
from waypost.client.http.registry_client import MERGE_PATCH, RegistryClient
from waypost.client.pace import Clock, Notices
from waypost.client.shapes import mapping, text

HOSTNAME_LABEL: Final = "kubernetes.io/hostname"
HEARTBEAT_S_DEFAULT: Final = 10.0  # between heartbeats, until the registry sends a lease duration
HEARTBEATS_PER_LEASE: Final = 4
LEASE_S_MAX: Final = 86_400  # longer durations are ignored as invalid
_NOT_OURS: Final = ("lo", DUMMY_INTERFACE)
_TEMPORARY: Final = ("deprecated", "temporary", "tentative", "dadfailed")
_log = logging.getLogger(__name__)

Addresses = Callable[[], Awaitable[Sequence[NodeAddress]]]


@dataclass(frozen=True, slots=True)
class Identity:
    """The name, zone, labels and annotations of a node."""

    name: str
    zone: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])


class Registration:
    """Keeps one Node registered and up to date."""

    def __init__(
        self, client: RegistryClient, identity: Identity, addresses: Addresses, clock: Clock
    ) -> None:
        """Register at ``client`` the addresses that ``addresses`` finds."""
        self._client, self._identity = client, identity
        self._addresses, self._clock = addresses, clock
        self._path = f"/nodes/{identity.name}"
        self._notices = Notices(_log, now_s=clock.now_s)
        self._is_registered = asyncio.Event()
        self.problem = ""

    async def register(self) -> None:
        """Create the Node, or update the existing one; raises WaypostError."""
        await self._register()
        self._is_registered.set()

    async def _register(self) -> None:
        found = await self._addresses()
        addresses = [{"type": each.type, "address": each.address} for each in found]
        try:
            with self._client.failing_over():
                known = await self._client.ask("GET", self._path)
                if text(known, "kind") != "Node":
                    raise Misbehaved("its answer is not a Node")
        except NotFound:
            await self._create(addresses)
            return
        wanted, meta = self._own(), mapping(known.get("metadata"))
        if any(not own.items() <= mapping(meta.get(name)).items() for name, own in wanted.items()):
            patch: dict[str, object] = {"metadata": wanted}
            await self._client.ask("PATCH", self._path, patch, content_type=MERGE_PATCH)
        if mapping(known.get("status")).get("addresses") != addresses:
            patch = {"status": {"addresses": addresses}}
            status = f"{self._path}/status"
            await self._client.ask("PATCH", status, patch, content_type=MERGE_PATCH)

    async def run(self) -> None:
        """Send heartbeats once the Node is registered, until cancelled."""
        await self._is_registered.wait()
        while True:
            await self._clock.sleep(await self.heartbeat())

    async def heartbeat(self) -> float:
        """Send one heartbeat; return the seconds until the next."""
        try:
            answer = await self._client.ask("POST", f"{self._path}/heartbeat")
            lease_s = answer.get("leaseDurationSeconds")
            self.problem = ""
        except WaypostError as error:
            self._notices.say("heartbeat", f"heartbeat failed: {error}")
            self.problem = str(error) or type(error).__name__
            return HEARTBEAT_S_DEFAULT
        if isinstance(lease_s, int) and 0 < lease_s <= LEASE_S_MAX:
            return lease_s / HEARTBEATS_PER_LEASE
        return HEARTBEAT_S_DEFAULT

    async def _create(self, addresses: Sequence[object]) -> None:
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self._identity.name, **self._own()},
            "status": {
                "addresses": addresses,
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
        with suppress(AlreadyExists):  # another client has just created it
            await self._client.ask("POST", "/nodes", node)

    def _own(self) -> dict[str, Mapping[str, str]]:
        """Give the labels and the annotations that the Node must have, among others."""
        identity = self._identity
        zone = {ZONE_LABEL: identity.zone} if identity.zone else {}
        labels = {HOSTNAME_LABEL: identity.name, **zone, **identity.labels}
        annotations = identity.annotations
        return {"labels": labels, **({"annotations": annotations} if annotations else {})}


async def own_addresses(
    run: Callable[[str], Awaitable[str]], *, given: Sequence[str], name: str
) -> Sequence[NodeAddress]:
    """Find the addresses of this machine, unless an operator has given them.

    The interface of Services is down, so it is not listed.  Raises SinkFailed.
    """
    if given:
        return given_addresses(given, name=name)
    links = await run("ip -j addr show up")
    routes = [await run(f"ip -j {family} route show default") for family in ("-4", "-6")]
    try:
        return parse_addresses(links, routes, name=name)
    except ValueError as error:
        raise SinkFailed(f"the addresses of this machine cannot be read: {error}") from error


def parse_addresses(links: str, routes: Iterable[str], *, name: str) -> tuple[NodeAddress, ...]:
    """Parse the output of ``ip -j addr`` and of ``ip -j route show default``, one per family.

    Addresses of the default route's interface come first: the first of a family is its
    primary one.  Link-local, loopback and Service addresses are ignored.  Raises ValueError.
    """
    leading = {route.get("dev") for text in routes for route in json.loads(text or "[]")}
    found: dict[str, bool] = {}
    for link in json.loads(links or "[]"):
        interface = link.get("ifname", "")
        if interface in _NOT_OURS:
            continue
        for entry in link.get("addr_info") or ():
            if entry.get("scope") == "global" and not any(entry.get(word) for word in _TEMPORARY):
                found.setdefault(str(ip_address(entry["local"])), interface in leading)
    ordered = sorted(found, key=lambda address: (not found[address], ":" in address))
    return given_addresses(ordered, name=name)


def given_addresses(addresses: Iterable[str], *, name: str) -> tuple[NodeAddress, ...]:
    """Make a Node's addresses; raises ValueError for an invalid one."""
    return (
        *(NodeAddress(type="InternalIP", address=str(ip_address(each))) for each in addresses),
        NodeAddress(type="Hostname", address=name),
    )
