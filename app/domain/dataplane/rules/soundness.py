"""What must hold for rules to be made of state that no registry has admitted.

    Service | EndpointSlice | Node | ranges | RulesConfig -> violations

Only what would make rules wrong or unsafe to load is refused: words that end up
in commands, numbers outside their range, source ranges that cannot be read and so
would restrict nobody.  Everything else is ``registration``'s affair.
"""

from collections.abc import Iterable, Iterator

from app.domain.addresses import PORT_MAX, parse_prefix
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_facts import PRIMARY
from app.domain.errors import Violation
from app.domain.names import subdomain_problems
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.node import Node
from app.domain.objects.pod import WEIGHT_MAX
from app.domain.objects.service import AFFINITY_TIMEOUT_S_MAX, Protocol, Scheduler, Service
from app.domain.violations import each_invalid, invalid, not_supported

_PREFIX_RULE = "must be a prefix such as 10.0.0.0/8"


def node_violations(node: Node) -> Iterator[Violation]:
    """Check the name of a node: it is written into scripts."""
    name = node.metadata.name
    yield from each_invalid("node.metadata.name", name, subdomain_problems(name))


def service_violations(service: Service) -> Iterator[Violation]:
    """Check what rules are made of in a Service."""
    for place, port in enumerate(service.ports):
        path = f"spec.ports[{place}]"
        yield from _port(f"{path}.port", port.port, lowest=1)
        yield from _port(f"{path}.nodePort", port.node_port)
        yield from _word(f"{path}.protocol", port.protocol, Protocol)
    yield from _port("spec.healthCheckNodePort", service.health_check_node_port)
    if service.scheduler is not None:
        yield from _word("spec.scheduler", service.scheduler, Scheduler)
    timeout_s = service.affinity_timeout_s
    if timeout_s is not None and not 0 < timeout_s <= AFFINITY_TIMEOUT_S_MAX:
        detail = f"must be between 1 and {AFFINITY_TIMEOUT_S_MAX}"
        yield invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", timeout_s, detail)
    for place, text in enumerate(service.load_balancer_source_ranges):
        if parse_prefix(text.strip()) is None:
            yield invalid(f"spec.loadBalancerSourceRanges[{place}]", text, _PREFIX_RULE)


def slice_violations(slice_: EndpointSlice) -> Iterator[Violation]:
    """Check what rules are made of in a slice."""
    for place, port in enumerate(slice_.ports):
        yield from _port(f"ports[{place}].port", port.port or 0)
    for place, endpoint in enumerate(slice_.endpoints):
        weight = endpoint.weight
        if weight is not None and not 0 <= weight <= WEIGHT_MAX:
            detail = f"must be between 0 and {WEIGHT_MAX}"
            yield invalid(f"endpoints[{place}].weight", weight, detail)


def config_violations(config: RulesConfig) -> Iterator[Violation]:
    """Check what an operator chose, by the names of the request's fields."""
    yield from _word("scheduler", config.scheduler, Scheduler)
    for text in config.cluster_cidrs:
        if parse_prefix(text) is None:
            yield invalid("clusterCIDR", text, _PREFIX_RULE)
    for place, text in enumerate(config.node_port_addresses):
        if text.strip() != PRIMARY and parse_prefix(text.strip()) is None:
            detail = f'{_PREFIX_RULE}, or "{PRIMARY}"'
            yield invalid(f"nodePortAddresses[{place}]", text, detail)


def prefix_violations(field: str, texts: Iterable[str]) -> Iterator[Violation]:
    """Check ranges that end up in rules."""
    for place, text in enumerate(texts):
        if parse_prefix(text) is None:
            yield invalid(f"{field}[{place}]", text, _PREFIX_RULE)


def _port(field: str, number: int, *, lowest: int = 0) -> Iterator[Violation]:
    if not lowest <= number <= PORT_MAX:
        yield invalid(field, number, f"must be between {lowest} and {PORT_MAX}")


def _word(
    field: str, value: str, vocabulary: type[Protocol] | type[Scheduler]
) -> Iterator[Violation]:
    known = [word.value for word in vocabulary]
    if value not in known:
        yield not_supported(field, value, known)
