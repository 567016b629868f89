"""A virtual server: an address, port and protocol that IPVS spreads over real servers.

Values only; computed ones and observed ones have the same form, so that they
can be compared.  Source: spec ipvs 3.
"""

from enum import StrEnum
from typing import NamedTuple

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.dataplane.rules.model import PROTOCOL_NUMBERS, Destination
from app.domain.objects.service import ServicePortName

FOREIGN_WEIGHT = -1  # of an observed real server that is not reached by masquerading


class Flag(StrEnum):
    """Bits of a virtual server, by the names ``ipvsadm`` has for them."""

    PERSISTENT = "persistent"
    MH_PORT = "mh-port"


class ServerKey(NamedTuple):
    """Identity of a virtual server, in the order in which the kernel's own listing sorts.

    ``protocol`` and ``address`` say in words what the numbers say.
    """

    family: IPFamily
    protocol_number: int
    address_number: int
    port: int
    protocol: str
    address: str


class VirtualServer(NamedTuple):
    """One address, port and protocol; all forwarding is masquerading (NAT)."""

    key: ServerKey
    scheduler: str
    flags: tuple[str, ...] = ()
    persistence_s: int | None = None
    real_servers: tuple[Destination, ...] = ()

    @property
    def settings(self) -> tuple[str, tuple[str, ...], int | None]:
        """What can be edited in place, connections surviving."""
        return self.scheduler, self.flags, self.persistence_s

    def weights(self) -> dict[tuple[str, int], int]:
        """Give the weight of each real server, by its address and port."""
        return {(address, port): weight for address, port, weight in self.real_servers}


class ServedPort(NamedTuple):
    """A virtual server and the port of a Service that it is for, which no kernel knows."""

    name: ServicePortName
    server: VirtualServer


def server_key(family: IPFamily, protocol: str, address: str, port: int) -> ServerKey:
    """Name a virtual server."""
    number = PROTOCOL_NUMBERS[protocol]
    return ServerKey(family, number, ordered(address)[0], port, protocol, address)
