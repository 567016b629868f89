"""What every registry holds from the start.

    empty state -> Namespaces, the default ranges, kube-system/kube-dns

Source: contract.md, "Objects"; spec kubernetes-api 2.5 and 5.10.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from app.domain.addresses import family_of_text
from app.domain.names import REVISION_ZERO, NamespacedName
from app.domain.objects import namespace
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.namespace import Namespace
from app.domain.objects.service import Protocol, Service, ServicePort
from app.domain.objects.service_cidr import DEFAULT_NAME, ServiceCIDR
from app.domain.work import Work
from app.registry.leases.self_registration import DNS_LABELS
from app.registry.writes import lifecycle
from app.registry.writes.reconcile import reconsider_left_over

DNS_NAME = "kube-dns"
DNS_KEY = NamespacedName(namespace.SYSTEM, DNS_NAME)
DOMAIN_ANNOTATION = "waypost/cluster-domain"
"""On the Namespace kube-system: the domain that names were given out with."""
DNS_PORTS = (
    ServicePort(name="dns", port=53, protocol=Protocol.UDP, target_port="dns"),
    ServicePort(name="dns-tcp", port=53, protocol=Protocol.TCP, target_port="dns-tcp"),
    ServicePort(name="metrics", port=9153, protocol=Protocol.TCP, target_port="metrics"),
)


def bootstrap(work: Work, *, with_dns: bool) -> None:
    """Make what is missing; ``with_dns`` asks for the DNS Service on an empty registry.

    What an earlier version left behind is put right as well.

    Raises Invalid or Exhausted when the configured DNS address cannot be had.
    """
    is_empty = work.snapshot.revision == REVISION_ZERO
    for name in (namespace.DEFAULT_NAMESPACE, namespace.SYSTEM):
        if NamespacedName("", name) not in work.snapshot.namespaces:
            lifecycle.create(work, Namespace(metadata=ObjectMeta(name=name)))
    _remember_domain(work)
    if NamespacedName("", DEFAULT_NAME) not in work.snapshot.service_cidrs:
        for name, cidrs in zip(default_names(), _paired(work.policy.service_cidrs), strict=False):
            lifecycle.create(work, ServiceCIDR(metadata=ObjectMeta(name=name), cidrs=cidrs))
    if with_dns and is_empty:
        lifecycle.create(work, dns_service(work.policy.cluster_dns))
    reconsider_left_over(work)


def default_names() -> Iterator[str]:
    """Name the ServiceCIDR objects of the configured ranges, as many as are wanted."""
    yield DEFAULT_NAME
    for ordinal in count(2):
        yield f"{DEFAULT_NAME}-{ordinal}"


def dns_service(address: str) -> Service:
    """Describe the Service that every resolv.conf points at."""
    family = family_of_text(address)
    return Service(
        metadata=ObjectMeta(name=DNS_NAME, namespace=namespace.SYSTEM, labels=DNS_LABELS),
        selector=DNS_LABELS,
        cluster_ip=address,
        ip_families=() if family is None else (family,),
        ports=DNS_PORTS,
    )


def _remember_domain(work: Work) -> None:
    """Note the domain that names are given out with, unless one is noted already."""
    system = work.snapshot.namespaces[NamespacedName("", namespace.SYSTEM)]
    annotations = system.metadata.annotations
    if DOMAIN_ANNOTATION not in annotations:
        noted = {**annotations, DOMAIN_ANNOTATION: work.policy.cluster_domain}
        work.put(replace(system, metadata=replace(system.metadata, annotations=noted)))


def _paired(cidrs: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Put ranges in as few objects as can hold them: one or two, of different families."""
    groups: list[tuple[str, ...]] = []
    for cidr in cidrs:
        family = family_of_text(cidr.partition("/")[0])
        last = groups[-1] if groups else ()
        if len(last) == 1 and family_of_text(last[0].partition("/")[0]) != family:
            groups[-1] = (*last, cidr)
        else:
            groups.append((cidr,))
    return groups
