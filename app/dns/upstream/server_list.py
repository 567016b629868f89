"""The nameservers of a setting: parsed, checked, with the reasons for ignored entries.

    entries of a setting -> ServerList: servers, and why other entries are ignored
    setting, ServerList -> servers, or a ValueError that names the setting

An entry is an address, an address with a port, or the path of a resolv.conf.
A link-local IPv6 address needs its zone (``fe80::1%eth0``), which is also used for the
socket.

Source: resolv.conf(5); RFC 4007 section 11 for zones.
"""

import logging
import re
import socket
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from app.domain.addresses import PORT_MAX, Address, parse_address

SERVERS_MAX = 15
PORT_DEFAULT = 53
_BROADCAST = IPv4Address("255.255.255.255")
_ZONE = re.compile(r"[^\s%:/\[\]]+")

_log = logging.getLogger(__name__)

SocketAddress = tuple[str, int] | tuple[str, int, int, int]


class Unusable(ValueError):
    """An entry that names no usable server."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server's address, which may have a zone, and port."""

    address: Address
    port: int = PORT_DEFAULT

    @property
    def family(self) -> socket.AddressFamily:
        """The family of its sockets."""
        return socket.AF_INET if isinstance(self.address, IPv4Address) else socket.AF_INET6

    @property
    def socket_address(self) -> SocketAddress:
        """The address for ``connect``; raises OSError when the zone's interface does not exist."""
        host = str(self.address)
        if isinstance(self.address, IPv4Address):
            return host, self.port
        zone = self.address.scope_id
        return host, self.port, 0, 0 if zone is None else _interface_number(zone)

    def __str__(self) -> str:
        host = str(self.address)
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ServerList:
    """The servers of a setting; ``problems`` says why other entries are ignored."""

    servers: tuple[Server, ...] = ()
    problems: tuple[str, ...] = ()


def read_servers(entries: Iterable[str], *, own: Container[Server] = ()) -> ServerList:
    """Parse the entries of a setting; ``own`` are this server's addresses, which are ignored."""
    servers: dict[Server, None] = {}
    problems: list[str] = []
    for entry in entries:
        for text, place in _named(entry, problems):
            try:
                server = parse_server(text)
                _require_other(server, own)
            except Unusable as unusable:
                problems.append(f"{place}{unusable}")
            else:
                servers[server] = None
    found = tuple(servers)
    problems += [f"{server} is one more than {SERVERS_MAX}" for server in found[SERVERS_MAX:]]
    return ServerList(found[:SERVERS_MAX], tuple(problems))


def usable(setting: str, found: ServerList) -> tuple[Server, ...]:
    """Return the servers of a setting, and log the ignored entries.

    Raises ValueError when there are entries, but none is usable.
    """
    problems, kept = "; ".join(found.problems), ", ".join(map(str, found.servers))
    if not found.servers and problems:
        raise ValueError(f"{setting} names no usable nameserver: {problems}")
    if problems:
        _log.warning("%s: ignoring some nameservers: %s", setting, problems)
    if found.servers:
        _log.info("%s: using nameservers %s", setting, kept)
    return found.servers


def parse_server(text: str) -> Server:
    """Parse ``192.0.2.1``, ``192.0.2.1:53``, ``2001:db8::1`` or ``[fe80::1%eth0]:53``.

    Raises Unusable with the reason.
    """
    address = _address(text.removeprefix("[").removesuffix("]"))
    if address is not None:
        return Server(_checked(address))
    host, _, port = text.rpartition(":")
    address = _address(host.removeprefix("[").removesuffix("]"))
    if address is None:
        raise Unusable(f"{text!r} is not an address")
    if not (port.isascii() and port.isdecimal() and 0 < int(port) <= PORT_MAX):
        raise Unusable(f"{text!r} has no port between 1 and {PORT_MAX}")
    return Server(_checked(address), int(port))


def _named(entry: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    """List the servers of an entry, each with its place; a path stands for its resolv.conf."""
    if not entry.startswith("/"):
        yield entry, ""
        return
    try:
        lines = Path(entry).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        problems.append(f"{entry} cannot be read: {error.strerror}")
        return
    words = [line.split() for line in lines]
    named = [
        (" ".join(word[1:2]), number)
        for number, word in enumerate(words, 1)
        if word[:1] == ["nameserver"]
    ]
    if not named:
        problems.append(f"{entry} has no line with a nameserver")
    for text, number in named:
        yield text, f"{entry} line {number}: "


def _address(text: str) -> Address | None:
    plain, percent, zone = text.partition("%")
    address = parse_address(plain)
    if not percent or address is None:
        return address
    is_zoned = isinstance(address, IPv6Address) and _ZONE.fullmatch(zone) is not None
    return ip_address(f"{address}%{zone}") if is_zoned else None


def _checked(address: Address) -> Address:
    if address.is_multicast or address == _BROADCAST:
        raise Unusable(f"{address} is a multicast or broadcast address")
    if not isinstance(address, IPv6Address):
        return address
    if address.is_link_local and address.scope_id is None:
        raise Unusable(
            f"{address} is valid on one link only: write it with its zone, {address}%eth0"
        )
    if address.scope_id is not None:
        try:
            _interface_number(address.scope_id)
        except OSError:
            raise Unusable(f"{address}: this machine has no interface {address.scope_id}") from None
    return address


def _require_other(server: Server, own: Container[Server]) -> None:
    if server in own:
        raise Unusable(f"{server} is this server itself")


def _interface_number(zone: str) -> int:
    """Find the index of a zone's interface, given by name or index; raises OSError."""
    if zone.isascii() and zone.isdecimal():
        socket.if_indextoname(int(zone))
        return int(zone)
    return socket.if_nametoindex(zone)
