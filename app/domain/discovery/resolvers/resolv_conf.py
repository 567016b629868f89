"""The /etc/resolv.conf of a Pod.

    Pod | namespace + cluster DNS + the host's own file -> ResolvConf -> text

Kubernetes applies its limits silently; here every omission gives a warning.
Source: spec resolver 9; the kubelet's dns.go.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from app.domain.addresses import IPFamily
from app.domain.objects.pod import DNSConfig, DNSPolicy, Pod

NAMESERVERS_MAX = 3
SEARCHES_MAX = 32
SEARCH_LINE_LENGTH_MAX = 2048  # characters, including the blanks between domains
SEARCH_LENGTH_MAX = 253  # characters of one domain
CLUSTER_NDOTS = 5

Option = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvConf:
    """The contents of the file; an option without a number has None.

    ``warnings`` say what was omitted.
    """

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    warnings: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterDNS:
    """The cluster's nameservers and domain, and the host's own file."""

    nameservers: tuple[str, ...]
    cluster_domain: str
    host: ResolvConf = field(default_factory=ResolvConf)


def format_text(conf: ResolvConf) -> str:
    """Write the file: search, nameservers, options; empty ones are omitted."""
    lines = [f"search {' '.join(conf.search)}"] if conf.search else []
    lines += [f"nameserver {address}" for address in conf.nameservers]
    lines += [f"options {' '.join(map(_word, conf.options))}"] if conf.options else []
    return "".join(f"{line}\n" for line in lines)


def for_pod(pod: Pod, dns: ClusterDNS) -> ResolvConf:
    """Compose the file of one Pod from its policy and its dnsConfig, within the limits."""
    is_ipv6_only = not pod.addresses_of(IPFamily.IPV4) and bool(pod.addresses_of(IPFamily.IPV6))
    match _effective_policy(pod):
        case DNSPolicy.NONE:
            base = ResolvConf()
        case DNSPolicy.DEFAULT:
            base = _of_host(dns, is_ipv6_only=is_ipv6_only)
        case _:
            base = _cluster_first(pod.metadata.namespace, dns, is_ipv6_only=is_ipv6_only)
    return _fitted(_merged(base, pod.dns_config))


def for_namespace(namespace: str, dns: ClusterDNS) -> ResolvConf:
    """Compose the file of a Pod of this namespace without its own DNS settings."""
    return _fitted(_cluster_first(namespace, dns, is_ipv6_only=False))


def _effective_policy(pod: Pod) -> str:
    # A Pod on the host's network gets the host's resolver unless it asks for the cluster's.
    if pod.host_network and pod.dns_policy == DNSPolicy.CLUSTER_FIRST:
        return DNSPolicy.DEFAULT
    return pod.dns_policy


def _cluster_first(namespace: str, dns: ClusterDNS, *, is_ipv6_only: bool) -> ResolvConf:
    if not dns.nameservers:
        base = _of_host(dns, is_ipv6_only=is_ipv6_only)
        return replace(
            base, warnings=("the cluster has no DNS address: the host's resolver is used",)
        )
    domain = dns.cluster_domain.removesuffix(".")
    own = (f"{namespace}.svc.{domain}", f"svc.{domain}", domain) if domain else ()
    return ResolvConf(
        nameservers=dns.nameservers,
        search=_unique((*own, *dns.host.search)),
        options=(("ndots", str(CLUSTER_NDOTS)),),
    )


def _of_host(dns: ClusterDNS, *, is_ipv6_only: bool) -> ResolvConf:
    if dns.host.nameservers:
        return dns.host
    # As the kubelet does without a file: the machine itself, and no search.
    loopback = "::1" if is_ipv6_only else "127.0.0.1"
    return replace(dns.host, nameservers=(loopback,), search=dns.host.search or (".",))


def _merged(base: ResolvConf, own: DNSConfig | None) -> ResolvConf:
    if own is None:
        return base
    return replace(
        base,
        nameservers=_unique((*base.nameservers, *own.nameservers)),
        search=_unique((*base.search, *own.searches)),
        options=tuple({**dict(base.options), **dict(own.options)}.items()),
    )


def _fitted(conf: ResolvConf) -> ResolvConf:
    warnings = list(conf.warnings)
    nameservers, search = conf.nameservers, conf.search
    if len(nameservers) > NAMESERVERS_MAX:
        nameservers = nameservers[:NAMESERVERS_MAX]
        warnings.append(f"only the first {NAMESERVERS_MAX} nameservers are used")
    if len(search) > SEARCHES_MAX:
        search = search[:SEARCHES_MAX]
        warnings.append(f"only the first {SEARCHES_MAX} search domains are used")
    if any(len(domain) > SEARCH_LENGTH_MAX for domain in search):
        search = tuple(domain for domain in search if len(domain) <= SEARCH_LENGTH_MAX)
        warnings.append(f"search domains over {SEARCH_LENGTH_MAX} characters are left out")
    if len(" ".join(search)) > SEARCH_LINE_LENGTH_MAX:
        while len(" ".join(search)) > SEARCH_LINE_LENGTH_MAX:
            search = search[:-1]
        warnings.append(
            f"search domains are left out from the end until {SEARCH_LINE_LENGTH_MAX} "
            "characters hold the rest"
        )
    return replace(conf, nameservers=nameservers, search=search, warnings=tuple(warnings))


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _word(option: Option) -> str:
    name, value = option
    return f"{name}:{value}" if value else name
