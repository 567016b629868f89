"""Addresses at which other machines reach a socket of this one.

0.0.0.0 -> the source address of the default route          127.0.0.1 -> itself
"""

import socket
from ipaddress import ip_address

from app.domain.addresses import Address, parse_address

_OUTSIDE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def reached_at(host: str) -> tuple[str, ...]:
    """List the addresses, one a family, at which a socket bound to ``host`` is reached.

    A socket bound to ``::`` takes both families.
    """
    bare, _, _ = host.partition("%")
    address = ip_address(bare)
    if not address.is_unspecified:
        return (str(address),)
    v4_only = (socket.AF_INET,)
    families = v4_only if address.version == 4 else (*v4_only, socket.AF_INET6)  # noqa: PLR2004
    found = tuple(primary for family in families if (primary := _primary(family)))
    return found or (_LOOPBACK[families[-1]],)


def answered_at(host: str) -> tuple[Address, ...]:
    """List the non-loopback addresses of a socket bound to ``host``; none for a host name."""
    if parse_address(host.partition("%")[0]) is None:
        return ()
    found = map(ip_address, reached_at(host))
    return tuple(address for address in found if not address.is_loopback)


def _primary(family: socket.AddressFamily) -> str:
    """Ask the kernel which source address it would use to the outside; nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((_OUTSIDE[family], 53))
        except OSError:
            return ""
        return str(asking.getsockname()[0])
