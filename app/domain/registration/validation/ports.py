"""Rules for the ports of a Service, for each port and for all of them together.

    Service -> violations, ``spec.ports[i].…``

Whether a node port is free is not known here.  Source: spec kubernetes-api 1.2.
"""

from collections.abc import Iterable

from app.domain.addresses import PORT_MAX
from app.domain.errors import Violation
from app.domain.labels import key_problems
from app.domain.names import label_problems, port_name_problems
from app.domain.objects.service import HEADLESS, Protocol, Service, ServicePort, ServiceType
from app.domain.violations import (
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    not_supported,
    required,
)

_KUBELET_PORT = 10_250
_PROTOCOLS = frozenset(Protocol)


def port_violations(service: Service) -> Iterable[Violation]:
    """List every rule that the ports break."""
    if not (service.ports or service.cluster_ips == (HEADLESS,) or service.is_external_name):
        yield required("spec.ports")
    yield from _kubelet_violations(service)
    yield from _each_port_violations(service)
    yield from _node_port_violations(service)
    yield from _uniqueness_violations(service.ports)


def port_number_problems(number: int) -> tuple[str, ...]:
    """List why a number is not a port."""
    return () if 1 <= number <= PORT_MAX else (f"must be between 1 and {PORT_MAX}, inclusive",)


def target_port_violations(field: str, target: int | str) -> tuple[Violation, ...]:
    """Refuse a target that is neither a port number nor the name of a container port."""
    if isinstance(target, int):
        return each_invalid(field, target, port_number_problems(target))
    return each_invalid(field, target, port_name_problems(target))


def protocol_violations(field: str, protocol: str) -> Iterable[Violation]:
    """Refuse an unknown protocol of the port at ``field``."""
    if protocol not in _PROTOCOLS:
        yield not_supported(f"{field}.protocol", protocol, _PROTOCOLS)


def app_protocol_violations(field: str, name: str | None) -> Iterable[Violation]:
    """Refuse an application protocol that is not a qualified name."""
    return () if name is None else each_invalid(f"{field}.appProtocol", name, key_problems(name))


def _kubelet_violations(service: Service) -> Iterable[Violation]:
    if not service.is_load_balancer:
        return
    detail = f"may not expose port {_KUBELET_PORT} externally since it is used by kubelet"
    for index, port in enumerate(service.ports):
        if port.port == _KUBELET_PORT:
            yield invalid(f"spec.ports[{index}]", port.port, detail)


def _each_port_violations(service: Service) -> Iterable[Violation]:
    needs_name = len(service.ports) > 1
    names: set[str] = set()
    for index, port in enumerate(service.ports):
        field = f"spec.ports[{index}]"
        if port.name:
            yield from each_invalid(f"{field}.name", port.name, label_problems(port.name))
            if port.name in names:
                yield duplicate(f"{field}.name", port.name)
            names.add(port.name)
        elif needs_name:
            yield required(f"{field}.name")
        yield from _value_violations(field, port)


def _value_violations(field: str, port: ServicePort) -> Iterable[Violation]:
    yield from each_invalid(f"{field}.port", port.port, port_number_problems(port.port))
    yield from protocol_violations(field, port.protocol)
    yield from target_port_violations(f"{field}.targetPort", port.target_port)
    yield from app_protocol_violations(field, port.app_protocol)


def _node_port_violations(service: Service) -> Iterable[Violation]:
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(service.ports):
        field = f"spec.ports[{index}].nodePort"
        if not port.node_port:
            continue
        if service.type == ServiceType.CLUSTER_IP:
            yield forbidden(field, "may not be used when `type` is 'ClusterIP'")
        if (port.protocol, port.node_port) in seen:
            yield duplicate(field, port.node_port)
        seen.add((port.protocol, port.node_port))


def _uniqueness_violations(ports: tuple[ServicePort, ...]) -> Iterable[Violation]:
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        if (port.protocol, port.port) in seen:
            yield duplicate(f"spec.ports[{index}]", f"{port.port}/{port.protocol}")
        seen.add((port.protocol, port.port))
