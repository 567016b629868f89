"""The composition root of a DNS replica, which follows an API, and of the DNS of a server.

    Settings -> View <- WatchFollower <- an API
                  |
                  v
                 DNS, its health and its metrics

Every replica loads what this module imports, so it imports no database and no web
framework, which a test checks.  ``app.main`` runs the same DNS beside a registry.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from ipaddress import ip_address, ip_network

from app.config import Settings, blamed_on
from app.dns.answering.protocol import ProtocolConfig
from app.dns.follower import REPLICA_BOUNDS, WatchFollower
from app.dns.health import Readiness, routes
from app.dns.metrics import DNSCollector
from app.dns.serving.server import DNSServer, ServerOptions
from app.dns.serving.sockets import answered_at, bind, reached_at
from app.dns.serving.workers import DNSWorkers
from app.dns.upstream.server_list import Server, ServerList, read_servers, usable
from app.domain.addresses import Address, parse_address
from app.domain.discovery.zone.config import PodRecords, cluster_config
from app.domain.objects.endpoint_slice import ENDPOINT_SLICE
from app.domain.objects.namespace import NAMESPACE
from app.domain.objects.pod import POD, Pod
from app.domain.objects.service import SERVICE
from app.domain.objects.service_cidr import SERVICE_CIDR
from app.domain.work import Policy
from app.health_server import answering
from app.registry.garbage import short_searches
from app.registry.leases.self_registration import dns_pod
from app.registry.reads.view import View
from app.registry.writes.settings_check import contradictions
from app.schemas.objects.codec import encode_object
from app.telemetry.process import VERSION, make_metrics
from waypost.client.errors import WaypostError
from waypost.client.http.registry_client import RegistryClient
from waypost.client.registration import PodRegistrar, keep_registered

_log = logging.getLogger(__name__)
SYNC_POLL_S = 0.1  # between two checks whether the first load is complete


async def serve(settings: Settings, urls: Sequence[str], announce: Callable[[], None]) -> None:
    """Run a DNS replica that follows one of the APIs at ``urls``, until cancelled.

    ``announce`` is called once it listens.  Raises OSError when an address is in use,
    ValueError when none of the servers in a setting is usable.
    """
    options = dns_options_of(settings)
    view, metrics = View(), make_metrics()
    # The follower logs failures itself.
    client = RegistryClient(
        urls, credentials=settings.credentials, bounds=REPLICA_BOUNDS, logs_failures=False
    )
    follower = WatchFollower(client, view, kinds=kinds_of(settings))
    policy = policy_of(settings)
    paths = routes(lambda: readiness_of(view, follower, policy), metrics)
    async with AsyncExitStack() as stack:
        stack.enter_context(short_searches())
        await stack.enter_async_context(client)
        health = answering(settings.dns_host, settings.dns_metrics_port, paths)
        with blamed_on("DNS_HOST", "DNS_METRICS_PORT", port=settings.dns_metrics_port):
            await stack.enter_async_context(health)
        dns = await stack.enter_async_context(serving_dns(settings, view, options))
        metrics.register(DNSCollector(dns.host, dns.stats))
        announce()
        async with asyncio.TaskGroup() as works:
            works.create_task(follower.run())
            while not view.is_synced:  # noqa: ASYNC110  the first load notifies no subscriber
                await asyncio.sleep(SYNC_POLL_S)
            warn_of_contradictions(view, policy)
            if settings.bootstrap:
                pod = dns_pod_of(dns, metrics_port=settings.dns_metrics_port)
                registrar = PodRegistrar(client, encode_object(pod))
                works.create_task(_stay_present(registrar))


async def _stay_present(registrar: PodRegistrar) -> None:
    """Stay registered as an endpoint of kube-dns until cancelled."""
    async with keep_registered(registrar, failures=WaypostError):
        await asyncio.Event().wait()


def warn_of_contradictions(view: View, policy: Policy) -> None:
    """Log the settings that contradict the registered state."""
    for contradiction in contradictions(view.snapshot, policy):
        _log.warning("%s", contradiction)


def require_free_dns_port(settings: Settings) -> None:
    """Raise UnusableSetting if DNS cannot listen, before a database is started or a state loaded.

    The sockets are closed again: questions that nobody reads would keep clients waiting, where
    a refusal sends them to their next server.
    """
    with _blamed_on_dns(settings):
        shares_port = settings.dns_workers > 1
        bind(settings.dns_host, settings.dns_port, shares_port=shares_port).close()


def _blamed_on_dns(settings: Settings) -> AbstractContextManager[None]:
    return blamed_on("DNS_HOST", "DNS_PORT", port=settings.dns_port)


@asynccontextmanager
async def serving_dns(
    settings: Settings, view: View, options: ServerOptions
) -> AsyncGenerator[DNSServer | DNSWorkers, None]:
    """Serve DNS from ``view`` during the block; raises OSError when an address is in use."""
    config = protocol_of(settings)
    server = (
        DNSServer(view, config, options)
        if settings.dns_workers == 1
        else DNSWorkers(view, config, options, count=settings.dns_workers)
    )
    with _blamed_on_dns(settings):
        await server.start(settings.dns_host, settings.dns_port)
    try:
        yield server
    finally:
        await server.close()


def dns_pod_of(dns: DNSServer | DNSWorkers, *, metrics_port: int, is_server: bool = False) -> Pod:
    """Describe this process as a Pod, with the addresses at which other machines reach it."""
    return dns_pod(
        socket.gethostname(),
        reached_at(dns.host),
        dns_port=dns.port,
        api_port=metrics_port,
        is_server=is_server,
    )


def policy_of(settings: Settings) -> Policy:
    """Make the registry's policy of the settings."""
    return Policy(
        service_cidrs=settings.service_cidrs,
        cluster_domain=settings.cluster_domain,
        cluster_dns=settings.cluster_dns,
        node_ports=settings.node_ports,
        endpoints_per_slice=settings.endpoints_per_slice,
        creates_namespaces=settings.namespace_autocreate,
        token_days_max=settings.token_days_max,
    )


