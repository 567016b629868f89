"""The Pod that makes something an endpoint of a Service.

    Endpoint, Service -> the manifest of a Pod that the Service selects

Source: contract.md, "Objects": a Pod is a registration, not a workload.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final

from waypost.client.paths import DEFAULT_NAMESPACE
from waypost.client.registration import LEASE_S
from waypost.client.shapes import mapping

NAME_CHARACTERS_MAX: Final = 253
_NOT_OF_A_NAME: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Something that runs at an address, and is to be an endpoint of a Service."""

    service: str
    address: str | Sequence[str]
    """An IP address, or one for each family."""
    namespace: str = DEFAULT_NAMESPACE
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    """The ports that the Service calls by a name (``targetPort: http``); TCP."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels beside those that the Service selects by."""
    node: str = ""
    """The Node it runs on, for rules that prefer the same node or zone."""
    name: str = ""
    """The Pod's name; empty for one made of Service, address and ports, equal after a restart."""


def pod_of(endpoint: Endpoint, service: Mapping[str, Any]) -> dict[str, Any]:
    """Make the manifest of an endpoint's Pod; raises ValueError.

    The Service must have a selector, and the address be one.
    """
    selector = mapping(mapping(service.get("spec")).get("selector"))
    if not selector:
        raise ValueError(f"the Service {endpoint.service} has no selector, so it selects no Pod")
    given = [endpoint.address] if isinstance(endpoint.address, str) else endpoint.address
    addresses = [str(ip_address(each)) for each in given]
    if not addresses:
        raise ValueError(f"an endpoint of the Service {endpoint.service} needs an address")
    spec: dict[str, Any] = {"leaseDurationSeconds": LEASE_S}
    if endpoint.node:
        spec["nodeName"] = endpoint.node
    if endpoint.ports:
        ports = [{"name": name, "containerPort": port} for name, port in endpoint.ports.items()]
        spec["containers"] = [{"name": endpoint.service, "ports": ports}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": endpoint.name or _name_of(endpoint, addresses[0]),
            "namespace": endpoint.namespace,
            "labels": {**endpoint.labels, **selector},
        },
        "spec": spec,
        "status": {"podIPs": [{"ip": address} for address in addresses]},
    }


def with_lease(pod: Mapping[str, object]) -> dict[str, object]:
    """Complete a Pod's manifest: with its kind, and with a lease."""
    spec = {"leaseDurationSeconds": LEASE_S, **mapping(pod.get("spec"))}
    return {"apiVersion": "v1", "kind": "Pod", **pod, "spec": spec}


def lease_of(pod: Mapping[str, object]) -> int:
    """Give the seconds of a Pod's lease; raises ValueError."""
    lease_s = mapping(pod.get("spec")).get("leaseDurationSeconds")
    if not isinstance(lease_s, int) or lease_s < 1:
        raise ValueError("spec.leaseDurationSeconds must be a positive number")
    return lease_s


def _name_of(endpoint: Endpoint, address: str) -> str:
    ports = (str(port) for port in sorted(endpoint.ports.values()))
    name = _NOT_OF_A_NAME.sub("-", "-".join((endpoint.service, address, *ports)))
    return name[:NAME_CHARACTERS_MAX].strip("-")
