"""Whom the server answers: near clients, whose addresses nobody forges, and all others.

    address -> near or not

A datagram's source is whatever its sender writes, so answers over UDP can be
aimed at others.  Near are clients on the loopback interface: what claims to come
from there and does not, the kernel drops (RFC 1122 section 3.2.1.3).
"""

from collections.abc import Iterable
from ipaddress import ip_network

from app.domain.addresses import Address, Prefix

LOOPBACK: tuple[Prefix, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def is_near(client: Address, near: Iterable[Prefix] = LOOPBACK) -> bool:
    """Whether an address is one of those that nobody forges."""
    return any(client in prefix for prefix in near)


class Clients:
    """Those who ask at one address.

    At all but one address they are of a sort: what one gets the others get too, so that it
    may be kept.  Both sorts come in at ``0.0.0.0`` and ``::``.
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
