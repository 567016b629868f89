"""Addresses at which other machines reach a socket."""

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from app.dns.serving.sockets import answered_at, reached_at
from tests.dns_vectors import VECTORS


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("192.0.2.7", "192.0.2.7"), ("fe80::1%eth0", "fe80::1")],
)
def test_an_address_is_reached_at_itself(host: str, address: str) -> None:
    assert reached_at(host) == (address,)


def test_a_wildcard_has_one_address_of_each_family() -> None:
    every = reached_at("::")
    assert reached_at("0.0.0.0")[0] in every  # noqa: S104
    for text in every:
        address = ip_address(text)
        assert not address.is_unspecified
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as bound:
            bound.bind((text, 0))


@pytest.mark.parametrize("case", VECTORS["bound_ip_vectors"], ids=lambda case: case["id"])
def test_other_machines_reach_every_bound_address_except_a_loopback(
    case: dict[str, Any],
) -> None:
    hosts = [text.partition("/")[0] for text in case["listen"] or ()]
    found = [str(address) for host in hosts for address in answered_at(host)]
    assert found == ([case["includes"]] if case["includes"] else [])
    assert case["excludes"] not in found


@pytest.mark.parametrize("host", ["localhost", "::1", "127.3.2.1"])
def test_loopback_addresses_and_host_names_give_no_address(host: str) -> None:
    assert answered_at(host) == ()
