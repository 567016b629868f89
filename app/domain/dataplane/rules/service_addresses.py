"""At which addresses a Service is reached, family by family.

    Service -> Reach, one an IP family it has a cluster address of

A family without a cluster address has nothing at all: no external address, no
node port.  Who wins an address that two Services claim is not known here.

Source: spec ipvs 1.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily, Prefix, family_of, parse_prefix
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.objects.endpoint_slice import HEADLESS_LABEL
from app.domain.objects.service import HEADLESS, Service, ServiceType

PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name"
_UNNAMED: Final = ("",)
_NO_ADDRESSES: Final = ("", HEADLESS)
# These are asked of every Service, and naming a member of an enum is a search for it.
_ALIAS: Final = ServiceType.EXTERNAL_NAME.value
_IPV4: Final = IPFamily.IPV4
_IPV6: Final = IPFamily.IPV6
PROXIED_BY_BALANCER = "Proxy"  # the ipMode of an address that the load balancer serves itself


class Reach(NamedTuple):
    """The addresses of a Service in one family, canonical and without repetition.

    ``source_ranges`` restrict the load-balancer addresses; empty means anyone.
    """

    family: IPFamily
    cluster_ip: str
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[Prefix, ...] = ()
    has_foreign_ranges: bool = False
    """Whether ranges are given, but of the other family only, which restricts nothing."""


def is_visible(labels: Mapping[str, str]) -> bool:
    """Whether an object with these labels is ours; presence of a label counts, not its value."""
    return not labels or (PROXY_NAME_LABEL not in labels and HEADLESS_LABEL not in labels)


def reaches(service: Service) -> tuple[Reach, ...]:
    """List where a Service is reached; empty for headless, aliased and invisible ones."""
    if (
        service.cluster_ip in _NO_ADDRESSES
        or service.type == _ALIAS
        or not is_visible(service.metadata.labels)
    ):
        return ()
    # Old objects have no families: their one address tells its own.
    names, texts = service.ip_families or _UNNAMED, service.cluster_ips
    if not service.ip_families or not texts:
        texts = (service.cluster_ip,)
    found: list[Reach] = []
    for name, text in zip(names, texts, strict=False):
        number, address = ordered(text)
        family = _IPV6 if ":" in address else _IPV4
        if number >= 0 and (name == family or not name):
            found.append(_reach(service, family, address))
    if len(found) > 1:  # of two addresses of one family the first counts
        found = [*{reach.family: reach for reach in reversed(found)}.values()]
        found.sort(key=lambda reach: reach.family)
    return tuple(found)


def spell(prefix: Prefix) -> str:
    """Write a prefix as ipset prints it: a single address without its mask."""
    alone = prefix.prefixlen == prefix.max_prefixlen
    return str(prefix.network_address) if alone else str(prefix)


def _reach(service: Service, family: IPFamily, cluster_ip: str) -> Reach:
    if not service.external_ips and not service.ingress:
        return Reach(family, cluster_ip)
    ranges, has_foreign_ranges = _source_ranges(service, family)
    ingress = (entry.ip for entry in service.ingress if entry.ip_mode != PROXIED_BY_BALANCER)
    return Reach(
        family=family,
        cluster_ip=cluster_ip,
        external_ips=_of_family(service.external_ips, family),
        load_balancer_ips=_of_family(ingress, family),
        source_ranges=ranges,
        has_foreign_ranges=has_foreign_ranges,
    )


def _canonical_in(text: str, family: IPFamily) -> str | None:
    number, address = ordered(text)
    is_ipv6 = family is IPFamily.IPV6
    return address if number >= 0 and (":" in address) is is_ipv6 else None


def _of_family(texts: Iterable[str], family: IPFamily) -> tuple[str, ...]:
    found = {_canonical_in(text, family) for text in texts} - {None}
    return tuple(sorted((a for a in found if a is not None), key=ordered))


def _source_ranges(service: Service, family: IPFamily) -> tuple[tuple[Prefix, ...], bool]:
    """Keep the family's ranges; one of length 0 lifts the restriction (spec ipvs 1)."""
    parsed = [parse_prefix(text.strip()) for text in service.load_balancer_source_ranges]
    known = {prefix for prefix in parsed if prefix is not None}
    kept = sorted(
        (prefix for prefix in known if family_of(prefix) is family),
        key=lambda prefix: (int(prefix.network_address), prefix.prefixlen),
    )
    if any(prefix.prefixlen == 0 for prefix in kept):
        return (), False
    return tuple(kept), bool(known) and not kept
