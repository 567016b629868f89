"""Who gets an address, port and protocol that two Services claim.

    (Snapshot, Service) -> what it loses, and to whom

The same Service wins on every node and after every order of writes: a cluster
address goes before an external one, that before a load balancer's, that before a
node port; then the older Service wins, then the lesser name.  Rivals are found
by index.  What a claim is used for is not known here.

Source: spec ipvs 3, "two Services claiming the same address", and 7 (e).
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.model import ClaimRole, Conflict
from app.domain.dataplane.rules.service_addresses import Reach, reaches
from app.domain.names import NamespacedName
from app.domain.objects.service import Service, ServicePort, ServicePortName
from app.domain.snapshot import Members, Snapshot

NODE_ADDRESSES: Final = ""  # stands for every address at which a node port answers
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_ROLES: Final = tuple(ClaimRole)


class Claimed(NamedTuple):
    """What can be had only once."""

    family: IPFamily
    address: str
    port: int
    protocol: str


class Claim(NamedTuple):
    """One Service's wish for it; the least claim wins."""

    rank: int
    created_at: datetime
    service: NamespacedName
    port_name: str
    claimed: Claimed

    @property
    def role(self) -> ClaimRole:
        """As what it is claimed."""
        return _ROLES[self.rank]

    @property
    def name(self) -> ServicePortName:
        """Which port of which Service claims."""
        return ServicePortName(self.service, self.port_name, self.claimed.protocol)


@dataclass(frozen=True, slots=True)
class Losses:
    """What a Service does not get, and the report of it."""

    claimed: frozenset[Claimed] = frozenset()
    conflicts: tuple[Conflict, ...] = ()


NO_LOSSES: Final = Losses()


def rivals(snapshot: Snapshot, service: Service, reached: Iterable[Reach]) -> tuple[Service, ...]:
    """List the other Services that claim any of the same addresses or node ports, by key."""
    found = snapshot.index.get
    claimants: list[Members | None] = []
    for reach in reached:
        for address in (reach.cluster_ip, *reach.external_ips, *reach.load_balancer_ips):
            claimants += (found(("address", address)), found(("external", address)))
    for number in service.node_ports:
        claimants.append(found(("node-port", str(number))))
    for port in service.ports:  # a node port answers whatever the type of its Service
        if port.node_port:
            claimants.append(found(("node-port-wish", str(port.node_port))))
    known = [members for members in claimants if members is not None]
    if len(known) == 1 and len(known[0]) == 1 and service.cluster_ips:
        return ()  # nearly always: it is alone at its cluster address, where it is found itself
    others = {key for members in known for key in members} - {service.metadata.key}
    return tuple([snapshot.services[key] for key in sorted(others)])


def losses(service: Service, others: Collection[Service]) -> Losses:
    """Tell what a Service loses to the others."""
    if not others:
        return NO_LOSSES
    theirs = _best(claim for other in others for claim in claims_of(other))
    if not theirs:
        return NO_LOSSES
    lost = [
        (claim, theirs[claimed])
        for claimed, claim in _best(claims_of(service)).items()
        if claimed in theirs and theirs[claimed] < claim
    ]
    return Losses(
        claimed=frozenset(claim.claimed for claim, _ in lost),
        conflicts=tuple(
            conflict(claim.claimed, claim.role, loser=claim.name, winner=winner.name)
            for claim, winner in lost
        ),
    )


def claims_of(service: Service) -> Iterator[Claim]:
    """List every claim of a Service; a service port makes one for each of its addresses."""
    key = service.metadata.key
    created_at = service.metadata.created_at or _BEFORE_ALL
    for reach in reaches(service):
        for port in service.ports:
            for role, address, number in _wishes(reach, port):
                claimed = Claimed(reach.family, address, number, port.protocol)
                yield Claim(_ROLES.index(role), created_at, key, port.name, claimed)


def conflict(
    claimed: Claimed, role: ClaimRole, *, loser: ServicePortName, winner: ServicePortName
) -> Conflict:
    """Word the report of a lost claim."""
    return Conflict(
        address=claimed.address,
        port=claimed.port,
        protocol=claimed.protocol,
        winner=winner,
        loser=loser,
        role=role,
    )


def _wishes(reach: Reach, port: ServicePort) -> Iterator[tuple[ClaimRole, str, int]]:
    yield ClaimRole.CLUSTER_IP, reach.cluster_ip, port.port
    for address in reach.external_ips:
        yield ClaimRole.EXTERNAL_IP, address, port.port
    for address in reach.load_balancer_ips:
        yield ClaimRole.LOAD_BALANCER, address, port.port
    if port.node_port:
        yield ClaimRole.NODE_PORT, NODE_ADDRESSES, port.node_port


def _best(claims: Iterable[Claim]) -> dict[Claimed, Claim]:
    best: dict[Claimed, Claim] = {}
    for claim in claims:
        if claim.claimed not in best or claim < best[claim.claimed]:
            best[claim.claimed] = claim
    return best
