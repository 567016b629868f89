"""Rules for containers: names, ports, and readiness probes.

    containers, init containers -> violations

Every probe that Kubernetes' API server accepts is accepted, even if Waypost cannot run it: a
path that cannot be part of a URL makes the probe fail, not the manifest.
Source: spec kubernetes-api 3.4; contract.md, "Objects"; KEP-753 for sidecars; Kubernetes'
validation of probes.
"""

from collections.abc import Iterable

from app.domain.errors import Violation
from app.domain.names import label_problems, port_name_problems
from app.domain.objects.pod import (
    Container,
    ContainerPort,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    Probe,
    TCPSocketAction,
)
from app.domain.registration.validation.ports import (
    port_number_problems,
    protocol_violations,
    target_port_violations,
)
from app.domain.violations import (
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    not_supported,
    required,
)

RESTART_POLICIES = frozenset({"Always", "OnFailure", "Never"})  # of a Pod and of a container


def container_violations(
    containers: tuple[Container, ...], init_containers: tuple[Container, ...]
) -> Iterable[Violation]:
    """List what is wrong with the containers of a Pod, under the paths of their lists.

    Names are unique within a Pod: they identify probe results.
    """
    names: set[str] = set()
    for index, container in enumerate(containers):
        path = f"spec.containers[{index}]"
        yield from _container_violations(path, container, names)
        yield from _readiness_violations(path, container)
    for index, container in enumerate(init_containers):
        path = f"spec.initContainers[{index}]"
        yield from _container_violations(path, container, names)
        if container.is_sidecar:
            yield from _readiness_violations(path, container)
        elif container.readiness_probe is not None:
            detail = "may not be set for init containers without restartPolicy=Always"
            yield forbidden(f"{path}.readinessProbe", detail)


def _container_violations(path: str, container: Container, names: set[str]) -> Iterable[Violation]:
    if container.name:
        yield from each_invalid(f"{path}.name", container.name, label_problems(container.name))
        if container.name in names:
            yield duplicate(f"{path}.name", container.name)
        names.add(container.name)
    yield from _port_violations(f"{path}.ports", container.ports)
    policy = container.restart_policy
    if policy is not None and policy not in RESTART_POLICIES:
        yield not_supported(f"{path}.restartPolicy", policy, RESTART_POLICIES)


def _readiness_violations(path: str, container: Container) -> Iterable[Violation]:
    if container.readiness_probe is not None:
        yield from _probe_violations(f"{path}.readinessProbe", container.readiness_probe)


def _port_violations(field: str, ports: tuple[ContainerPort, ...]) -> Iterable[Violation]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        path = f"{field}[{index}]"
        if port.name:
            yield from each_invalid(f"{path}.name", port.name, port_name_problems(port.name))
            if port.name in names:
                yield duplicate(f"{path}.name", port.name)
            names.add(port.name)
        number = port.container_port
        if number == 0:
            yield required(f"{path}.containerPort")
        else:
            yield from each_invalid(f"{path}.containerPort", number, port_number_problems(number))
        yield from protocol_violations(path, port.protocol)


_SCHEMES = frozenset({"HTTP", "HTTPS"})

_Action = ExecAction | HTTPGetAction | TCPSocketAction | GRPCAction


def _probe_violations(field: str, probe: Probe) -> Iterable[Violation]:
    """List what is wrong with a probe; of several handlers only the first is checked further."""
    handlers: tuple[tuple[str, _Action | None], ...] = (
        ("exec", probe.exec),
        ("httpGet", probe.http_get),
        ("tcpSocket", probe.tcp_socket),
        ("grpc", probe.grpc),
    )
    given = [(f"{field}.{name}", action) for name, action in handlers if action is not None]
    if not given:
        yield required(field, "must specify a handler type")
    for path, action in given[:1]:
        yield from _action_violations(path, action)
    for path, _ in given[1:]:
        yield forbidden(path, "may not specify more than 1 handler type")
    yield from _timing_violations(field, probe)


def _action_violations(field: str, action: _Action) -> Iterable[Violation]:
    match action:
        case ExecAction():
            if not action.command:
                yield required(f"{field}.command")
        case HTTPGetAction():
            yield from _http_violations(field, action)
        case TCPSocketAction():
            yield from target_port_violations(f"{field}.port", action.port)
        case GRPCAction():
            yield from each_invalid(f"{field}.port", action.port, port_number_problems(action.port))


def _http_violations(field: str, action: HTTPGetAction) -> Iterable[Violation]:
    if not action.path:
        yield required(f"{field}.path")
    yield from target_port_violations(f"{field}.port", action.port)
    if action.scheme not in _SCHEMES:
        yield not_supported(f"{field}.scheme", action.scheme, _SCHEMES)
    for index, (name, _) in enumerate(action.headers):
        if not name or not _is_token(name):
            path = f"{field}.httpHeaders[{index}].name"
            yield invalid(path, name, "must be a valid HTTP header name")


def _timing_violations(field: str, probe: Probe) -> Iterable[Violation]:
    amounts = (
        ("initialDelaySeconds", probe.initial_delay_s),
        ("timeoutSeconds", probe.timeout_s),
        ("periodSeconds", probe.period_s),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    )
    for name, amount in amounts:
        if amount < 0:
            yield invalid(f"{field}.{name}", amount, "must be greater than or equal to 0")


def _is_token(name: str) -> bool:
    return name.isascii() and all(
        letter.isalnum() or letter in "!#$%&'*+-.^_`|~" for letter in name
    )
