"""EndpointSlices and Endpoints that clients write: every rule that one must obey.

    current, desired -> violations of a slice, all at once
    draft            -> violations of an Endpoints object

Slices that are made from a selector come from ``planning``.  Addresses that only one machine
reaches are refused, with two exceptions: loopback, for processes on Waypost's own machine, and
slices that Waypost makes itself, which have the addresses that Pods were registered with
(docs/decisions/0014).

Source: spec kubernetes-api 3.5 and 3.8; Kubernetes' validation of Endpoints; contract.md for the
weight.
"""

from collections.abc import Callable, Iterable

from app.domain.addresses import family_of_text
from app.domain.errors import Violation
from app.domain.labels import value_problems
from app.domain.names import label_problems, subdomain_problems
from app.domain.objects.endpoint_slice import (
    AddressType,
    Endpoint,
    EndpointPort,
    EndpointSlice,
    Hints,
)
from app.domain.objects.endpoints import EndpointAddress, Endpoints, EndpointSubset
from app.domain.objects.pod import WEIGHT_MAX
from app.domain.registration.slices import affected
from app.domain.registration.strategy import Strategy
from app.domain.registration.validation.addresses import (
    address_violations,
    is_canonical_address,
    is_loopback_address,
    special_address_violations,
)
from app.domain.registration.validation.metadata import metadata_violations
from app.domain.registration.validation.ports import (
    app_protocol_violations,
    port_number_problems,
    protocol_violations,
)
from app.domain.violations import (
    broken_unless_empty,
    duplicate,
    each_invalid,
    invalid,
    not_supported,
    required,
    too_many,
)

ENDPOINTS_MAX = 1_000
ADDRESSES_MAX = 100  # of one endpoint
PORTS_MAX = 20_000
PAIRS_MAX = 100_000  # of an address and a port of one subset, in all subsets of an Endpoints object
HINTS_MAX = 8  # zones, and as many nodes, of one endpoint

_ADDRESS_TYPES = frozenset(AddressType)
_FQDN_LABELS_MIN = 2


def slice_warnings(desired: EndpointSlice) -> tuple[str, ...]:
    """List what is valid but probably a mistake (spec kubernetes-api 1.6)."""
    found: list[str] = []
    if desired.address_type == AddressType.FQDN:
        found.append("addressType: FQDN endpoints are deprecated")
    for index, endpoint in enumerate(desired.endpoints):
        for place, text in enumerate(endpoint.addresses):
            field = f"endpoints[{index}].addresses[{place}]"
            if not is_canonical_address(text):
                found.append(f'{field}: non-standard IP address "{text}" is not recommended')
            if is_loopback_address(text):
                found.append(
                    f"{field}: only the endpoint's own machine reaches the loopback address "
                    f'"{text}"'
                )
    return tuple(found)


def _rules(current: EndpointSlice | None, slice_: EndpointSlice) -> Iterable[Violation]:
    yield from _content_violations(slice_, _addresses_of(current))
    if current is not None and current.address_type != slice_.address_type:
        yield invalid("addressType", slice_.address_type, "field is immutable")


def _addresses_of(slice_: EndpointSlice | None) -> frozenset[str]:
    endpoints = () if slice_ is None else slice_.endpoints
    return frozenset(text for endpoint in endpoints for text in endpoint.addresses)


def _content_violations(slice_: EndpointSlice, accepted: frozenset[str]) -> Iterable[Violation]:
    if not slice_.address_type:
        yield required("addressType")
    elif slice_.address_type not in _ADDRESS_TYPES:
        yield not_supported("addressType", slice_.address_type, _ADDRESS_TYPES)
    yield from _port_violations(slice_.ports)
    if len(slice_.endpoints) > ENDPOINTS_MAX:
        yield too_many("endpoints", len(slice_.endpoints), ENDPOINTS_MAX)
        return
    for index, endpoint in enumerate(slice_.endpoints):
        field = f"endpoints[{index}]"
        yield from _address_violations(f"{field}.addresses", slice_, endpoint, accepted)
        yield from _endpoint_violations(field, endpoint)


def _port_violations(ports: tuple[EndpointPort, ...]) -> Iterable[Violation]:
    if len(ports) > PORTS_MAX:
        yield too_many("ports", len(ports), PORTS_MAX)
        return
    names: set[str] = set()
    for index, port in enumerate(ports):
        field = f"ports[{index}]"
        yield from broken_unless_empty(f"{field}.name", port.name, label_problems)
        if port.name in names:
            yield duplicate(f"{field}.name", port.name)
        names.add(port.name)
        yield from protocol_violations(field, port.protocol)
        if port.port is not None:
            yield from each_invalid(f"{field}.port", port.port, port_number_problems(port.port))
        yield from app_protocol_violations(field, port.app_protocol)


