"""Resolve names as programs would: from the zone, and other names from upstream servers.

    (Snapshot, Asked) -> a resolver's walk, its queries answered -> Resolved

Upstream servers are asked through a function; without it other names are refused.  Another
function knows the size of replies; without it no reply is truncated.
Source: contract.md, "GET /resolve".
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from app.domain.addresses import IPFamily, parse_address
from app.domain.discovery.nameserver import Elsewhere, Fitting, reply_to, service_behind
from app.domain.discovery.resolution import Asked, Resolved, walk
from app.domain.discovery.resolvers import resolv_conf
from app.domain.discovery.resolvers.lookup import Host, Lookup, Network, Outcome, Query, Reply
from app.domain.discovery.resolvers.resolv_conf import ClusterDNS, ResolvConf
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.errors import not_found
from app.domain.names import DomainName, NamespacedName
from app.domain.objects.pod import POD, Pod
from app.domain.snapshot import Snapshot
from app.registry.resolution_ground import resolution_ground

NAMESPACES_REMEMBERED_MAX = 256  # whose resolv.conf is kept
LOOPBACK_HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"

Upstream = Callable[[DomainName, str], Awaitable[Reply]]
"""Asks upstream servers for a name and a type; a timeout is a Reply too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Configuration of resolution in this process."""

    dns: ClusterDNS
    zone: ZoneConfig
    upstream: Upstream | None = None
    fitting: Fitting | None = None

    def ground_of(
        self, snapshot: Snapshot, resolved: Resolved
    ) -> Callable[[Snapshot], bool] | None:
        """Give what says whether another state leads to the same answer; None if nothing can."""
        return resolution_ground(snapshot, resolved, self.zone)


def conf_of_pod(snapshot: Snapshot, key: NamespacedName, dns: ClusterDNS) -> ResolvConf:
    """Compose a Pod's resolv.conf; raises NotFound without the Pod."""
    return resolv_conf.for_pod(_pod(snapshot, key), dns)


async def resolve(snapshot: Snapshot, asked: Asked, resolver: Resolver) -> Resolved:
    """Resolve one name; raises NotFound when the asking Pod is not registered."""
    pod = None if asked.pod is None else _pod(snapshot, asked.pod)
    conf, host = _place_of(asked, pod, resolver.dns)
    lookup = Lookup(name=_pointer_name(asked), qtype=asked.qtype)
    steps = walk(asked.profile, lookup, host)
    asking = _Asking(snapshot, resolver)
    try:
        flight = next(steps)
        while True:
            flight = steps.send(await asking.ask(flight))
    except StopIteration as end:
        outcome: Outcome = end.value
    service = service_behind(snapshot, outcome, resolver.zone)
    return Resolved(
        asked=asked,
        lookup=lookup,
        conf=conf,
        outcome=outcome,
        service=service,
        has_asked_upstream=asking.has_asked,
    )


@dataclass(slots=True)
class _Asking:
    """Answers the queries of one walk; it asks an upstream server each question once."""

    snapshot: Snapshot
    resolver: Resolver
    _known: dict[tuple[DomainName, str], Reply] = field(
        default_factory=dict[tuple[DomainName, str], Reply]
    )

    @property
    def has_asked(self) -> bool:
        """Whether it has asked an upstream server."""
        return bool(self._known)

    async def ask(self, flight: tuple[Query, ...]) -> tuple[Reply, ...]:
        """Answer concurrent queries, in order; upstream queries run concurrently."""
        heard = [self._hear(query) for query in flight]
        elsewhere = [reply for reply in heard if isinstance(reply, Elsewhere)]
        if elsewhere and self.resolver.upstream is not None:
            await self._fetch({(to.name, to.qtype) for to in elsewhere} - self._known.keys())
        return tuple(
            self._completed(reply) if isinstance(reply, Elsewhere) else reply for reply in heard
        )

    def _hear(self, query: Query) -> Reply | Elsewhere:
        if query.nameserver not in self.resolver.dns.nameservers and not query.is_malformed:
            # A nameserver outside the cluster does not know its names.
            return Elsewhere(name=query.name, qtype=query.qtype)
        return reply_to(self.snapshot, query, self.resolver.zone, self.resolver.fitting)

    async def _fetch(self, wanted: set[tuple[DomainName, str]]) -> None:
        assert self.resolver.upstream is not None
        questions = sorted(wanted, key=lambda question: (str(question[0]), question[1]))
        replies = await asyncio.gather(
            *(self.resolver.upstream(name, qtype) for name, qtype in questions)
        )
        self._known.update(zip(questions, replies, strict=True))

    def _completed(self, elsewhere: Elsewhere) -> Reply:
        reply = self._known.get((elsewhere.name, elsewhere.qtype))
        if reply is None:
            return elsewhere.unasked
        return elsewhere.completed(reply)


