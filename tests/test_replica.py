"""Composition of the DNS from settings, and the readiness of a replica."""

from contextlib import closing
from ipaddress import ip_address

import pytest

from app.config import Settings, UnusableSetting
from app.dns.follower import WatchFollower
from app.dns.serving.sockets import bind
from app.domain.names import Revision
from app.domain.snapshot import Snapshot
from app.domain.work import Policy
from app.registry.reads.view import View
from app.replica import (
    dns_options_of,
    kinds_of,
    nameserver_addresses_of,
    policy_of,
    protocol_of,
    readiness_of,
    require_free_dns_port,
)
from waypost.client.http.registry_client import RegistryClient

API = "http://127.0.0.1:1"


def settings(**values: str | bool) -> Settings:
    return Settings.model_validate(values)


def test_a_replica_follows_pods_only_if_answers_depend_on_them() -> None:
    few = {"Service", "EndpointSlice", "Namespace", "ServiceCIDR"}
    assert kinds_of(settings()) == few
    assert kinds_of(settings(dns_pods="verified")) == {*few, "Pod"}
    assert kinds_of(settings(dns_autopath=True)) == {*few, "Pod"}


@pytest.mark.parametrize("host", ["192.0.2.7", "fd00::7"])
def test_the_name_server_address_is_the_listening_one(host: str) -> None:
    assert nameserver_addresses_of(settings(dns_host=host)) == (ip_address(host),)
    assert protocol_of(settings(dns_host=host)).zone.nameserver_addresses == (ip_address(host),)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_name_server_on_loopback_has_the_cluster_ip(host: str) -> None:
    found = nameserver_addresses_of(settings(dns_host=host, cluster_dns="10.96.0.53"))
    assert found == (ip_address("10.96.0.53"),)


def test_upstreams_of_a_setting_are_used_except_this_server() -> None:
    upstreams = "127.0.0.1:1053,192.0.2.1,fe80::1%1"
    options = dns_options_of(settings(dns_upstreams=upstreams, dns_notify="192.0.2.2:54"))
    assert list(map(str, options.upstreams)) == ["192.0.2.1:53", "[fe80::1%1]:53"]
    assert list(map(str, options.notify)) == ["192.0.2.2:54"]
    by_name = dns_options_of(settings(dns_upstreams=upstreams, dns_host="localhost"))
    assert len(by_name.upstreams) == 3


@pytest.mark.parametrize("setting", ["dns_upstreams", "dns_notify"])
def test_a_setting_without_a_usable_server_is_refused_by_its_name(setting: str) -> None:
    with pytest.raises(ValueError, match=f"^WAYPOST_{setting.upper()} names no usable nameserver"):
        dns_options_of(settings(**{setting: "dns.example.com"}))


def test_a_server_whose_only_upstream_is_itself_is_refused() -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:1053 is this server itself"):
        dns_options_of(settings(dns_upstreams="127.0.0.1:1053"))


def test_a_dns_port_in_use_is_refused_before_anything_is_started() -> None:
    with closing(bind("127.0.0.1", 0)) as held:
        with pytest.raises(UnusableSetting, match=r"^WAYPOST_DNS_HOST and WAYPOST_DNS_PORT: "):
            require_free_dns_port(settings(dns_port=str(held.port)))
        port = held.port
    require_free_dns_port(settings(dns_port=str(port)))


def test_a_replica_is_ready_once_loaded_even_if_no_api_is_reachable() -> None:
    view, policy = View(), Policy(cluster_dns="169.254.20.10")
    follower = WatchFollower(RegistryClient([API]), view, kinds=["Service"])
    before = readiness_of(view, follower, policy)
    assert not before.is_ready
    assert before.words == (
        f"it has not been loaded yet; {API} is not followed: it has not been reached yet"
    )

    view.reset(Snapshot(revision=Revision(7)), history=(), compacted=Revision(7))
    assert readiness_of(view, follower, policy).is_ready
    assert readiness_of(view, follower, policy).words.startswith(
        f"revision 7; {API} is not followed"
    )

    follower.problem = ""
    assert readiness_of(view, follower, policy).words == "revision 7"


def test_a_replica_reports_settings_that_contradict_the_state() -> None:
    view = View()
    view.reset(Snapshot(revision=Revision(7)), history=(), compacted=Revision(7))
    follower = WatchFollower(RegistryClient([API]), view, kinds=["Service"])
    readiness = readiness_of(view, follower, policy_of(settings()))
    assert readiness.is_ready
    assert "WAYPOST_CLUSTER_DNS: every resolv.conf names 10.96.0.10" in readiness.words
