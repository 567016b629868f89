"""Who is believed: what settings make of it, and files that change."""

import asyncio
import json
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from app.api.credentials.authenticator import Authenticator, Presented
from app.api.credentials.outcomes import Authenticated, NoCredentials, Outcome, Refused
from app.config import Settings, UnusableSetting
from app.identity import Identity, certificates_of, identity, proxies_of
from app.listener import tls_of
from app.policy.client import Bounds
from tests.api.credentials.signing import claims, jwk_of, key_for, octets_of, signed
from tests.certificates import Authority
from tests.waiting import until

SERVERS, CLIENTS, PROXIES = (Authority.named(each) for each in ("servers", "clients", "proxies"))
GENEROUS = Bounds(evaluation_s=60, check_s=60, wait_s=60, start_s=60)
PEER = ip_address("10.9.0.4")


def settings(folder: Path | None = None, **given: object) -> Settings:
    """Make settings; with a folder, those of TLS and both kinds of client certificates."""
    if folder is not None:
        certificate, key = SERVERS.server("localhost").saved(folder, "api")
        given |= {"tls_cert": str(certificate), "tls_key": str(key)}
        given["tls_client_ca"] = str(CLIENTS.saved(folder, "clients")[0])
        given["proxy_client_ca"] = str(PROXIES.saved(folder, "proxies")[0])
    return Settings.model_validate(given)


def configuration(folder: Path, *, keys: str = "keys.json", **others: object) -> Path:
    (folder / "keys.json").write_bytes(octets_of(jwk_of(key_for("ES256"))))
    issuer = {
        "url": "https://issuer.example",
        "audiences": ["waypost"],
        "jwksFile": str(folder / keys),
    }
    mappings = {"username": {"expression": "claims.username + '@x'"}}
    document = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{"issuer": issuer, "claimMappings": mappings}],
        **others,
    }
    path = folder / "authentication.json"
    path.write_text(json.dumps(document))
    return path


async def asked(
    ours: Identity | Authenticator, token: str = "", der: bytes | None = None, path: str = "/x"
) -> Outcome:
    authenticator = ours.authenticator if isinstance(ours, Identity) else ours
    fields = [(b"authorization", f"Bearer {token}".encode())] if token else []
    presented = Presented(path=path, fields=fields, peer=PEER, certificate=der)
    return await authenticator.authenticate(presented, {}, now=datetime.now(UTC))


def token() -> str:
    now = datetime.now(UTC).timestamp()
    return signed(claims(exp=now + 600, iat=now))


async def test_by_default_nobody_is_believed_and_health_is_open() -> None:
    async with identity(settings(), None, bounds=GENEROUS) as ours:
        assert isinstance(await asked(ours, token()), Refused)
        assert isinstance(await asked(ours), NoCredentials)
        assert isinstance(await asked(ours, path="/livez"), Authenticated)
        assert ours.problems == []
        assert ours.reloads == {}


async def test_issuers_come_from_the_file_expressions_and_all(tmp_path: Path) -> None:
    path = configuration(tmp_path, anonymous={"enabled": False})
    async with identity(settings(auth_config=str(path)), None, bounds=GENEROUS) as ours:
        outcome = await asked(ours, token())
        assert isinstance(outcome, Authenticated)
        assert outcome.user.name == "alice@x"
        assert isinstance(await asked(ours, path="/livez"), NoCredentials)


async def test_a_file_that_changes_takes_effect(tmp_path: Path) -> None:
    path = configuration(tmp_path)
    async with identity(settings(auth_config=str(path)), None, bounds=GENEROUS) as ours:
        assert isinstance(await asked(ours, token()), Authenticated)
        configuration(tmp_path, jwt=[], anonymous={"enabled": True})
        await ours.look(now=datetime.now(UTC))
        assert isinstance(await asked(ours, token()), Refused)
        assert isinstance(await asked(ours, path="/anywhere"), Authenticated)


