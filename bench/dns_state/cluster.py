"""A cluster's worth of names, in memory, and as a zone file for a server of another make."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

from app.dns.answering.protocol import ProtocolConfig
from app.domain.addresses import parse_prefix
from app.domain.discovery.zone.config import cluster_config
from app.domain.discovery.zone.objects import stripped
from app.domain.names import Revision
from app.domain.objects.endpoint_slice import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
)
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.namespace import Namespace
from app.domain.objects.resource import Object
from app.domain.objects.service import Service, ServicePort
from app.domain.snapshot import Snapshot, load

DOMAIN = "cluster.local"
NAMESPACES = 100
_FIRST_SERVICE, _FIRST_POD = int(IPv4Address("10.96.1.0")), int(IPv4Address("10.128.0.1"))
_READY = EndpointConditions(ready=True, serving=True, terminating=False)


def name_of(number: int) -> str:
    """Name a Service within the cluster domain."""
    return f"service-{number}.team-{number % NAMESPACES}.svc"


def config() -> ProtocolConfig:
    """Configure the zone of this cluster."""
    prefix = parse_prefix("10.96.0.0/12")
    assert prefix is not None
    return ProtocolConfig(zone=cluster_config(DOMAIN, [prefix]))


def snapshot(services: int, endpoints: int) -> Snapshot:
    """Build the state as a replica holds it: a named port and ready endpoints each."""
    return load(map(stripped, _objects(services, endpoints)), revision=Revision(1))


def write_zone(path: Path, services: int) -> None:
    """Write the Services' addresses and ports as a zone file."""
    with path.open("w") as zone:
        zone.write(f"$ORIGIN {DOMAIN}.\n$TTL 5\n@ SOA ns.dns hostmaster 1 7200 1800 86400 5\n")
        zone.write("@ NS ns.dns\nns.dns A 127.0.0.1\n")
        for number in range(services):
            name, address = name_of(number), IPv4Address(_FIRST_SERVICE + number)
            zone.write(f"{name} A {address}\n_http._tcp.{name} SRV 0 100 80 {name}\n")


def _objects(services: int, endpoints: int) -> Iterator[Object]:
    for number in range(NAMESPACES):
        yield Namespace(metadata=ObjectMeta(name=f"team-{number}"))
    for number in range(services):
        namespace, name = f"team-{number % NAMESPACES}", f"service-{number}"
        address = str(IPv4Address(_FIRST_SERVICE + number))
        yield Service(
            metadata=ObjectMeta(namespace=namespace, name=name),
            type="ClusterIP",
            cluster_ip=address,
            cluster_ips=(address,),
            ip_families=("IPv4",),
            ports=(ServicePort(port=80, name="http", target_port=8080),),
        )
        first = _FIRST_POD + number * endpoints
        yield EndpointSlice(
            metadata=ObjectMeta(
                namespace=namespace, name=f"{name}-a", labels={SERVICE_NAME_LABEL: name}
            ),
            address_type="IPv4",
            ports=(EndpointPort(port=8080, name="http"),),
            endpoints=tuple(
                Endpoint(addresses=(str(IPv4Address(first + place)),), conditions=_READY)
                for place in range(endpoints)
            ),
        )
