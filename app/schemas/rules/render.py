"""Rules of the state in a request.

    document -> read_request -> RenderRequest -> decode_rendering -> Rendering(Snapshot, Node, …)

Pure: used by ``POST /render`` and, without a server, by the command line.
Source: contract.md, "POST /render".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from app.domain.dataplane.ipvs.state import IPVSRules, ipvs_rules
from app.domain.dataplane.nftables.text import encode as encode_nftables
from app.domain.dataplane.rules.model import NodeRules, RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.errors import BadRequest, CauseReason, Invalid, Violation
from app.domain.names import REVISION_ZERO
from app.domain.objects.node import Node
from app.domain.snapshot import Snapshot, load
from app.schemas.documents.partly_read import all_violations
from app.schemas.rules.codec import encode_rules
from app.schemas.rules.models import Backend
from app.schemas.rules.render_request import RenderConfig, RenderRequest, state_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """The state to make rules from."""

    snapshot: Snapshot
    node: Node
    config: RulesConfig
    backend: Backend = Backend.IPVS

    def rules(self) -> NodeRules:
        """Compute the neutral rules."""
        return node_rules(self.snapshot, self.node, self.config)

    def ipvs(self) -> IPVSRules:
        """Compute the rules for IPVS mode."""
        return ipvs_rules(self.rules())

    def json(self) -> str:
        """Encode the rules as in the API's answers."""
        rules = self.rules()
        nftables = encode_nftables(rules) if self.backend is Backend.NFTABLES else None
        return encode_rules(ipvs_rules(rules), backend=self.backend, nftables=nftables)


def read_request(document: Mapping[str, object]) -> RenderRequest:
    """Decode a request; raises BadRequest for wrong types, with the other violations as well."""
    content = dict(document)
    try:
        request = RenderRequest.model_validate(content)
    except ValidationError as error:
        violations = all_violations(
            error, content, RenderRequest, lambda rest: state_of(rest).violations()
        )
        raise BadRequest(
            f"the request cannot be decoded: {', '.join(map(str, violations))}", causes=violations
        ) from None
    if request.node is None:
        cause = Violation(CauseReason.REQUIRED, "node", "must be given")
        raise BadRequest("the request does not say which node", causes=[cause])
    return request


def decode_rendering(request: RenderRequest) -> Rendering:
    """Make the rendering of a request; raises Invalid for state without possible rules."""
    state = state_of(request)
    if causes := tuple(state.violations()):
        raise Invalid("RenderRequest", state.node.metadata.name, causes)
    objects = [*state.services, *state.slices, *state.ranges, state.configured]
    wanted = request.config or RenderConfig()
    return Rendering(
        snapshot=load(objects, revision=REVISION_ZERO),
        node=state.node,
        config=state.config,
        backend=Backend(wanted.backend or Backend.IPVS),
    )