@pytest.mark.parametrize("spoilt", [{"kind": "Other"}, {"keys": "missing.json"}])
async def test_a_file_that_becomes_wrong_leaves_what_was(
    tmp_path: Path, spoilt: dict[str, str]
) -> None:
    path = configuration(tmp_path)
    async with identity(settings(auth_config=str(path)), None, bounds=GENEROUS) as ours:
        configuration(tmp_path, **spoilt)
        await ours.look(now=datetime.now(UTC))
        (problem,) = ours.problems
        assert problem.startswith("the AuthenticationConfiguration is not used: ")
        assert ours.reloads[False] >= 1
        assert isinstance(await asked(ours, token()), Authenticated)
        configuration(tmp_path, anonymous={"enabled": False})
        await ours.look(now=datetime.now(UTC))
        assert ours.reloads[True] >= 1


async def test_keys_that_come_after_their_configuration_are_found(tmp_path: Path) -> None:
    path = configuration(tmp_path, jwt=[])
    async with identity(settings(auth_config=str(path)), None, bounds=GENEROUS) as ours:
        configuration(tmp_path, keys="later.json")
        for _ in range(2):
            await ours.look(now=datetime.now(UTC))
            assert len(ours.problems) == 1
        (tmp_path / "later.json").write_bytes(octets_of(jwk_of(key_for("ES256"))))
        await ours.look(now=datetime.now(UTC))
        assert ours.problems == []
        assert isinstance(await asked(ours, token()), Authenticated)


@pytest.mark.parametrize("spoilt", [{"kind": "Other"}, {"keys": "missing.json"}, None])
async def test_a_file_that_is_wrong_at_start_names_its_setting(
    tmp_path: Path, spoilt: dict[str, str] | None
) -> None:
    path = tmp_path / "none" if spoilt is None else configuration(tmp_path, **spoilt)
    with pytest.raises(UnusableSetting, match="WAYPOST_AUTH_CONFIG: "):
        async with identity(settings(auth_config=str(path)), None, bounds=GENEROUS):
            raise AssertionError


async def test_files_are_looked_at_from_time_to_time(tmp_path: Path) -> None:
    path = configuration(tmp_path)
    async with identity(settings(auth_config=str(path)), None, bounds=GENEROUS) as ours:
        path.unlink()
        looking = asyncio.create_task(ours.run(lambda: datetime.now(UTC), look_s=0.001))
        await until(lambda: len(ours.problems) == 1)
        looking.cancel()


async def test_each_authority_names_its_own(tmp_path: Path) -> None:
    given = settings(tmp_path)
    tls = tls_of(given)
    alice, front = CLIENTS.client("alice").der, PROXIES.client("front").der
    async with identity(given, tls, bounds=GENEROUS) as ours:
        assert isinstance(await asked(ours, der=alice), Authenticated)
        assert isinstance(await asked(ours, der=front), NoCredentials)
        (tmp_path / "clients.crt").write_bytes(Authority.named("others").pem)
        assert tls is not None
        assert tls.reload(now=datetime.now(UTC))
        assert isinstance(await asked(ours, der=alice), NoCredentials)


def test_one_authority_may_be_missing(tmp_path: Path) -> None:
    both = settings(tmp_path)
    for missing, is_of in (
        ("tls_client_ca", (False, True)),
        ("proxy_client_ca", (True, False)),
    ):
        given = Settings.model_validate({**both.model_dump(), missing: ""})
        reader = certificates_of(given, tls_of(given))
        of_clients = reader.read(CLIENTS.client("a").der)
        of_proxies = reader.read(PROXIES.client("a").der)
        assert of_clients is not None
        assert of_proxies is not None
        assert (of_clients.is_of_clients, of_proxies.is_of_proxies) == is_of


def test_proxies_are_those_of_the_settings() -> None:
    ours = proxies_of(settings(trusted_proxies="10.9.0.0/24,192.0.2.1", proxy_plain=True))
    assert ours.know(PEER)
    assert ours.know(ip_address("192.0.2.1"))
    assert not ours.know(ip_address("192.0.2.2"))
    assert ours.is_plain
    assert proxies_of(settings(proxy_client_names="a, b")).client_names == {"a", "b"}