def _pod(snapshot: Snapshot, key: NamespacedName) -> Pod:
    pod = snapshot.pods.get(key)
    if pod is None:
        raise not_found(POD.plural, key.name)
    return pod


def _place_of(asked: Asked, pod: Pod | None, dns: ClusterDNS) -> tuple[ResolvConf, Host]:
    """Describe the place where a program runs: its resolv.conf, and the machine with it."""
    if pod is None and asked.search is None and asked.ndots is None:
        return _usual_place(asked.namespace, dns)
    conf = _conf(asked, pod, dns)
    return conf, _host(conf, pod, dns)


@lru_cache(maxsize=NAMESPACES_REMEMBERED_MAX)
def _usual_place(namespace: str, dns: ClusterDNS) -> tuple[ResolvConf, Host]:
    """Describe a place in a namespace without anything of its own, which most programs have."""
    conf = resolv_conf.for_namespace(namespace, dns)
    return conf, _host(conf, None, dns)


def _conf(asked: Asked, pod: Pod | None, dns: ClusterDNS) -> ResolvConf:
    conf = (
        resolv_conf.for_namespace(asked.namespace, dns)
        if pod is None
        else resolv_conf.for_pod(pod, dns)
    )
    if asked.search is not None:
        conf = replace(conf, search=asked.search, warnings=())
    if asked.ndots is not None:
        conf = replace(conf, options=_with_ndots(conf.options, asked.ndots))
    return conf


def _with_ndots(
    options: tuple[resolv_conf.Option, ...], ndots: int
) -> tuple[resolv_conf.Option, ...]:
    return tuple({**dict(options), "ndots": str(ndots)}.items())


def _host(conf: ResolvConf, pod: Pod | None, dns: ClusterDNS) -> Host:
    text = resolv_conf.format_text(conf)
    if pod is None:
        return Host(resolv_conf=text, hosts=LOOPBACK_HOSTS)
    hostname = pod.hostname or pod.metadata.name
    own = {family: next(iter(pod.addresses_of(family)), None) for family in IPFamily}
    network = Network(ipv4=own[IPFamily.IPV4], ipv6=own[IPFamily.IPV6])
    return Host(
        resolv_conf=text,
        network=network if any(own.values()) else Network(),
        hostname=hostname,
        hosts=LOOPBACK_HOSTS + _own_hosts_lines(pod, hostname, dns.cluster_domain),
    )


def _own_hosts_lines(pod: Pod, hostname: str, cluster_domain: str) -> str:
    """Write the lines that a kubelet adds to /etc/hosts; none on the host's network."""
    if pod.host_network:
        return ""
    domain = f"{pod.subdomain}.{pod.metadata.namespace}.svc.{cluster_domain}"
    names = f"{hostname}.{domain} {hostname}" if pod.subdomain else hostname
    return "".join(f"{address} {names}\n" for address in pod.pod_ips)


def _pointer_name(asked: Asked) -> str:
    """Turn an address into the name of its PTR records, with the final dot."""
    address = parse_address(asked.name) if asked.qtype == "PTR" else None
    return asked.name if address is None else f"{address.reverse_pointer}."
