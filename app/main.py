"""The composition root: settings become a running process.

    Settings -> LiveState -> view   -> DNS, rules, lists
                             writer <- API <- clients

``app.live_state`` composes what is beneath the API, ``app.replica`` the DNS, which is all that a
process without a registry runs.  Everything started here is stopped here, in reverse order.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from app.access import access_of
from app.administrators import grant_access
from app.agent.probe_stats import ProbeCollector
from app.api import application
from app.api.access.evaluation import Access
from app.api.dependencies import Registry
from app.api.http.kept_answers import KeptAnswers
from app.api.http.limits import BODIES_OCTETS_MAX, Limits
from app.api.monitoring.collectors import BoundsCollector, StateCollector
from app.api.objects.streams import Watching
from app.api.transport.handshakes import HANDSHAKES_MAX
from app.api.transport.server import HTTPServer, listen, shared
from app.api.transport.tls import TLS
from app.api.transport.workers import FirstProcess
from app.config import Settings, UnusableSetting, blamed_on
from app.database_commands import database
from app.dns.metrics import DNSCollector
from app.dns.serving.server import forwarder_of
from app.dns.upstream.forwarder import Forwarder
from app.dns.upstream.lookup import answers_that_fit, look_up
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.discovery.resolvers.resolv_conf import ClusterDNS, ResolvConf
from app.domain.errors import DomainError, Exhausted, Invalid
from app.listener import adding_metrics, reloading, tls_of, trusted_by, with_workers
from app.live_state import LiveState, live_state
from app.readiness import checks_of
from app.registry.garbage import short_searches
from app.registry.leases.heartbeats import OwnRegistrar
from app.registry.metrics import RegistryCollector
from app.registry.node_rules import NodeRulesReader, staying_ahead
from app.registry.ports import Writer
from app.registry.reads.pagination import Lists
from app.registry.reads.watch import Notifier
from app.registry.resolution import Resolver
from app.registry.threads import shorten_switch_interval
from app.registry.writes.bootstrap import DNS_KEY, bootstrap
from app.replica import (
    VERSION,
    dns_options_of,
    dns_pod_of,
    protocol_of,
    require_free_dns_port,
    serving_dns,
    upstreams_of,
    warn_of_contradictions,
)
from app.store.write_queue import QUEUE_MAX
from app.telemetry.bounds import Bound
from app.telemetry.process import make_metrics
from app.telemetry.tracing import tracing
from waypost.client.registration import keep_registered


@asynccontextmanager
async def running(
    settings: Settings,
    url: str,
    *,
    probes: bool = False,
    tls: TLS | None = None,
    is_first: bool = True,
) -> AsyncGenerator[Registry, None]:
    """Run the registry of a process, until the block ends; raises as ``live_state`` does.

    The first process creates the initial objects.
    """
    shorten_switch_interval()
    metrics = make_metrics()
    async with live_state(settings, url, probes=probes) as state:
        if is_first:
            await _fill(state.writer, settings)
        controlling = access_of(settings, tls, state.follower, state.token_uses, metrics)
        async with controlling as access:
            registry = _registry_of(settings, state, access, metrics)
            warn_of_contradictions(state.view, state.policy)
            for collector in collectors_of(settings, state, registry):
                metrics.register(collector)
            yield registry


def _registry_of(
    settings: Settings, state: LiveState, access: Access | None, metrics: CollectorRegistry
) -> Registry:
    view = state.view
    return Registry(
        view=view,
        lists=Lists(view),
        writer=state.writer,
        policy=state.policy,
        watching=Watching(view, Notifier(view), watchers_max=settings.watchers_max),
        metrics=metrics,
        resolver=resolver_of(settings),
        leases=state.leases,
        token_uses=state.token_uses,
        rules=NodeRulesReader(view, rules_config_of(settings), node_ports=settings.node_ports),
        checks=partial(checks_of, state.follower, state.policy, access),
        access=access,
        objects_max=settings.apply_objects_max,
    )


def collectors_of(settings: Settings, state: LiveState, registry: Registry) -> Iterator[Collector]:
    """Make the metrics of what a server runs, besides those of requests and of access."""
    yield StateCollector(state.view, registry.watching)
    yield BoundsCollector(
        {
            Bound.CONNECTIONS: settings.connections_max,
            Bound.REQUESTS: settings.requests_max,
            Bound.BODIES: BODIES_OCTETS_MAX,
            Bound.HANDSHAKES: HANDSHAKES_MAX,
            Bound.WATCHERS: settings.watchers_max,
            Bound.WRITES_QUEUED: QUEUE_MAX,
        },
        lambda: len(state.writer.queue),
    )
    yield state.store
    yield RegistryCollector(
        view=state.view,
        leases=state.tracker,
        rules=registry.rules,
        node_ports=settings.node_ports,
    )
    yield ProbeCollector(state.probes)


def rules_config_of(settings: Settings) -> RulesConfig:
    """Make the configuration of node rules of the settings."""
    return RulesConfig(
        scheduler=settings.scheduler,
        masquerade_all=settings.masquerade_all,
        cluster_cidrs=settings.cluster_cidr,
        node_port_addresses=settings.node_port_addresses,
    )


def resolver_of(settings: Settings) -> Resolver:
    """Make the resolver of ``/resolve`` of the settings."""
    upstreams = tuple(str(server.address) for server in upstreams_of(settings).servers)
    host = ResolvConf(nameservers=upstreams, search=settings.host_search)
    dns = ClusterDNS(
        nameservers=(settings.cluster_dns,), cluster_domain=settings.cluster_domain, host=host
    )
    fitting = partial(answers_that_fit, udp_bytes_max=settings.dns_udp_bytes)
    return Resolver(dns=dns, zone=protocol_of(settings).zone, fitting=fitting)


def asking_upstreams(registry: Registry, forwarder: Forwarder) -> Registry:
    """Let ``/resolve`` use the upstreams of the DNS, if it has any."""
    if not forwarder.protocol.config.has_upstreams:
        return registry
    resolver = replace(registry.resolver, upstream=partial(look_up, forwarder))
    return replace(registry, resolver=resolver)


def application_of(registry: Registry, settings: Settings, tls: TLS | None = None) -> FastAPI:
    """Make the HTTP application of a running registry."""
    limits = Limits(requests_max=settings.requests_max, body_bytes_max=settings.body_bytes_max)
    app = application.build(
        version=VERSION,
        limits=limits,
        trusted=trusted_by(settings, tls),
        access=registry.access,
        has_access_log=settings.access_log,
        is_traced=bool(settings.traces_endpoint),
    )
    app.state.registry = registry
    return app


async def serve(settings: Settings, announce: Callable[[], None], *, probes: bool = False) -> None:
    """Run the API and the DNS until a signal ends them; ``announce`` is called once both listen.

    Of the processes with ``probes`` one, the elected leader, probes all Pods.  Raises
    UnusableSetting when an address is in use, ValueError when none of the servers in a setting
    is usable, SchemaMismatch as ``running`` does.
    """
    options, tls = dns_options_of(settings), tls_of(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(tracing(settings.traces_endpoint, "waypost-server"))
        stack.enter_context(short_searches())
        with blamed_on("API_HOST", "API_PORT", port=settings.api_port):
            listener = stack.enter_context(listen(settings.api_host, settings.api_port))
        require_free_dns_port(settings)
        url = await stack.enter_async_context(database(settings))
        registry = await stack.enter_async_context(running(settings, url, probes=probes, tls=tls))
        dns = await stack.enter_async_context(serving_dns(settings, registry.view, options))
        registry.metrics.register(DNSCollector(dns.host, dns.stats))
        registry = asking_upstreams(registry, dns.forwarder)
        if settings.bootstrap:
            pod = dns_pod_of(dns, metrics_port=listener.getsockname()[1], is_server=True)
            presence = keep_registered(
                OwnRegistrar(registry.writer, registry.leases, pod), failures=DomainError
            )
            await stack.enter_async_context(presence)
        if settings.api_workers > 1:
            listener = stack.enter_context(shared(listener))
            beside = with_workers(settings, url, registry, listener, probes=probes)
            registry = await stack.enter_async_context(beside)
        server = await _server_of(stack, settings, registry, tls, announce)
        await server.serve([listener])


async def serve_beside(
    settings: Settings, first: FirstProcess, folder: Path, *, probes: bool = False
) -> None:
    """Run the API on the port of the first process, until that ends; metrics go to ``folder``."""
    tls = tls_of(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(tracing(settings.traces_endpoint, "waypost-server"))
        stack.enter_context(short_searches())
        registry = await stack.enter_async_context(
            running(settings, settings.database_url, probes=probes, tls=tls, is_first=False)
        )
        forwarder = forwarder_of(registry.view, protocol_of(settings), dns_options_of(settings))
        stack.push_async_callback(forwarder.close)
        registry = await stack.enter_async_context(
            adding_metrics(asking_upstreams(registry, forwarder), folder)
        )
        listener = stack.enter_context(
            listen(settings.api_host, settings.api_port, shares_port=True)
        )
        server = await _server_of(stack, settings, registry, tls, first.tell_ready)
        ending = asyncio.create_task(first.ended())
        ending.add_done_callback(lambda _: server.stop())
        stack.callback(ending.cancel)
        await server.serve([listener])


async def _server_of(
    stack: AsyncExitStack,
    settings: Settings,
    registry: Registry,
    tls: TLS | None,
    started: Callable[[], None],
) -> HTTPServer:
    """Make the server of the API, with what follows its certificate and keeps rules ready."""
    if tls is not None:
        await stack.enter_async_context(reloading(tls, registry.metrics))
    # Precompute the shared rules before the first node asks.
    await stack.enter_async_context(staying_ahead(registry.view, registry.rules.warm))
    return HTTPServer(
        application_of(registry, settings, tls),
        started=started,
        stopping=registry.watching.stop,
        connections_max=settings.connections_max,
        tls=tls,
        kept=KeptAnswers(registry.view),
    )


async def _fill(writer: Writer, settings: Settings) -> None:
    """Create the initial objects; raises UnusableSetting when the DNS gets no address.

    With authentication also the built-in roles, and a token of the first administrator.
    """
    try:
        await writer.write(lambda work: bootstrap(work, with_dns=settings.bootstrap))
    except (Invalid, Exhausted) as refusal:
        raise UnusableSetting(
            f"WAYPOST_CLUSTER_DNS: {settings.cluster_dns} cannot be the address of the Service "
            f"{DNS_KEY}: choose one in WAYPOST_SERVICE_CIDRS={','.join(settings.service_cidrs)}, "
            "or disable that Service with WAYPOST_BOOTSTRAP=false"
        ) from refusal
    if settings.auth:
        await grant_access(writer, settings.data_dir)
