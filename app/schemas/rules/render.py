"""Rules of the state in a request.

    document -> read_request -> Described -> decode_rendering -> Rendering(Node, Services, …)

Pure: used by ``POST /render`` and, without a server, by the command line.
Source: contract.md, "POST /render".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.copies import replace
from app.domain.dataplane.ipvs.state import IPVSRules, ipvs_rules
from app.domain.dataplane.nftables.text import encode as encode_nftables
from app.domain.dataplane.rules.model import NodeRules, RulesConfig
from app.domain.dataplane.rules.node_rules import asked_terms, node_rules
from app.domain.dataplane.rules.soundness import (
    config_violations,
    node_violations,
    prefix_violations,
    service_violations,
    slice_violations,
)
from app.domain.errors import BadRequest, CauseReason, Invalid, Violation
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.namespace import in_default_namespace
from app.domain.objects.node import Node
from app.domain.objects.service import HEADLESS, Service
from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.snapshot import Snapshot, load_for_questions
from app.schemas.rules.codec import encode_rules
from app.schemas.rules.described import Described, described_by
from app.schemas.rules.models import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """The state to make rules from; ``configured`` are the ranges an operator would have set."""

    node: Node
    services: Sequence[Service]
    slices: Sequence[EndpointSlice]
    ranges: Sequence[ServiceCIDR]
    configured: ServiceCIDR
    config: RulesConfig
    backend: Backend

    def violations(self) -> Iterator[Violation]:
        """List everything that makes rules impossible."""
        yield from node_violations(self.node)
        for place, service in enumerate(self.services):
            yield from (v.under(f"services[{place}].") for v in service_violations(service))
        for place, slice_ in enumerate(self.slices):
            yield from (v.under(f"endpointSlices[{place}].") for v in slice_violations(slice_))
        yield from (violation.under("config.") for violation in config_violations(self.config))
        for place, served in enumerate(self.ranges):
            yield from prefix_violations(f"serviceCIDRs[{place}].spec.cidrs", served.cidrs)
        yield from prefix_violations("config.serviceCIDRs", self.configured.cidrs)

    def snapshot(self) -> Snapshot:
        """Put the state together."""
        objects = [*self.services, *self.slices, *self.ranges, self.configured]
        return load_for_questions(objects, terms=asked_terms)

    def rules(self) -> NodeRules:
        """Compute the neutral rules."""
        return node_rules(self.snapshot(), self.node, self.config)

    def ipvs(self) -> IPVSRules:
        """Compute the rules for IPVS mode."""
        return ipvs_rules(self.rules())

    def json(self) -> str:
        """Encode the rules as in the API's answers."""
        rules = self.rules()
        nftables = encode_nftables(rules) if self.backend is Backend.NFTABLES else None
        return encode_rules(ipvs_rules(rules), backend=self.backend, nftables=nftables)


def read_request(document: Mapping[str, object]) -> Described:
    """Decode a request; raises BadRequest for wrong types, with the other violations as well."""
    described = described_by(document, lambda read: _rendering(read).violations())
    if not described.has_node:
        cause = Violation(CauseReason.REQUIRED, "node", "must be given")
        raise BadRequest("the request does not say which node", causes=[cause])
    return described


def decode_rendering(described: Described) -> Rendering:
    """Make the rendering of a request; raises Invalid for state without possible rules."""
    rendering = _rendering(described)
    if causes := tuple(rendering.violations()):
        raise Invalid("RenderRequest", rendering.node.metadata.name, causes)
    return rendering


def _rendering(described: Described) -> Rendering:
    """Complete the objects of a request as in a registry."""
    wanted = described.config
    return Rendering(
        node=described.node,
        services=[_service(each) for each in described.services],
        slices=[in_default_namespace(each) for each in described.slices],
        ranges=described.ranges,
        # One more object, with an empty name, which no other object can have.
        configured=ServiceCIDR(metadata=ObjectMeta(), cidrs=tuple(wanted.service_cidrs or ())),
        config=wanted.rules(),
        backend=Backend(wanted.backend or Backend.IPVS),
    )


def _service(service: Service) -> Service:
    """Fill in what a registry would have: the namespace, and ``clusterIPs``."""
    service = in_default_namespace(service)
    if service.cluster_ips or service.cluster_ip in ("", HEADLESS):
        return service
    return replace(service, cluster_ips=(service.cluster_ip,))
