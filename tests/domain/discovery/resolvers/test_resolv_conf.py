from hypothesis import given
from hypothesis import strategies as st

from app.domain.discovery.resolvers import resolver_config
from app.domain.discovery.resolvers.resolv_conf import (
    NAMESERVERS_MAX,
    SEARCH_LINE_LENGTH_MAX,
    SEARCHES_MAX,
    ClusterDNS,
    ResolvConf,
    for_namespace,
    for_pod,
    format_text,
)
from app.domain.objects.pod import DNSConfig, DNSPolicy
from tests.builders import a_pod

HOST = ResolvConf(
    nameservers=("192.0.2.53",), search=("corp.example",), options=(("rotate", None),)
)
DNS = ClusterDNS(nameservers=("10.96.0.10",), cluster_domain="cluster.local", host=HOST)
CLUSTER_SEARCH = ("myapp.svc.cluster.local", "svc.cluster.local", "cluster.local")


def test_a_namespace_searches_itself_then_the_cluster_then_the_host() -> None:
    assert for_namespace("myapp", DNS) == ResolvConf(
        nameservers=("10.96.0.10",),
        search=(*CLUSTER_SEARCH, "corp.example"),
        options=(("ndots", "5"),),
    )


def test_the_text_has_search_nameserver_and_options_lines() -> None:
    conf = ResolvConf(
        nameservers=("10.96.0.10", "fd00::a"),
        search=("a.test", "b.test"),
        options=(("ndots", "5"), ("rotate", None)),
    )
    assert format_text(conf) == (
        "search a.test b.test\nnameserver 10.96.0.10\nnameserver fd00::a\noptions ndots:5 rotate\n"
    )


def test_an_empty_conf_is_an_empty_text() -> None:
    assert format_text(ResolvConf()) == ""


def test_a_pod_gets_its_own_namespace_first() -> None:
    conf = for_pod(a_pod(namespace="myapp"), DNS)
    assert conf.search == (*CLUSTER_SEARCH, "corp.example")


def test_a_pod_on_the_hosts_network_gets_the_hosts_file() -> None:
    assert for_pod(a_pod(host_network=True), DNS) == HOST


def test_a_pod_on_the_hosts_network_may_still_use_the_cluster_dns() -> None:
    policy = DNSPolicy.CLUSTER_FIRST_WITH_HOST_NET
    conf = for_pod(a_pod(namespace="myapp", host_network=True, dns_policy=policy), DNS)
    assert conf.nameservers == ("10.96.0.10",)


def test_the_default_policy_is_the_hosts_file() -> None:
    assert for_pod(a_pod(dns_policy=DNSPolicy.DEFAULT), DNS) == HOST


def test_a_host_without_a_file_is_its_own_resolver() -> None:
    dns = ClusterDNS(nameservers=("10.96.0.10",), cluster_domain="cluster.local")
    assert for_pod(a_pod(dns_policy=DNSPolicy.DEFAULT), dns) == ResolvConf(
        nameservers=("127.0.0.1",), search=(".",)
    )
    ipv6_pod = a_pod(dns_policy=DNSPolicy.DEFAULT, pod_ips=("fd00::1",))
    assert for_pod(ipv6_pod, dns).nameservers == ("::1",)


def test_a_cluster_without_dns_falls_back_to_the_host_with_a_warning() -> None:
    conf = for_pod(a_pod(), ClusterDNS(nameservers=(), cluster_domain="cluster.local", host=HOST))
    assert conf == HOST
    assert conf.warnings


def test_without_a_cluster_domain_only_the_hosts_domains_are_searched() -> None:
    dns = ClusterDNS(nameservers=("10.96.0.10",), cluster_domain="", host=HOST)
    assert for_namespace("myapp", dns).search == ("corp.example",)


def test_policy_none_uses_only_the_dns_config_of_the_pod() -> None:
    own = DNSConfig(
        nameservers=("192.0.2.1",),
        searches=("own.test",),
        options=(("ndots", "2"), ("edns0", None)),
    )
    assert for_pod(a_pod(dns_policy=DNSPolicy.NONE, dns_config=own), DNS) == ResolvConf(
        nameservers=("192.0.2.1",), search=("own.test",), options=(("ndots", "2"), ("edns0", None))
    )


