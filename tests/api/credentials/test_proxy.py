"""Front proxies: who is one, whom it names, and where its clients are."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.credentials import certificates
from app.api.credentials.certificates import Certificates, ClientCertificate
from app.api.credentials.outcomes import Authenticated, Failure, Malformed, Method, Refused
from app.api.credentials.proxy import (
    FORWARDED_MAX,
    Proxies,
    authenticate_proxied,
    is_told_by_proxy,
    plain_address,
    split_identity,
)
from app.domain.access.subjects import User
from app.domain.addresses import Address
from tests.api.credentials.test_certificates import CLIENTS, NOW, PROXIES

TRUSTED = Proxies(
    networks=(ip_network("10.9.0.0/24"), ip_network("fd00:9::/64")),
    client_names=frozenset({"front"}),
)
PLAIN = replace(TRUSTED, networks=(ip_network("127.0.0.0/8"),), is_plain=True)
READER = Certificates(
    certificates.Authority.of(CLIENTS.pem), certificates.Authority.of(PROXIES.pem)
)
PROXY, ELSEWHERE = ip_address("10.9.0.4"), ip_address("192.0.2.7")


def shown(name: str = "front", days: tuple[float, float] = (-1, 30)) -> ClientCertificate:
    found = READER.read(PROXIES.client(name, days=days).der)
    assert found is not None
    return found


FRONT = shown()


def fields(*pairs: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in pairs]


def test_a_proxy_has_a_known_address_and_a_known_certificate() -> None:
    assert TRUSTED.trust(PROXY, FRONT, now=NOW)
    assert TRUSTED.trust(ip_address("fd00:9::1"), FRONT, now=NOW)
    assert not TRUSTED.trust(ELSEWHERE, FRONT, now=NOW)
    assert not TRUSTED.trust(None, FRONT, now=NOW)
    assert not TRUSTED.trust(PROXY, None, now=NOW)


def test_the_certificate_is_of_the_proxies_authority_in_time_and_of_a_known_name() -> None:
    of_clients = READER.read(CLIENTS.client("front").der)
    assert not TRUSTED.trust(PROXY, of_clients, now=NOW)
    assert not TRUSTED.trust(PROXY, shown("other"), now=NOW)
    assert not TRUSTED.trust(PROXY, FRONT, now=NOW + timedelta(days=31))
    assert not TRUSTED.trust(PROXY, FRONT, now=NOW - timedelta(days=2))
    assert not replace(TRUSTED, client_names=frozenset()).trust(PROXY, FRONT, now=NOW)


def test_a_plain_proxy_is_on_this_machine() -> None:
    for peer in (ip_address("127.0.0.1"), None):
        assert PLAIN.trust(peer, None, now=NOW)
        assert not TRUSTED.trust(peer, None, now=NOW)
    assert not PLAIN.trust(ELSEWHERE, None, now=NOW)
    assert not PLAIN.trust(ip_address("::1"), None, now=NOW), "not among its networks"
    anywhere = replace(PLAIN, networks=(ip_network("0.0.0.0/0"),))
    assert not anywhere.trust(ELSEWHERE, None, now=NOW), "it is to show a certificate"


def test_headers_name_a_user() -> None:
    told = fields(
        ("X-Remote-User", "alice"),
        ("X-Remote-Uid", "u-1"),
        ("X-Remote-Group", "dev"),
        ("X-Remote-Group", ""),
        ("X-Remote-Group", "ops, too"),
        ("X-Remote-Extra-Team", "a"),
        ("X-Remote-Extra-TEAM", "b"),
        ("X-Remote-Extra-Example.org%2Fkey%", "\u00e4"),
    )
    assert authenticate_proxied(told) == Authenticated(
        user=User(
            name="alice",
            groups=("dev", "ops, too"),
            uid="u-1",
            extra={"team": ("a", "b"), "example.org/key%": ("\u00e4",)},
        ),
        method=Method.PROXY,
    )


def test_without_a_user_there_is_no_opinion() -> None:
    assert authenticate_proxied([]) is None
    assert authenticate_proxied(fields(("X-Remote-Group", "system:masters"))) is None
    assert authenticate_proxied(fields(("X-Remote-User", ""))) is None
    assert authenticate_proxied(fields(("X_Remote_User", "alice"))) is None


@pytest.mark.parametrize("name", ["X-Remote-User", "X-Remote-Uid"])
def test_a_user_is_named_once(name: str) -> None:
    told = fields(("X-Remote-User", "alice"), (name, "bob"), (name, "bob"))
    assert isinstance(authenticate_proxied(told), Malformed)


@pytest.mark.parametrize(
    "pairs",
    [
        [("X-Remote-User", "system:admin")],
        [("X-Remote-User", "alice"), ("X-Remote-Group", "system:masters")],
        [("X-Remote-User", "alice"), ("X-Remote-Group", "a"), ("X-Remote-Group", "system:")],
    ],
)
def test_no_proxy_names_what_kubernetes_reserves(pairs: list[tuple[str, str]]) -> None:
    found = authenticate_proxied(fields(*pairs))
    assert isinstance(found, Refused)
    assert (found.failure, found.method) == (Failure.RESERVED, Method.PROXY)


def test_octets_that_are_no_text_are_refused() -> None:
    found = authenticate_proxied([(b"x-remote-user", b"\xff")])
    assert found == Refused(Failure.FORM, Method.PROXY)


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("x-remote-user", True),
        ("x_remote_user", True),
        ("x-remote_extra-team", True),
        ("x-remote", False),
        ("x-forwarded-for", False),
    ],
)
def test_which_headers_are_a_proxys(name: str, *, is_told: bool) -> None:
    assert is_told_by_proxy(name.encode()) == is_told


def test_nothing_that_says_who_asks_is_passed_on() -> None:
    told = fields(
        ("Authorization", "Bearer x"),
        ("X-Remote-User", "a"),
        ("X_Remote_User", "a"),
        ("X-Remote-Extra-K", "a"),
        ("Impersonate-User", "a"),
        ("Impersonate_Group", "a"),
        ("Impersonate-Extra-K", "a"),
        ("Accept", "*/*"),
        ("X-Forwarded-For", "192.0.2.7"),
    )
    assert split_identity(told) == (told[:-2], told[-2:])


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ([], "10.9.0.4"),
        (["192.0.2.7"], "192.0.2.7"),
        (["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        (["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
        (["192.0.2.7, 10.9.0.5"], "192.0.2.7"),
        (["192.0.2.7,10.9.0.5 , 10.9.0.6"], "192.0.2.7"),
        (["10.9.0.5, 10.9.0.6"], "10.9.0.5"),
        (["192.0.2.7, nonsense"], "10.9.0.4"),
        (["192.0.2.7, nonsense, 10.9.0.5"], "10.9.0.5"),
        ([""], "10.9.0.4"),
        (["192.0.2.7,"], "10.9.0.4"),
        (["2001:db8::1"], "2001:db8::1"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["[2001:db8::1]:80"], "2001:db8::1"),
        (["192.0.2.7:80"], "192.0.2.7"),
        (["::ffff:192.0.2.7"], "192.0.2.7"),
        (["\u00e4"], "10.9.0.4"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(forwarded: list[str], client: str) -> None:
    told = fields(*(("X-Forwarded-For", value) for value in forwarded))
    assert TRUSTED.client_of(PROXY, told) == ip_address(client)


addresses = st.ip_addresses()


@given(addresses, st.lists(addresses, max_size=5))
def test_only_a_proxy_says_where_a_client_is(peer: Address, forwarded: list[Address]) -> None:
    told = fields(("X-Forwarded-For", ", ".join(map(str, forwarded))))
    found = TRUSTED.client_of(peer, told)
    if not TRUSTED.know(peer):
        assert found == peer
    else:
        assert found in {peer, *(plain_address(str(each)) for each in forwarded)}


def test_a_long_list_is_read_from_its_end() -> None:
    told = fields(("X-Forwarded-For", "192.0.2.7" + ", 10.9.0.5" * FORWARDED_MAX))
    assert TRUSTED.client_of(PROXY, told) == ip_address("10.9.0.5")
    assert PLAIN.client_of(None, fields(("X-Forwarded-For", "192.0.2.7"))) == ELSEWHERE
    assert TRUSTED.client_of(None, fields(("X-Forwarded-For", "192.0.2.7"))) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("nowhere", None),
        ("", None),
    ],
)
def test_the_address_of_a_peer(text: str, address: str | None) -> None:
    assert plain_address(text) == (address and ip_address(address))
