"""The Pod that makes something an endpoint of a Service.

    Endpoint, Service -> the manifest of a Pod that the Service selects
                      -> the named ports of the Service that it lacks

Source: contract.md, "Objects": a Pod is a registration, not a workload.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, cast

from waypost.client.errors import InvalidArgument, shown
from waypost.client.leases import LEASE_S
from waypost.client.paths import DEFAULT_NAMESPACE
from waypost.client.shapes import mapping

NAME_CHARACTERS_MAX: Final = 253
_DIGEST_CHARACTERS: Final = 16  # that tell long names apart
_NOT_OF_A_LABEL: Final = re.compile(r"[^a-z0-9]+")


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
    """Make the manifest of an endpoint's Pod; raises InvalidArgument.

    The Service must have a selector, and the address be one.
    """
    selector = mapping(mapping(service.get("spec")).get("selector"))
    if not selector:
        problem = f"the Service {endpoint.service} has no selector, so it selects no Pod"
        raise InvalidArgument(problem)
    given = [endpoint.address] if isinstance(endpoint.address, str) else endpoint.address
    addresses = [_address_of(each) for each in given]
    if not addresses:
        raise InvalidArgument(f"an endpoint of the Service {endpoint.service} needs an address")
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
            "name": endpoint.name
            or name_of(endpoint.service, addresses[0], endpoint.ports.values()),
            "namespace": endpoint.namespace,
            "labels": {**endpoint.labels, **selector},
        },
        "spec": spec,
        "status": {"podIPs": [{"ip": str(address)} for address in addresses]},
    }


def ports_lacking(endpoint: Endpoint, service: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the names by which the Service calls ports (``targetPort``) that are not stated."""
    ports = mapping(service.get("spec")).get("ports")
    called = (
        mapping(each).get("targetPort")
        for each in (cast("list[object]", ports) if isinstance(ports, list) else ())
    )
    return tuple(
        dict.fromkeys(
            each for each in called if isinstance(each, str) and each not in endpoint.ports
        )
    )


def with_lease(pod: Mapping[str, object]) -> dict[str, object]:
    """Complete a Pod's manifest: with its kind, and with a lease."""
    spec = {"leaseDurationSeconds": LEASE_S, **mapping(pod.get("spec"))}
    return {"apiVersion": "v1", "kind": "Pod", **pod, "spec": spec}


def lease_of(pod: Mapping[str, object]) -> int:
    """Give the seconds of a Pod's lease; raises InvalidArgument."""
    lease_s = mapping(pod.get("spec")).get("leaseDurationSeconds")
    if not isinstance(lease_s, int) or lease_s < 1:
        raise InvalidArgument("spec.leaseDurationSeconds must be a positive number")
    return lease_s


def _address_of(given: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(given)
    except ValueError:
        raise InvalidArgument(f"{shown(repr(given))} is not an IP address") from None


def name_of(service: str, address: IPv4Address | IPv6Address, numbers: Iterable[int]) -> str:
    """Make the name of a Pod that no endpoint of another Service, address or ports has.

    None of the three parts has a dot, and an address has all of its groups.
    """
    if isinstance(address, IPv6Address):
        groups = [f"{int(each, 16):x}" for each in address.exploded.partition("%")[0].split(":")]
    else:
        groups = str(address).split(".")
    ports = "-".join(str(number) for number in sorted(numbers))
    parts = (_label_of(service), "-".join(groups), ports)
    name = ".".join(filter(None, parts))
    if len(name) <= NAME_CHARACTERS_MAX:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{name[: NAME_CHARACTERS_MAX - _DIGEST_CHARACTERS - 1].rstrip('-.')}.{digest}"


def _label_of(service: str) -> str:
    return _NOT_OF_A_LABEL.sub("-", service).strip("-")
