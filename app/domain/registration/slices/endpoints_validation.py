"""Every rule an Endpoints object must obey; all violations at once.

    draft -> violations

Source: Kubernetes' validation of Endpoints; spec kubernetes-api 3.8.
"""

from collections.abc import Iterable

from app.domain.errors import Violation
from app.domain.names import label_problems, subdomain_problems
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.endpoints import EndpointAddress, Endpoints, EndpointSubset
from app.domain.registration.validation.addresses import (
    address_violations,
    special_address_violations,
)
from app.domain.registration.validation.metadata import metadata_violations
from app.domain.registration.validation.ports import (
    app_protocol_violations,
    port_number_problems,
    protocol_violations,
)
from app.domain.violations import broken_unless_empty, each_invalid, required, too_many

PAIRS_MAX = 100_000  # pairs of an address and a port of the same subset, in all subsets


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
    malformed = address_violations(path, address.ip)
    yield from malformed or special_address_violations(path, address.ip)
    yield from broken_unless_empty(f"{field}.hostname", address.hostname, label_problems)
    yield from broken_unless_empty(f"{field}.nodeName", address.node_name, subdomain_problems)


def _port_violations(field: str, port: EndpointPort, *, needs_name: bool) -> Iterable[Violation]:
    yield from broken_unless_empty(f"{field}.name", port.name, label_problems)
    if needs_name and not port.name:
        yield required(f"{field}.name")
    number = port.port or 0
    yield from each_invalid(f"{field}.port", number, port_number_problems(number))
    yield from protocol_violations(field, port.protocol)
    yield from app_protocol_violations(field, port.app_protocol)
