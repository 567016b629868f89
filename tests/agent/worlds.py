"""A registry without a database, a network that can fail, virtual time, and an agent."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from app.agent.feed import Feed
from app.agent.loop import PACE, Pace, RulesLoop
from app.agent.modes.ipvs import IPVS
from app.api import application
from app.api.objects.streams import Watching
from app.domain.changes import Change
from app.domain.dataplane.ipvs.operations import IPVSState, Operation, state_of
from app.domain.dataplane.ipvs.state import ipvs_rules
from app.domain.dataplane.rules.health_checks import HealthChecks, health_checks
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import NamespacedName, Revision
from app.domain.objects.resource import Object
from app.domain.snapshot import load
from app.registry.node_rules import NodeRulesReader
from app.registry.reads.view import View
from app.registry.reads.watch import Notifier
from app.registry.threads import Lane
from tests.agent.sinks.memory_sink import MemorySink
from tests.builders import a_node
from tests.client.fake_clock import FakeClock
from waypost.client.http.registry_client import RegistryClient

NODE = a_node("n1")
CONFIG = RulesConfig()
URL = "http://localhost"


@cache
def _application() -> FastAPI:
    return application.build(version="0")


class Network(httpx.AsyncBaseTransport):
    """The network to a registry; it may fail, and it records requests."""

    def __init__(self, app: FastAPI, clock: FakeClock) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        self._clock = clock
        self.is_down = False
        self.answers_before_it_asks: list[httpx.Response] = []
        """Other answers, each given once in place of the registry's."""
        self.answers_to_changes: httpx.Response | None = None
        """Another answer to every request for changes."""
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.raw_path.decode()}")
        if self.is_down:
            raise httpx.ConnectError("network is down", request=request)
        if self.answers_to_changes is not None and request.url.path.endswith("/changes"):
            return self.answers_to_changes
        if self.answers_before_it_asks:
            answer = self.answers_before_it_asks.pop(0)
            answer.request = request
            return answer
        patience = request.url.params.get("timeoutSeconds")
        if patience is not None:  # the wait of a registry, in virtual time
            request.url = request.url.copy_set_param("timeoutSeconds", "0")
        began = await self._transport.handle_async_request(request)
        if patience is not None and b'"operations":[]' in await began.aread():
            self._clock.time_s += float(patience)
        return began


class _Through(httpx.AsyncBaseTransport):
    """Passes requests to an existing client."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._client.request(
            request.method,
            request.url.raw_path.decode(),
            content=await request.aread(),
            headers={k: v for k, v in request.headers.items() if k in ("accept", "content-type")},
        )
        kept = {k: v for k, v in answer.headers.items() if k in ("etag", "content-type")}
        return httpx.Response(answer.status_code, headers=kept, content=answer.content)


def client_to(api: httpx.AsyncClient) -> RegistryClient:
    """Make an agent's client for the test's API."""
    return RegistryClient([URL], transport=_Through(api))


@dataclass
class World:
    """A registry and the network to it."""

    view: View
    clock: FakeClock
    network: Network
    client: RegistryClient
    registrations: int = 0

    def put(self, before: Object | None, after: Object | None) -> None:
        """Make one more change visible."""
        revision = Revision(self.view.snapshot.revision + 1)
        self.view.advance((Change(revision=revision, before=before, after=after),))

    def replay(self, changes: Iterable[Change]) -> None:
        """Make changes of a drawn history visible."""
        for change in changes:
            self.put(change.before, change.after)

    def desired(self) -> IPVSState:
        """Compute the node's desired state from scratch."""
        snapshot = self.view.snapshot
        node = snapshot.nodes[NamespacedName("", "n1")]
        return state_of(ipvs_rules(node_rules(snapshot, node, CONFIG)))

    def desired_checks(self) -> HealthChecks:
        """Compute the node's health checks from scratch."""
        snapshot = self.view.snapshot
        rules = node_rules(snapshot, snapshot.nodes[NamespacedName("", "n1")], CONFIG)
        return health_checks(rules.services, rules.families)

    def agent(
        self, sink: MemorySink | None = None, *, pace: Pace = PACE
    ) -> RulesLoop[IPVSState, Operation]:
        """Make a new agent."""
        feed = Feed(self.client, "n1", IPVS)
        return RulesLoop(feed, sink or MemorySink(), self.clock, register=self._register, pace=pace)

    async def _register(self) -> None:
        self.registrations += 1


@asynccontextmanager
async def a_world(*objects: Object, config: RulesConfig = CONFIG) -> AsyncGenerator[World]:
    """Run a registry with these objects and the node."""
    view, clock = View(), FakeClock()
    view.reset(load([NODE, *objects], revision=Revision(1)), history=(), compacted=Revision(1))
    rules = NodeRulesReader(view, config, node_ports=range(30_000, 32_768))
    app = _application()
    app.state.registry = SimpleNamespace(
        view=view,
        rules=rules,
        watching=Watching(view, Notifier(view)),
        metrics=CollectorRegistry(),
        reading=Lane(),
        writing=Lane(),
    )
    network = Network(app, clock)
    async with RegistryClient([URL], transport=network) as client:
        yield World(view, clock, network, client)


async def settle(agent: RulesLoop[IPVSState, Operation], *, turns: int = 3) -> None:
    """Run some turns of an agent."""
    for _ in range(turns):
        await agent.turn()
