"""The manifests of a command: its Pod, and the Service that may be made for it.

Identity, addresses -> Pod          Identity -> Service

Source: contract.md, "Objects": a Pod is a registration, not a workload.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from waypost.client.endpoints import name_of
from waypost.client.paths import DEFAULT_NAMESPACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A TCP port on which a command listens; only one may have no name."""

    number: int
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a command is registered as."""

    name: str
    namespace: str = DEFAULT_NAMESPACE
    labels: Mapping[str, str]
    ports: tuple[Port, ...] = ()
    lease_s: int
    node: str = ""


def pod_of(identity: Identity, addresses: Sequence[str]) -> dict[str, object]:
    """Make the manifest of the Pod, which is not ready yet; the first address is in its name."""
    numbers = [port.number for port in identity.ports]
    spec: dict[str, object] = {"leaseDurationSeconds": identity.lease_s}
    if identity.node:
        spec["nodeName"] = identity.node
    if identity.ports:
        ports = [_named(port, {"containerPort": port.number}) for port in identity.ports]
        spec["containers"] = [{"name": identity.name, "ports": ports}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name_of(identity.name, ip_address(addresses[0]), numbers),
            "namespace": identity.namespace,
            "labels": dict(identity.labels),
        },
        "spec": spec,
        "status": {"podIPs": [{"ip": address} for address in addresses]},
    }


def service_of(identity: Identity) -> dict[str, object]:
    """Make the manifest of a Service of that name, which selects by all labels."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": identity.name, "namespace": identity.namespace},
        "spec": {
            "selector": dict(identity.labels),
            "ports": [_named(port, {"port": port.number}) for port in identity.ports],
        },
    }


def _named(port: Port, entry: dict[str, object]) -> dict[str, object]:
    return {"name": port.name, **entry} if port.name else entry
