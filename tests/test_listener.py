"""The API's listener: what settings make of it."""

import asyncio
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from app.config import Settings, UnusableSetting
from app.listener import reloading, tls_of, trusted_by
from app.schemas.authorities import HostNames, Origin, parse_authority
from tests.certificates import Authority
from tests.waiting import until

SERVERS, CLIENTS, PROXIES = (Authority.named(each) for each in ("servers", "clients", "proxies"))
METRIC = "waypost_tls_certificate_expires_seconds"


def settings(**given: object) -> Settings:
    return Settings.model_validate(given)


def pair(folder: Path, *, days: tuple[float, float] = (-1, 30)) -> dict[str, object]:
    issued = SERVERS.server("waypost.example", "*.lan", days=days)
    certificate, key = issued.saved(folder, "api")
    return {"tls_cert": str(certificate), "tls_key": str(key)}


def authority(folder: Path, which: Authority, name: str) -> str:
    return str(which.saved(folder, name)[0])


def test_without_a_certificate_there_is_no_tls() -> None:
    assert tls_of(settings()) is None


def test_the_authorities_of_clients_come_before_those_of_proxies(tmp_path: Path) -> None:
    tls = tls_of(
        settings(
            **pair(tmp_path),
            tls_client_ca=authority(tmp_path, CLIENTS, "clients"),
            proxy_client_ca=authority(tmp_path, PROXIES, "proxies"),
        )
    )
    assert tls is not None
    assert tls.client_authorities == (CLIENTS.pem, PROXIES.pem)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tls_cert": "a.crt"}, "WAYPOST_TLS_CERT and WAYPOST_TLS_KEY: .* given together"),
        ({"tls_key": "a.key"}, "WAYPOST_TLS_CERT and WAYPOST_TLS_KEY: .* given together"),
        ({"tls_client_ca": "a.crt"}, "WAYPOST_TLS_CLIENT_CA .* asks for certificates"),
        ({"proxy_client_ca": "a.crt"}, "WAYPOST_PROXY_CLIENT_CA: .* asks for certificates"),
        ({"tls_cert": "a.crt", "tls_key": "a.key"}, "WAYPOST_TLS_CERT .* No such file"),
    ],
)
def test_settings_that_contradict_each_other_are_named(
    given: dict[str, object], words: str
) -> None:
    with pytest.raises(UnusableSetting, match=words):
        tls_of(settings(**given))


def test_with_authentication_every_name_is_accepted_unless_some_are_listed() -> None:
    assert trusted_by(settings(auth=True)).hosts is None
    listed = trusted_by(settings(auth=True, allowed_hosts="waypost.example")).hosts
    assert listed is not None
    evil = parse_authority(b"evil.example")
    assert evil is not None
    assert not listed.know(evil)


def test_listed_origins_may_write_and_those_of_another_list_read_as_well() -> None:
    trusted = trusted_by(
        settings(allowed_origins="https://a.example", cors_origins="HTTPS://b.example:443")
    )
    assert trusted.origins == {Origin("https", "a.example", 443)}
    assert trusted.readers == {Origin("https", "b.example", 443)}
    assert trusted_by(settings()).readers == frozenset()


def test_the_server_goes_by_the_names_of_its_certificate(tmp_path: Path) -> None:
    given = settings(**pair(tmp_path), allowed_hosts="other.example")
    hosts = trusted_by(given, tls_of(given)).hosts
    without = trusted_by(given).hosts
    assert hosts is not None
    assert without is not None
    for name, is_known in (
        ("waypost.example", True),
        ("a.lan", True),
        ("other.example", True),
        ("lan", False),
        ("evil.example", False),
    ):
        found = parse_authority(name.encode())
        assert found is not None
        assert hosts.know(found) == is_known
        assert without.know(found) == (name == "other.example")


def test_names_of_a_new_certificate_replace_those_of_the_old(tmp_path: Path) -> None:
    given = settings(**pair(tmp_path), allowed_hosts="other.example")
    tls = tls_of(given)
    assert tls is not None
    trusted = trusted_by(given, tls)
    SERVERS.server("new.example").saved(tmp_path, "api")
    (tmp_path / "api.key").write_text("nonsense")
    assert not tls.reload(now=datetime.now(UTC))
    assert known_among(trusted.hosts, "waypost.example", "new.example") == ["waypost.example"]
    SERVERS.server("new.example").saved(tmp_path, "api")
    assert tls.reload(now=datetime.now(UTC))
    names = ("waypost.example", "a.lan", "new.example", "other.example", "localhost")
    assert known_among(trusted.hosts, *names) == ["new.example", "other.example", "localhost"]


def test_with_authentication_a_new_certificate_limits_no_names(tmp_path: Path) -> None:
    given = settings(**pair(tmp_path), auth=True)
    tls = tls_of(given)
    assert tls is not None
    trusted = trusted_by(given, tls)
    SERVERS.server("new.example").saved(tmp_path, "api")
    assert tls.reload(now=datetime.now(UTC))
    assert trusted.hosts is None


def known_among(hosts: HostNames | None, *names: str) -> list[str]:
    assert hosts is not None
    found = [(name, parse_authority(name.encode())) for name in names]
    return [name for name, each in found if each is not None and hosts.know(each)]


async def test_a_certificate_is_followed_and_its_end_is_a_metric(tmp_path: Path) -> None:
    tls, metrics = tls_of(settings(**pair(tmp_path))), CollectorRegistry()
    assert tls is not None
    async with reloading(tls, metrics):
        assert metrics.get_sample_value(METRIC) == tls.expires_at.timestamp()
        before = tls.expires_at
        await asyncio.sleep(0)
        pair(tmp_path, days=(-1, 60))
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: tls.expires_at > before)
        assert metrics.get_sample_value(METRIC) == tls.expires_at.timestamp()
        assert tls.expires_at > datetime.now(UTC)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL, "nobody follows it any more"


async def test_reloads_of_a_certificate_are_counted_by_their_result(tmp_path: Path) -> None:
    tls, metrics = tls_of(settings(**pair(tmp_path))), CollectorRegistry()
    assert tls is not None

    def counted() -> list[float | None]:
        name = "waypost_tls_certificate_reloads_total"
        results = ("success", "failure")
        return [metrics.get_sample_value(name, {"result": each}) for each in results]

    async with reloading(tls, metrics):
        assert counted() == [0, 0]
        tls.reload(now=datetime.now(UTC))
        assert counted() == [0, 0], "nothing has changed"
        (tmp_path / "api.key").write_text("nonsense")
        for _ in range(2):
            tls.reload(now=datetime.now(UTC))
        assert counted() == [0, 2], "it is wrong at every look"
        pair(tmp_path)
        tls.reload(now=datetime.now(UTC))
        assert counted() == [1, 2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tls_min_version", "1.1"),
        ("jwt_leeway_seconds", 301),
        ("jwt_leeway_seconds", -1),
        ("trusted_proxies", "10.0.0.1/8"),
        ("trusted_proxies", "proxy.example"),
    ],
)
def test_wrong_settings_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        settings(**{name: value})
