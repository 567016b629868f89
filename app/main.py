"""The composition root: settings become a running process.

    Settings -> engine -> View <- ChangeLogFollower
                          |  ^
                          |  PostgresWriter <- API <- clients
                          v
                          DNS, rules, lists

The only module that knows every other.  ``app.replica`` composes the DNS, and is all that
a process without a registry runs.  Everything started here is stopped here, in reverse
order.
"""

import asyncio
import contextlib
import gc
import logging
import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from app.administrators import grant_access, issue_by_database
from app.agent.probe_checks import ProbeChecks
from app.agent.probes import Prober, Timing
from app.api import application
from app.api.dependencies import Check, Registry
from app.api.http.limits import Limits
from app.api.http.server import HTTPServer, Moments, listen
from app.api.http.tls import TLS
from app.api.metrics import StateCollector
from app.api.objects.streams import Watching
from app.config import Settings, UnusableSetting, blamed_on
from app.dns.metrics import DNSCollector
from app.dns.serving.server import DNSServer
from app.dns.serving.workers import DNSWorkers
from app.dns.upstream.lookup import Lookups, answers_that_fit
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.discovery.resolvers.resolv_conf import ClusterDNS, ResolvConf
from app.domain.errors import Exhausted, Invalid
from app.domain.objects.token import Token
from app.domain.registration.strategies import DERIVATIONS
from app.domain.work import Policy
from app.listener import reloading, tls_of, trusted_by
from app.registry import token_expiry
from app.registry.leases.heartbeats import Leases
from app.registry.leases.lease_tracker import LeaseTracker
from app.registry.leases.readiness_reports import apply_reports, following_pods
from app.registry.leases.registrar import OwnRegistrar
from app.registry.leases.self_registration import keep_registered
from app.registry.node_rules import NodeRulesReader, staying_ahead
from app.registry.ports import Writer
from app.registry.reads.history import History, HistoryBounds
from app.registry.reads.pagination import Lists
from app.registry.reads.view import View
from app.registry.reads.watch import Notifier
from app.registry.resolution import Resolver
from app.registry.threads import shorten_switch_interval
from app.registry.token_uses import TokenUses
from app.registry.writes import garbage_collection
from app.registry.writes.bootstrap import DNS_KEY, bootstrap
from app.registry.writes.reconcile import reconcile
from app.registry.writes.settings_check import SETTLED_KINDS, contradictions
from app.replica import (
    VERSION,
    dns_options_of,
    dns_pod_of,
    policy_of,
    protocol_of,
    serving_dns,
    upstreams_of,
    warn_of_contradictions,
)
from app.store import election
from app.store.change_log import ChangeLogFollower
from app.store.election import Elected
from app.store.engine import make_engine, parse_url
from app.store.keeping import embedded, migrations
from app.store.keeping.check import check, repair
from app.store.keeping.compaction import Compactor
from app.store.leases import PostgresLeases
from app.store.loading import load_kinds
from app.store.token_uses import PostgresTokenUses
from app.store.writer import PostgresWriter

