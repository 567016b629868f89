"""Rules for a readiness probe: exactly one of the four handlers, and its timing.

    field path, probe -> violations

Every probe that Kubernetes' API server accepts is accepted, even if Waypost cannot run it: a
path that cannot be part of a URL makes the probe fail, not the manifest.
Source: contract.md, "Objects"; Kubernetes' validation of probes.
"""

from collections.abc import Iterable

from app.domain.errors import Violation
from app.domain.objects.pod import ExecAction, GRPCAction, HTTPGetAction, Probe, TCPSocketAction
from app.domain.registration.validation.ports import port_number_problems, target_port_violations
from app.domain.violations import each_invalid, forbidden, invalid, not_supported, required

_SCHEMES = frozenset({"HTTP", "HTTPS"})

_Action = ExecAction | HTTPGetAction | TCPSocketAction | GRPCAction


def probe_violations(field: str, probe: Probe) -> Iterable[Violation]:
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
