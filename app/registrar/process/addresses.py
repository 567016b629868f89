"""The addresses by which others reach this process.

    URLs of the registry -> the source address of the route to it
    an interface -> its addresses, one for each family

Finding a route sends nothing.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from waypost.client.errors import InvalidArgument, Unreachable

_PORTS: Final = {"http": 80, "https": 443}


async def source_addresses(urls: Sequence[str]) -> tuple[str, ...]:
    """Find the source address of the route to the first URL that has one; raises Unreachable.

    Where the registry's name has addresses of both families, it is the one of IPv4: programs that
    listen on all addresses have it, and some have no other.
    """
    problem = "no route"
    for url in urls:
        parsed = urlsplit(url)
        port = parsed.port or _PORTS.get(parsed.scheme, 0)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                parsed.hostname, port, type=socket.SOCK_DGRAM
            )
        except (OSError, UnicodeError) as error:
            problem = f"its name has no address: {error}"
            continue
        for family, type_, protocol, _, destination in sorted(found, key=_is_ipv6):
            try:
                return (_source_of(socket.socket(family, type_, protocol), destination),)
            except OSError as error:
                problem = f"no route to {destination[0]}: {error}"
    raise Unreachable(f"this process's own address cannot be found: {problem}", url=urls[0])


def _is_ipv6(entry: tuple[socket.AddressFamily, *tuple[object, ...]]) -> bool:
    return entry[0] == socket.AF_INET6


def _source_of(asked: socket.socket, destination: tuple[str | bytes | int, ...]) -> str:
    with asked:
        asked.connect(destination)  # of a datagram socket: it chooses the route alone
        source: str = asked.getsockname()[0]
    return source.partition("%")[0]


def interface_addresses(name: str) -> tuple[str, ...]:
    """List the first address of each family of an interface; raises Unreachable for none.

    Raises InvalidArgument when there is no such interface.
    """
    import psutil  # noqa: PLC0415  only for this option

    interfaces = psutil.net_if_addrs()
    if name not in interfaces:
        known = ", ".join(sorted(interfaces))
        raise InvalidArgument(f"there is no interface {name}; there are {known}")
    found = _first_of_each_family(
        entry.address.partition("%")[0]
        for entry in interfaces[name]
        if entry.family in (socket.AF_INET, socket.AF_INET6)
    )
    if not found:
        raise Unreachable(f"the interface {name} has no address")
    return found


def _first_of_each_family(addresses: Iterable[str]) -> tuple[str, ...]:
    found: dict[int, str] = {}
    for each in addresses:
        address = ip_address(each)
        if not address.is_link_local:
            found.setdefault(address.version, each)
    return tuple(found[version] for version in sorted(found))
