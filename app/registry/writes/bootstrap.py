"""Creation of the objects that every registry has.

    empty state -> Namespaces, the default ranges, kube-system/kube-dns

Source: contract.md, "Objects"; spec kubernetes-api 2.5 and 5.10.
"""

from collections.abc import Iterator
from itertools import count

from app.domain.addresses import family_of_text
from app.domain.copies import replace
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
"""Annotation of the Namespace kube-system: the cluster domain of names handed out so far."""
DNS_PORTS = (
    ServicePort(name="dns", port=53, protocol=Protocol.UDP, target_port="dns"),
    ServicePort(name="dns-tcp", port=53, protocol=Protocol.TCP, target_port="dns-tcp"),
    ServicePort(name="metrics", port=9153, protocol=Protocol.TCP, target_port="metrics"),
)


def bootstrap(work: Work, *, with_dns: bool) -> None:
    """Create missing objects; ``with_dns`` adds the DNS Service to an empty registry.

    Slices that an earlier version left in a wrong state are repaired as well.
    Raises Invalid or Exhausted when the configured DNS address is not available.
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
    """Yield names for the ServiceCIDR objects of the configured ranges, without end."""
    yield DEFAULT_NAME
    for ordinal in count(2):
        yield f"{DEFAULT_NAME}-{ordinal}"


def dns_service(address: str) -> Service:
    """Make the Service that every resolv.conf points at."""
    family = family_of_text(address)
    return Service(
        metadata=ObjectMeta(name=DNS_NAME, namespace=namespace.SYSTEM, labels=DNS_LABELS),
        selector=DNS_LABELS,
        cluster_ip=address,
        ip_families=() if family is None else (family,),
        ports=DNS_PORTS,
    )


def _remember_domain(work: Work) -> None:
    """Record the cluster domain in an annotation, unless one is recorded already."""
    system = work.snapshot.namespaces[NamespacedName("", namespace.SYSTEM)]
    annotations = system.metadata.annotations
    if DOMAIN_ANNOTATION not in annotations:
        noted = {**annotations, DOMAIN_ANNOTATION: work.policy.cluster_domain}
        work.put(replace(system, metadata=replace(system.metadata, annotations=noted)))


def _paired(cidrs: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Group ranges into as few objects as possible: one range, or two of different families."""
    groups: list[tuple[str, ...]] = []
    for cidr in cidrs:
        family = family_of_text(cidr.partition("/")[0])
        last = groups[-1] if groups else ()
        if len(last) == 1 and family_of_text(last[0].partition("/")[0]) != family:
            groups[-1] = (*last, cidr)
        else:
            groups.append((cidr,))
    return groups
