"""The address of a command is that of the route to its registry, or what an operator names."""

import pytest

from app.registrar.process.addresses import interface_addresses, source_addresses
from waypost.client.errors import InvalidArgument, Unreachable


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8053", "127.0.0.1"),
        ("https://127.9.9.9", "127.0.0.1"),
        ("http://[::1]:8053/below", "::1"),
        ("http://localhost:8053", "127.0.0.1"),
    ],
)
async def test_the_route_to_the_registry_has_a_source(url: str, address: str) -> None:
    assert await source_addresses([url]) == (address,)


async def test_the_next_url_is_tried_when_a_name_has_no_address() -> None:
    urls = ["http://nowhere.invalid:8053", "http://127.0.0.1:8053"]
    assert await source_addresses(urls) == ("127.0.0.1",)


async def test_without_any_route_it_says_why() -> None:
    with pytest.raises(Unreachable, match="its name has no address"):
        await source_addresses(["http://nowhere.invalid:8053"])


def test_an_interface_has_one_address_of_each_family() -> None:
    assert interface_addresses("lo")[0] == "127.0.0.1"


def test_an_interface_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(InvalidArgument, match=r"no interface eth-none; there are .*lo"):
        interface_addresses("eth-none")
