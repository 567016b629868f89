"""Rules for what is known of a container: its ports and its readiness probe.

    field path, containers -> violations

Source: spec kubernetes-api 3.4; contract.md, "Objects".
"""

from collections.abc import Iterable

from app.domain.errors import Violation
from app.domain.names import label_problems, port_name_problems
from app.domain.objects.pod import Container, ContainerPort, GRPCAction, HTTPGetAction, Probe
from app.domain.objects.service import Protocol
from app.domain.registration.port_validation import port_number_problems, target_port_violations
from app.domain.violations import (
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    not_supported,
    required,
)

PROBE_SECONDS_MAX = 86_400  # of any of a probe's times
PROBE_THRESHOLD_MAX = 1_000  # results in a row

_PROTOCOLS = frozenset(Protocol)
_SCHEMES = frozenset({"HTTP", "HTTPS"})
_RESTART_POLICIES = frozenset({"Always", "OnFailure", "Never"})


def container_violations(field: str, containers: tuple[Container, ...]) -> Iterable[Violation]:
    """List what is wrong with containers, under the path of their list."""
    names: set[str] = set()
    for index, container in enumerate(containers):
        path = f"{field}[{index}]"
        if container.name:
            yield from each_invalid(f"{path}.name", container.name, label_problems(container.name))
            if container.name in names:
                yield duplicate(f"{path}.name", container.name)
            names.add(container.name)
        yield from _port_violations(f"{path}.ports", container.ports)
        if container.readiness_probe is not None:
            yield from _probe_violations(f"{path}.readinessProbe", container.readiness_probe)
        policy = container.restart_policy
        if policy is not None and policy not in _RESTART_POLICIES:
            yield not_supported(f"{path}.restartPolicy", policy, _RESTART_POLICIES)


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
        if port.protocol not in _PROTOCOLS:
            yield not_supported(f"{path}.protocol", port.protocol, _PROTOCOLS)


def _probe_violations(field: str, probe: Probe) -> Iterable[Violation]:
    actions = [a for a in (probe.http_get, probe.tcp_socket, probe.grpc) if a is not None]
    if not actions:
        yield required(field, "must specify a handler type")
    elif len(actions) > 1:
        yield forbidden(field, "may not specify more than 1 handler type")
    if probe.http_get is not None:
        yield from _http_violations(f"{field}.httpGet", probe.http_get)
    if probe.tcp_socket is not None:
        yield from target_port_violations(f"{field}.tcpSocket.port", probe.tcp_socket.port)
    if probe.grpc is not None:
        yield from _grpc_violations(f"{field}.grpc", probe.grpc)
    yield from _timing_violations(field, probe)


def _http_violations(field: str, action: HTTPGetAction) -> Iterable[Violation]:
    yield from target_port_violations(f"{field}.port", action.port)
    if not action.path:
        yield required(f"{field}.path")
    elif not _is_plain(action.path):
        yield invalid(f"{field}.path", action.path, "must be printable and without blanks")
    if action.scheme not in _SCHEMES:
        yield not_supported(f"{field}.scheme", action.scheme, _SCHEMES)
    for index, (name, value) in enumerate(action.headers):
        path = f"{field}.httpHeaders[{index}]"
        if not name or not _is_token(name):
            yield invalid(f"{path}.name", name, "must be a valid HTTP header name")
        if any(character in value for character in "\r\n\0"):
            yield invalid(f"{path}.value", value, "must be a single line")


def _grpc_violations(field: str, action: GRPCAction) -> Iterable[Violation]:
    yield from each_invalid(f"{field}.port", action.port, port_number_problems(action.port))


def _timing_violations(field: str, probe: Probe) -> Iterable[Violation]:
    bounds = (
        ("initialDelaySeconds", probe.initial_delay_s, 0, PROBE_SECONDS_MAX),
        ("periodSeconds", probe.period_s, 1, PROBE_SECONDS_MAX),
        ("timeoutSeconds", probe.timeout_s, 1, PROBE_SECONDS_MAX),
        ("successThreshold", probe.success_threshold, 1, PROBE_THRESHOLD_MAX),
        ("failureThreshold", probe.failure_threshold, 1, PROBE_THRESHOLD_MAX),
    )
    for name, amount, least, most in bounds:
        if not least <= amount <= most:
            detail = f"must be between {least} and {most}, inclusive"
            yield invalid(f"{field}.{name}", amount, detail)


def _is_plain(path: str) -> bool:
    return path.isprintable() and " " not in path


def _is_token(name: str) -> bool:
    return name.isascii() and all(
        letter.isalnum() or letter in "!#$%&'*+-.^_`|~" for letter in name
    )