def test_additions_come_after_the_policy_without_duplicates() -> None:
    own = DNSConfig(
        nameservers=("192.0.2.1", "10.96.0.10"), searches=("svc.cluster.local", "own.test")
    )
    conf = for_pod(a_pod(namespace="myapp", dns_config=own), DNS)
    assert conf.nameservers == ("10.96.0.10", "192.0.2.1")
    assert conf.search == (*CLUSTER_SEARCH, "corp.example", "own.test")


def test_an_option_of_the_pod_overrides_the_one_of_the_same_name() -> None:
    own = DNSConfig(options=(("timeout", "1"), ("ndots", "2")))
    assert dict(for_pod(a_pod(dns_config=own), DNS).options) == {"ndots": "2", "timeout": "1"}


def test_a_fourth_nameserver_is_omitted_with_a_warning() -> None:
    own = DNSConfig(nameservers=("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    conf = for_pod(a_pod(dns_config=own), DNS)
    assert conf.nameservers == ("10.96.0.10", "192.0.2.1", "192.0.2.2")
    assert len(conf.warnings) == 1


def test_domains_over_the_limit_are_omitted_from_the_end() -> None:
    own = DNSConfig(searches=tuple(f"s{number}.test" for number in range(40)))
    conf = for_pod(a_pod(namespace="myapp", dns_config=own), DNS)
    assert len(conf.search) == SEARCHES_MAX
    assert conf.search[:3] == CLUSTER_SEARCH


def test_a_domain_too_long_for_dns_is_omitted() -> None:
    own = DNSConfig(searches=(".".join(["a" * 63] * 4), "own.test"))
    assert for_pod(a_pod(dns_config=own), DNS).search[-1] == "own.test"


def test_a_search_line_too_long_loses_whole_domains() -> None:
    own = DNSConfig(
        searches=tuple(f"{number:02d}{'a' * 61}.{'b' * 60}.test" for number in range(25))
    )
    conf = for_pod(a_pod(namespace="myapp", dns_config=own), DNS)
    assert len(" ".join(conf.search)) <= SEARCH_LINE_LENGTH_MAX
    assert (
        len(" ".join((*conf.search, own.searches[len(conf.search) - 4]))) > SEARCH_LINE_LENGTH_MAX
    )


_labels = st.text("abz09", min_size=1, max_size=60)
_domains = st.lists(_labels, min_size=1, max_size=3).map(".".join)
_addresses = st.ip_addresses().map(str)
_options = st.dictionaries(
    st.sampled_from(["ndots", "timeout", "attempts"]), st.integers(1, 5).map(str), max_size=3
).map(lambda options: tuple(options.items()))
_confs = st.builds(
    ResolvConf,
    nameservers=st.lists(_addresses, max_size=5, unique=True).map(tuple),
    search=st.lists(_domains, max_size=36, unique=True).map(tuple),
    options=_options,
)


@given(_confs)
def test_every_word_is_written_on_a_line_of_its_kind(conf: ResolvConf) -> None:
    lines = [line.split() for line in format_text(conf).splitlines()]
    assert tuple(rest[0] for word, *rest in lines if word == "nameserver") == conf.nameservers
    assert tuple(each for word, *rest in lines if word == "search" for each in rest) == conf.search
    options = [each.partition(":") for word, *rest in lines if word == "options" for each in rest]
    assert tuple((name, number) for name, _, number in options) == conf.options


@given(_confs, _confs)
def test_a_composed_file_keeps_every_limit(host: ResolvConf, own: ResolvConf) -> None:
    dns = ClusterDNS(nameservers=("10.96.0.10",), cluster_domain="cluster.local", host=host)
    config = DNSConfig(nameservers=own.nameservers, searches=own.search, options=own.options)
    conf = for_pod(a_pod(dns_config=config), dns)
    assert len(conf.nameservers) <= NAMESERVERS_MAX
    assert len(conf.search) <= SEARCHES_MAX
    assert len(" ".join(conf.search)) <= SEARCH_LINE_LENGTH_MAX
    assert conf.nameservers[0] == "10.96.0.10"
    assert conf.search[0] == "default.svc.cluster.local"


@given(_confs)
def test_every_resolver_reads_a_composed_file_the_same_way(own: ResolvConf) -> None:
    config = DNSConfig(nameservers=own.nameservers, searches=own.search[:4], options=own.options)
    text = format_text(for_pod(a_pod(dns_config=config), DNS))
    read = resolver_config.glibc(text)
    for other in (resolver_config.musl(text), resolver_config.go(text)):
        assert (other.nameservers, other.ndots) == (read.nameservers, read.ndots)
        assert tuple(domain.removesuffix(".") for domain in other.search) == read.search