GC_THRESHOLDS = (2_000, 50, 100)
"""Arguments of gc.set_threshold: rare collections.  Reference counting frees nearly all garbage of
requests, and a full collection stalls the event loop when thousands of watches are open."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def database(settings: Settings, *, is_made: bool = True) -> AsyncGenerator[str, None]:
    """Yield the URL of the configured database, or of a running embedded one.

    A missing embedded database is created if ``is_made``; else raises UnusableSetting.
    """
    if settings.database_url:
        with blamed_on("DATABASE_URL"):
            parse_url(settings.database_url)
        yield settings.database_url
        return
    folder = settings.data_dir / "postgres"
    if not is_made and not embedded.is_there(folder):
        raise UnusableSetting(
            f"there is no embedded database in {folder}: name its folder with WAYPOST_DATA_DIR, "
            "or another database with WAYPOST_DATABASE_URL"
        )
    with blamed_on("DATA_DIR"):
        server = await asyncio.to_thread(embedded.start, folder)
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def database_engine(
    settings: Settings, *, is_current: bool = True, is_made: bool = True
) -> AsyncGenerator[AsyncEngine, None]:
    """Connect to the database, for tools that need no running registry.

    With ``is_current`` an embedded database is migrated, as ``serve`` does, and another with an
    old schema raises SchemaMismatch.  A missing embedded one is created if ``is_made``, for tools
    that write; for tools that only read it raises UnusableSetting.
    """
    async with database(settings, is_made=is_made) as url:
        engine = make_engine(url)
        try:
            if is_current and not settings.database_url:
                await migrations.migrate(engine)
            if is_current:
                await migrations.require_current(engine)
            yield engine
        finally:
            await engine.dispose()


async def found_wrong(settings: Settings, *, repairs: bool) -> tuple[list[str], list[str]]:
    """Find the allocations and the settings that contradict the registered objects.

    With ``repairs`` allocations are repaired; settings are left to the operator.
    """
    async with database_engine(settings, is_made=False) as engine:
        findings = await check(engine)
        if repairs and findings:
            await repair(engine, findings)
        async with engine.connect() as connection:
            state = await load_kinds(connection, SETTLED_KINDS)
    return [str(found) for found in findings], [
        str(found) for found in contradictions(state, policy_of(settings))
    ]


async def administrator_token(settings: Settings) -> tuple[Token, str]:
    """Issue a token for everything by the database alone, with its text."""
    async with database_engine(settings, is_made=False) as engine:
        return await issue_by_database(engine, policy_of(settings))


@asynccontextmanager
async def running(
    settings: Settings, url: str, *, probes: bool = False
) -> AsyncGenerator[Registry, None]:
    """Load the state, follow it and accept writes, until the block ends.

    Raises SchemaMismatch when the schema is older or newer; the embedded database
    is migrated instead.
    """
    shorten_switch_interval()
    engine = make_engine(url)
    history = History(HistoryBounds(age_s_max=settings.history_seconds))
    view, policy = View(history, derivations=DERIVATIONS), policy_of(settings)
    follower = ChangeLogFollower(engine, view)
    writer = PostgresWriter(engine, view, policy=policy, conclude=reconcile, follower=follower)
    clock = follower.clock
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        await _prepare(engine, is_ours=not settings.database_url)
        await follower.load()
        leases = _leases_of(settings, view, writer, PostgresLeases(engine))
        use_store = PostgresTokenUses(engine)
        token_uses = TokenUses(view, use_store)
        compactor = Compactor(engine, history_s=settings.history_seconds)
        once = [
            Elected(
                engine,
                election.UPKEEP,
                lambda: _together(
                    garbage_collection.run(view, writer, now=clock.now),
                    leases.expire_periodically(),
                    token_expiry.run(writer, use_store),
                    compactor.run(),
                ),
            )
        ]
        if probes:
            once.append(Elected(engine, election.PROBES, lambda: _probe(settings, view, writer)))
        elected = [duty.run() for duty in once]
        saving = leases.save_periodically(), token_uses.exchange_periodically()
        for work in (writer.run(), follower.run(), *saving, *elected):
            stack.push_async_callback(_stop, asyncio.create_task(work))
        await _fill(writer, settings)
        warn_of_contradictions(view, policy)
        watching = Watching(view, Notifier(view), watchers_max=settings.watchers_max)
        metrics = CollectorRegistry()
        metrics.register(StateCollector(view, watching, log_size=lambda: compactor.size))
        yield Registry(
            view=view,
            lists=Lists(view),
            writer=writer,
            policy=policy,
            watching=watching,
            metrics=metrics,
            resolver=resolver_of(settings),
            leases=leases,
            token_uses=token_uses,
            rules=NodeRulesReader(view, rules_config_of(settings), node_ports=settings.node_ports),
            checks=lambda: _checks(view, follower, policy),
            objects_max=settings.apply_objects_max,
        )


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


def asking_upstreams(registry: Registry, dns: DNSServer | DNSWorkers) -> Registry:
    """Let ``/resolve`` use the DNS server's upstreams, if it has any."""
    if not dns.protocol.config.has_upstreams:
        return registry
    resolver = replace(registry.resolver, upstream=Lookups(dns.forwarder))
    return replace(registry, resolver=resolver)


