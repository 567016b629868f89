"""Every rule an Endpoints object must obey; all violations at once.

    draft -> violations

Source: Kubernetes' validation of Endpoints; spec kubernetes-api 3.8.
"""

from collections.abc import Iterable

from app.domain.errors import Violation
from app.domain.labels import key_problems
from app.domain.names import label_problems, subdomain_problems
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.endpoints import EndpointAddress, Endpoints, EndpointSubset
from app.domain.objects.service import Protocol
from app.domain.registration.validation.addresses import (
    address_violations,
    special_address_violations,
)
from app.domain.registration.validation.metadata import metadata_violations
from app.domain.registration.validation.ports import port_number_problems
from app.domain.violations import each_invalid, not_supported, required, too_many

PAIRS_MAX = 100_000  # pairs of an address and a port of the same subset, in all subsets

_PROTOCOLS = frozenset(Protocol)


def validate(draft: Endpoints) -> tuple[Violation, ...]:
    """List every rule that an Endpoints object breaks."""
    return (
        *metadata_violations(draft.metadata, subdomain_problems),
        *_count_violations(draft.subsets),
        *(
            violation
            for index, subset in enumerate(draft.subsets)
            for violation in _subset_violations(f"subsets[{index}]", subset)
        ),
    )


def _count_violations(subsets: tuple[EndpointSubset, ...]) -> Iterable[Violation]:
    pairs = sum(
        (len(subset.addresses) + len(subset.not_ready_addresses)) * max(1, len(subset.ports))
        for subset in subsets
    )
    if pairs > PAIRS_MAX:
        yield too_many("subsets", pairs, PAIRS_MAX)


def _subset_violations(field: str, subset: EndpointSubset) -> Iterable[Violation]:
    if not subset.addresses and not subset.not_ready_addresses:
        yield required(field, "must specify `addresses` or `notReadyAddresses`")
    for name, addresses in (
        ("addresses", subset.addresses),
        ("notReadyAddresses", subset.not_ready_addresses),
    ):
        for index, address in enumerate(addresses):
            yield from _address_violations(f"{field}.{name}[{index}]", address)
    for index, port in enumerate(subset.ports):
        needs_name = len(subset.ports) > 1
        yield from _port_violations(f"{field}.ports[{index}]", port, needs_name=needs_name)


def _address_violations(field: str, address: EndpointAddress) -> Iterable[Violation]:
    path = f"{field}.ip"
    malformed = address_violations(path, address.ip, is_strict=True)
    yield from malformed or special_address_violations(path, address.ip)
    if address.hostname:
        problems = label_problems(address.hostname)
        yield from each_invalid(f"{field}.hostname", address.hostname, problems)
    if address.node_name:
        problems = subdomain_problems(address.node_name)
        yield from each_invalid(f"{field}.nodeName", address.node_name, problems)


def _port_violations(field: str, port: EndpointPort, *, needs_name: bool) -> Iterable[Violation]:
    if port.name:
        yield from each_invalid(f"{field}.name", port.name, label_problems(port.name))
    elif needs_name:
        yield required(f"{field}.name")
    number = port.port or 0
    yield from each_invalid(f"{field}.port", number, port_number_problems(number))
    if port.protocol not in _PROTOCOLS:
        yield not_supported(f"{field}.protocol", port.protocol, _PROTOCOLS)
    if port.app_protocol is not None:
        problems = key_problems(port.app_protocol)
        yield from each_invalid(f"{field}.appProtocol", port.app_protocol, problems)
