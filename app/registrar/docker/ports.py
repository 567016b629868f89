"""The ports of a container: what its label says, else what its image exposes.

    waypost.port: "80:8080", "http=80:8080,dns=53/udp" -> ports of its Service and of its Pod

The Service calls the ports of its Pods by name, so that replicas may listen on different ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.names import port_name_problems
from app.registrar.docker.containers import OURS, Container

PORT_MAX: Final = 65_535
PORTS_MAX: Final = 100  # of one container
_PROTOCOLS: Final = ("tcp", "udp", "sctp")


class Unregistrable(Exception):
    """A container cannot be registered; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPort:
    """A port of a Service, and the one of the container that it leads to."""

    number: int
    target: int
    protocol: str = "tcp"
    name: str = ""
    """The name of the Service's port; only one may have none."""

    @property
    def target_name(self) -> str:
        """The name of the Pod's port; that of an only one is its protocol."""
        return self.name or self.protocol

    def of_service(self) -> dict[str, object]:
        """Write it as a port of a Service."""
        named = {"name": self.name} if self.name else {}
        protocol = self.protocol.upper()
        return {**named, "port": self.number, "targetPort": self.target_name, "protocol": protocol}

    def of_pod(self) -> dict[str, object]:
        """Write it as a port of a Pod."""
        protocol = self.protocol.upper()
        return {"name": self.target_name, "containerPort": self.target, "protocol": protocol}


def ports_of(container: Container) -> tuple[ContainerPort, ...]:
    """Give the ports of a container; raises Unregistrable."""
    label: Mapping[str, str] = container.labels
    given = label.get(f"{OURS}port", "")
    entries = [each.strip() for each in given.split(",")] if given else [*container.exposed]
    if len(entries) > PORTS_MAX:
        raise Unregistrable(f"it has {len(entries)} ports; at most {PORTS_MAX} are registered")
    ports = [_parse(entry) for entry in entries]
    if len(ports) > 1:
        ports = [
            port
            if port.name
            else ContainerPort(
                number=port.number,
                target=port.target,
                protocol=port.protocol,
                name=f"{port.protocol}-{port.number}",
            )
            for port in ports
        ]
    if len({port.name for port in ports}) < len(ports):
        raise Unregistrable(f"two of its ports have one name: {given}")
    return tuple(ports)


def _parse(entry: str) -> ContainerPort:
    name, _, rest = entry.rpartition("=")
    numbers, _, protocol = rest.partition("/")
    number, colon, target = numbers.partition(":")
    problems = port_name_problems(name) if name else ()
    if problems or protocol not in ("", *_PROTOCOLS):
        raise Unregistrable(f"{entry!r} is no port such as 80:8080, http=80 or dns=53/udp")
    return ContainerPort(
        number=_number(number, entry),
        target=_number(target if colon else number, entry),
        protocol=protocol or "tcp",
        name=name,
    )


def _number(text: str, entry: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= PORT_MAX:
        raise Unregistrable(f"{entry!r} has no port from 1 to {PORT_MAX}")
    return int(text)
