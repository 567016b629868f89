"""Near clients, whose source addresses cannot be forged, and all other clients.

    address -> near or not

The sender of a datagram can forge its source address, so answers over UDP can be
aimed at a victim.  Clients on the loopback interface are near: the kernel drops
datagrams from outside with such a source (RFC 1122 section 3.2.1.3).
"""

from collections.abc import Iterable
from ipaddress import ip_network

from app.domain.addresses import Address, Prefix

LOOPBACK: tuple[Prefix, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def is_near(client: Address, near: Iterable[Prefix] = LOOPBACK) -> bool:
    """Whether an address is one that cannot be forged."""
    return any(client in prefix for prefix in near)


class Clients:
    """The clients of one listening address.

    On a specific address they are all near or all not near, so replies can be shared.  On
    ``0.0.0.0`` and ``::`` there are both.
    """

    def __init__(self, near: Iterable[Prefix] = LOOPBACK, *, at: Address | None = None) -> None:
        self._near = tuple(near)
        self.are_alike = at is not None and not at.is_unspecified
        self._are_near = at is not None and is_near(at, self._near)

    def has_near(self, client: Address | None) -> bool:
        """Whether a client is near; one without an address is not."""
        if self.are_alike:
            return self._are_near
        return client is not None and is_near(client, self._near)