def protocol_of(settings: Settings) -> ProtocolConfig:
    """Make the configuration of DNS answers of the settings."""
    zone = cluster_config(
        settings.cluster_domain,
        [ip_network(cidr) for cidr in settings.service_cidrs],
        ttl_s=settings.dns_ttl_seconds,
        pods=PodRecords(settings.dns_pods),
        nameserver_addresses=nameserver_addresses_of(settings),
    )
    return ProtocolConfig(
        zone=zone,
        version=f"waypost {VERSION}",
        transfers_to=tuple(ip_network(prefix) for prefix in settings.dns_transfer_to),
        autopath=settings.host_search if settings.dns_autopath else None,
        udp_bytes_max=settings.dns_udp_bytes,
    )


def nameserver_addresses_of(settings: Settings) -> tuple[Address, ...]:
    """List the addresses at which clients reach this server; on loopback it is the ClusterIP."""
    return answered_at(settings.dns_host) or (ip_address(settings.cluster_dns),)


def dns_options_of(settings: Settings) -> ServerOptions:
    """Make the options of the DNS server of the settings.

    Raises ValueError when none of the servers in a setting is usable.
    """
    return ServerOptions(
        upstreams=usable("WAYPOST_DNS_UPSTREAMS", upstreams_of(settings)),
        notify=usable("WAYPOST_DNS_NOTIFY", read_servers(settings.dns_notify)),
        rate_limit_per_s=settings.dns_rate_limit,
        cache_bytes_max=settings.dns_cache_bytes,
    )


def upstreams_of(settings: Settings) -> ServerList:
    """Parse the upstream servers; this server itself is ignored, as it would ask itself."""
    own = parse_address(settings.dns_host)
    itself = () if own is None else (Server(own, settings.dns_port),)
    return read_servers(settings.dns_upstreams, own=itself)


def kinds_of(settings: Settings) -> frozenset[str]:
    """List the kinds that answers and settings depend on; Pods are many and rarely needed."""
    kinds = {SERVICE.name, ENDPOINT_SLICE.name, NAMESPACE.name, SERVICE_CIDR.name}
    if settings.dns_pods == PodRecords.VERIFIED or settings.dns_autopath:
        kinds.add(POD.name)
    return frozenset(kinds)


def readiness_of(view: View, follower: WatchFollower, policy: Policy) -> Readiness:
    """Describe a replica's readiness; without its API it serves the last state and stays ready."""
    problem = f"; {follower.url} is not followed: {follower.problem}" if follower.problem else ""
    if not view.is_synced:
        return Readiness(is_ready=False, words=f"it has not been loaded yet{problem}")
    warnings = "".join(f"; {found}" for found in contradictions(view.snapshot, policy))
    return Readiness(is_ready=True, words=f"revision {view.snapshot.revision}{problem}{warnings}")