def _address_violations(
    field: str, slice_: EndpointSlice, endpoint: Endpoint, accepted: frozenset[str]
) -> Iterable[Violation]:
    if not endpoint.addresses:
        yield required(field, "must contain at least 1 address")
    elif len(endpoint.addresses) > ADDRESSES_MAX:
        yield too_many(field, len(endpoint.addresses), ADDRESSES_MAX)
    for index, text in enumerate(endpoint.addresses):
        path = f"{field}[{index}]"
        match slice_.address_type:
            case AddressType.IPV4 | AddressType.IPV6:
                yield from _ip_violations(path, text, slice_, accepted)
            case AddressType.FQDN:
                yield from _fqdn_violations(path, text)
            case _:
                pass  # the type itself is refused


def _ip_violations(
    field: str, text: str, slice_: EndpointSlice, accepted: frozenset[str]
) -> Iterable[Violation]:
    malformed = address_violations(field, text, accepted=accepted)
    if malformed:
        yield from malformed
    elif family_of_text(text) != slice_.address_type:
        yield invalid(field, text, f"must be an {slice_.address_type} address")
    elif not (slice_.is_managed or text in accepted or is_loopback_address(text)):
        yield from special_address_violations(field, text)


def _fqdn_violations(field: str, text: str) -> Iterable[Violation]:
    name = text.removesuffix(".")
    if not name:
        yield required(field)
        return
    problems = subdomain_problems(name)
    yield from each_invalid(field, text, problems)
    if problems:
        return
    labels = name.split(".")
    if len(labels) < _FQDN_LABELS_MIN:
        detail = "should be a domain with at least two segments separated by dots"
        yield invalid(field, text, detail)
    for label in labels:
        yield from each_invalid(field, label, label_problems(label))


def _endpoint_violations(field: str, endpoint: Endpoint) -> Iterable[Violation]:
    yield from broken_unless_empty(f"{field}.nodeName", endpoint.node_name, subdomain_problems)
    yield from broken_unless_empty(f"{field}.hostname", endpoint.hostname, label_problems)
    if endpoint.weight is not None and not 0 <= endpoint.weight <= WEIGHT_MAX:
        detail = f"must be between 0 and {WEIGHT_MAX}, inclusive"
        yield invalid(f"{field}.weight", endpoint.weight, detail)
    if endpoint.hints is not None:
        yield from _hint_violations(f"{field}.hints", endpoint.hints)


def _hint_violations(field: str, hints: Hints) -> Iterable[Violation]:
    lists: tuple[tuple[str, tuple[str, ...], Callable[[str], tuple[str, ...]]], ...] = (
        ("forZones", hints.for_zones, value_problems),
        ("forNodes", hints.for_nodes, subdomain_problems),
    )
    for name, hinted, problems_of in lists:
        if len(hinted) > HINTS_MAX:
            yield too_many(f"{field}.{name}", len(hinted), HINTS_MAX)
            continue
        for index, place in enumerate(hinted):
            path = f"{field}.{name}[{index}].name"
            if place in hinted[:index]:
                yield duplicate(path, place)
            yield from each_invalid(path, place, problems_of(place))


def endpoints_violations(draft: Endpoints) -> tuple[Violation, ...]:
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
            yield from _listed_address_violations(f"{field}.{name}[{index}]", address)
    for index, port in enumerate(subset.ports):
        needs_name = len(subset.ports) > 1
        yield from _listed_port_violations(f"{field}.ports[{index}]", port, needs_name=needs_name)


def _listed_address_violations(field: str, address: EndpointAddress) -> Iterable[Violation]:
    path = f"{field}.ip"
    malformed = address_violations(path, address.ip)
    yield from malformed or special_address_violations(path, address.ip)
    yield from broken_unless_empty(f"{field}.hostname", address.hostname, label_problems)
    yield from broken_unless_empty(f"{field}.nodeName", address.node_name, subdomain_problems)


def _listed_port_violations(
    field: str, port: EndpointPort, *, needs_name: bool
) -> Iterable[Violation]:
    yield from broken_unless_empty(f"{field}.name", port.name, label_problems)
    if needs_name and not port.name:
        yield required(f"{field}.name")
    number = port.port or 0
    yield from each_invalid(f"{field}.port", number, port_number_problems(number))
    yield from protocol_violations(field, port.protocol)
    yield from app_protocol_violations(field, port.app_protocol)


STRATEGY = Strategy(
    rules=_rules,
    warn=lambda _, desired: slice_warnings(desired),
    is_prunable=lambda slice_: not slice_.is_managed,  # a managed one goes with its Service
    affects=affected.by_slice,
)
