"""Settings: valid values, derived defaults, and refusals."""

import os
from contextlib import closing

import pytest
from pydantic import ValidationError

from app.api.transport.server import listen
from app.config import Settings, UnusableSetting, blamed_on


def settings(**values: str) -> Settings:
    return Settings.model_validate(values)


def refusals(**values: str) -> list[str]:
    """Return the names of the refused settings, sorted."""
    with pytest.raises(ValidationError) as refused:
        settings(**values)
    return sorted(str(problem["loc"][0]) for problem in refused.value.errors())


@pytest.mark.parametrize(
    ("ranges", "address"),
    [
        ("10.43.0.0/16", "10.43.0.10"),
        ("10.96.0.0/12,fd00:10:96::/112", "10.96.0.10"),
        ("fd00:43::/112", "fd00:43::a"),
        ("fd00:43::/112,10.43.0.0/16", "fd00:43::a"),
        ("192.168.7.16/28", "192.168.7.26"),
    ],
)
def test_the_cluster_dns_is_the_tenth_address_of_the_first_range(ranges: str, address: str) -> None:
    assert settings(service_cidrs=ranges).cluster_dns == address
    assert settings(service_cidrs=ranges, cluster_dns="").cluster_dns == address


def test_an_explicit_cluster_dns_is_used() -> None:
    assert settings(service_cidrs="10.43.0.0/16", cluster_dns="10.43.0.53").cluster_dns == (
        "10.43.0.53"
    )


def test_a_range_without_a_tenth_address_needs_an_explicit_cluster_dns() -> None:
    assert refusals(service_cidrs="10.96.0.0/29") == ["cluster_dns"]
    assert settings(service_cidrs="10.96.0.0/29", cluster_dns="10.96.0.5").cluster_dns


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("service_cidrs", ","),
        ("service_cidrs", "10.96.0.1/12"),
        ("service_cidrs", "10.96.0.0/16,10.96.0.0/16"),
        ("service_cidrs", "fd00::/48"),
        ("cluster_domain", "x" * 64),
        ("cluster_domain", "a_b"),
        ("cluster_cidr", "10.0.0.0"),
        ("cluster_cidr", "10.0.0.0/8,10.1.0.0/16"),
        ("node_port_addresses", "primary,lo"),
        ("node_port_range", "30000"),
        ("host_search", "a b"),
        ("host_search", "-a.example"),
        ("allowed_hosts", "waypost.example:8053"),
        ("allowed_hosts", "http://waypost.example"),
        ("allowed_hosts", "*"),
        ("allowed_origins", "waypost.example"),
        ("allowed_origins", "https://waypost.example/"),
        ("allowed_origins", "null"),
        ("cors_origins", "*"),
        ("cors_origins", "https://*.example"),
        ("cors_origins", "https://dashboard.example,null"),
        ("probe_other_hosts", "10.0.0.0/33"),
        ("probe_other_hosts", "a b"),
    ],
)
def test_an_invalid_setting_is_refused_by_its_name(name: str, bad: str) -> None:
    assert refusals(**{name: bad}) == [name]


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("cluster_cidr", "10.0.0.1/8,fd00::/64"),
        ("node_port_addresses", "primary,192.0.2.0/24"),
        ("probe_other_hosts", "127.0.0.0/8,::1,db.example.com"),
        ("host_search", "Example.COM.,_tcp.example,."),
        ("allowed_hosts", "waypost.example,*.waypost.example,my_api"),
        ("allowed_origins", "https://waypost.example,http://[::1]:8080"),
        ("cors_origins", "https://dashboard.example,http://localhost:3000"),
    ],
)
def test_values_that_kubernetes_accepts_are_accepted(name: str, good: str) -> None:
    assert getattr(settings(**{name: good}), name) == tuple(good.split(","))


@pytest.mark.parametrize("error", [OSError("in use"), ValueError("in use")])
def test_a_failure_names_the_settings_that_cause_it(error: Exception) -> None:
    with (
        pytest.raises(UnusableSetting, match=r"^WAYPOST_A and WAYPOST_B: in use$"),
        blamed_on("A", "B"),
    ):
        raise error


def test_a_port_in_use_is_refused_with_the_program_that_has_it() -> None:
    with closing(listen("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        words = rf"^WAYPOST_API_PORT: the API .* port {port}: Address already in use by process"
        with (
            pytest.raises(UnusableSetting, match=words) as raised,
            blamed_on("API_PORT", port=port),
        ):
            listen("127.0.0.1", port)
    assert f" {os.getpid()}, " in str(raised.value)


def test_no_secret_is_shown_with_the_settings() -> None:
    url, token = "postgresql://waypost:pass-word@db/waypost", "wpu_secret"
    settings = Settings.model_validate({"database_url": url, "token": token})
    assert settings.database_url == url
    for shown in (repr(settings), str(settings)):
        assert "pass-word" not in shown
        assert token not in shown