def application_of(registry: Registry, settings: Settings, tls: TLS | None = None) -> FastAPI:
    """Make the HTTP application of a running registry."""
    limits = Limits(requests_max=settings.requests_max, body_bytes_max=settings.body_bytes_max)
    app = application.build(version=VERSION, limits=limits, trusted=trusted_by(settings, tls))
    app.state.registry = registry
    return app


async def serve(
    settings: Settings, announce: Callable[[Settings], None], *, probes: bool = False
) -> None:
    """Run the API and the DNS until a signal ends them; ``announce`` is called once both listen.

    Of the processes with ``probes`` one, the elected leader, probes all Pods.  Raises
    UnusableSetting when an address is in use, ValueError when none of the servers in a setting
    is usable, SchemaMismatch as ``running`` does.
    """
    options, tls = dns_options_of(settings), tls_of(settings)
    async with AsyncExitStack() as stack:
        with blamed_on("API_HOST", "API_PORT"):
            listener = stack.enter_context(listen(settings.api_host, settings.api_port))
        url = await stack.enter_async_context(database(settings))
        registry = await stack.enter_async_context(running(settings, url, probes=probes))
        gc.freeze()  # exempts the loaded state from collection, as traversing it takes seconds
        gc.set_threshold(*GC_THRESHOLDS)
        dns = await stack.enter_async_context(serving_dns(settings, registry.view, options))
        registry.metrics.register(DNSCollector(dns))
        registry = asking_upstreams(registry, dns)
        if tls is not None:
            await stack.enter_async_context(reloading(tls, registry.metrics))
        if settings.bootstrap:
            pod = dns_pod_of(dns, metrics_port=listener.getsockname()[1])
            presence = keep_registered(pod, OwnRegistrar(registry.writer, registry.leases))
            await stack.enter_async_context(presence)
        # DNS is serving by now; precompute the shared rules before the first node asks.
        await stack.enter_async_context(staying_ahead(registry.view, registry.rules.warm))
        moments = Moments(
            started=lambda: announce(settings),
            stopping=registry.watching.stop,
        )
        server = HTTPServer(
            application_of(registry, settings, tls),
            moments,
            connections_max=settings.connections_max,
            tls=tls,
        )
        await server.serve([listener])


async def _prepare(engine: AsyncEngine, *, is_ours: bool) -> None:
    """Check the schema, after migrating it if the database is the embedded one.

    Findings of `waypost check` are logged; serving continues, as the Services are correct.
    """
    if is_ours:
        await migrations.migrate(engine)
    await migrations.require_current(engine)
    for finding in await check(engine):
        _log.warning("an allocation contradicts its Service: %s (see `waypost check`)", finding)


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


def _leases_of(settings: Settings, view: View, writer: Writer, store: PostgresLeases) -> Leases:
    tracker = LeaseTracker(node_lease_s=settings.node_lease_seconds)
    tracker.follow(view)
    return Leases(view, writer, store, tracker=tracker)


async def _probe(settings: Settings, view: View, writer: Writer) -> None:
    """Probe all Pods until cancelled."""
    async with ProbeChecks(settings.probe_other_hosts) as checks:
        prober = Prober(
            checks.check,
            lambda found: writer.write(lambda work: apply_reports(work, found), reach=len(found)),
            timing=Timing(share=random.random),
        )
        with following_pods(view, prober.see, prober.forget):
            await prober.run()


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Run tasks concurrently; when one fails, all end."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


def _checks(view: View, follower: ChangeLogFollower, policy: Policy) -> Sequence[Check]:
    """List the checks of /readyz; a setting that contradicts the state is only a note."""
    found = contradictions(view.snapshot, policy)
    return (
        Check("database", follower.problem and f"it {follower.problem}", "it is followed"),
        Check("state", *_lag(view, follower)),
        Check("settings", note="; ".join(map(str, found)) or "they agree with the state"),
    )


def _lag(view: View, follower: ChangeLogFollower) -> tuple[str, str]:
    """Return the problem of the state, and a note about its age."""
    revision = view.snapshot.revision
    if not view.is_synced:
        return "it has not been loaded yet", ""
    if follower.problem:
        return f"revision {revision}, how far behind is not known", ""
    behind = max(0, follower.latest - revision)
    return "", f"revision {revision}, {behind} behind the database"


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
