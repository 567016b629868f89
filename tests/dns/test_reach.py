"""Where others reach what listens here."""

import socket
from ipaddress import ip_address

import pytest

from app.dns.reach import reached_at


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("192.0.2.7", "192.0.2.7"), ("fe80::1%eth0", "fe80::1")],
)
def test_an_address_is_reached_at_itself(host: str, address: str) -> None:
    assert reached_at(host) == (address,)


def test_any_address_is_one_of_each_family_that_a_program_can_bind_to() -> None:
    every = reached_at("::")
    assert reached_at("0.0.0.0")[0] in every  # noqa: S104
    for text in every:
        address = ip_address(text)
        assert not address.is_unspecified
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as bound:
            bound.bind((text, 0))
