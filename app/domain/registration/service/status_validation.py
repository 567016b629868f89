"""Rules for the status that a load balancer reports.

    current, desired -> violations

Source: spec kubernetes-api 1.2, the ``status`` rows.
"""

from collections.abc import Iterable

from app.domain.addresses import parse_address
from app.domain.errors import Violation
from app.domain.names import subdomain_problems
from app.domain.objects.service import Service, ServiceType
from app.domain.registration.validation.addresses import address_violations
from app.domain.violations import each_invalid, forbidden, invalid, not_supported

_IP_MODES = frozenset({"VIP", "Proxy"})


def status_violations(current: Service, desired: Service) -> tuple[Violation, ...]:
    """List every rule that a reported load-balancer status breaks."""
    field = "status.loadBalancer.ingress"
    if current.type != ServiceType.LOAD_BALANCER:
        detail = "may only be used when `spec.type` is 'LoadBalancer'"
        return (forbidden(field, detail),) if desired.ingress else ()
    accepted = {entry.ip for entry in current.ingress}
    found: list[Violation] = []
    for index, entry in enumerate(desired.ingress):
        path = f"{field}[{index}]"
        if entry.ip:
            found.extend(
                address_violations(f"{path}.ip", entry.ip, is_strict=True, accepted=accepted)
            )
        found.extend(_ip_mode_violations(path, entry.ip, entry.ip_mode))
        found.extend(_ingress_hostname_violations(path, entry.hostname))
    return tuple(found)


def _ip_mode_violations(path: str, ip: str, mode: str | None) -> Iterable[Violation]:
    field = f"{path}.ipMode"
    if mode is None:
        return  # without an address: one with an address has a mode, given or by default
    if not ip:
        yield forbidden(field, "may not be specified when `ip` is not set")
    elif mode not in _IP_MODES:
        yield not_supported(field, mode, _IP_MODES)


def _ingress_hostname_violations(path: str, hostname: str) -> Iterable[Violation]:
    if hostname:
        field = f"{path}.hostname"
        yield from each_invalid(field, hostname, subdomain_problems(hostname))
        if parse_address(hostname) is not None:
            yield invalid(field, hostname, "must be a DNS name, not an IP address")
