"""nftables mode: from the wire to a plan.

    NodeText -> Tables      NodeTextChanges -> a text      -> Plan, one text or none

Nothing drains in this mode: open connections keep their translation.

Source: contract.md, "GET /nodes/{name}/nftables"; spec ipvs 8.
"""

from collections.abc import Collection, Sequence
from typing import Final

from app.agent.mode import Changes, Plan, Whole, read
from app.client.bounded_reading import Answer
from app.client.errors import RegistryMisbehaved
from app.client.json_reading import UNREADABLE
from app.domain.dataplane.ipvs.applied import OutOfOrder
from app.domain.dataplane.ipvs.operations import RealServerKey
from app.domain.dataplane.nftables.loading import loaded
from app.domain.dataplane.nftables.state import Tables, encode_difference
from app.domain.dataplane.rules.health_checks import followed
from app.domain.errors import BadRequest
from app.schemas.objects.metadata import parse_revision
from app.schemas.rules.models import NodeText
from app.schemas.rules.operations import NodeTextChanges

NFT: Final = "nft -f -"


class NftablesMode:
    """One table per family."""

    name = "nftables"

    @property
    def empty(self) -> Tables:
        """No table at all."""
        return {}

    def decode_whole(self, answer: Answer) -> Whole[Tables]:
        """Read a whole text; raises RegistryMisbehaved."""
        rules = read(NodeText, answer)
        try:
            state = loaded(rules.text, {})
        except UNREADABLE as error:
            raise RegistryMisbehaved(f"its nftables text cannot be parsed: {error}") from error
        return Whole(
            revision=parse_revision(rules.resource_version),
            state=state,
            health_checks=followed(rules.health_check_node_ports, {}),
            is_eligible=rules.node_eligible,
        )

    def decode_changes(self, answer: Answer) -> Changes[str]:
        """Read changes; raises RegistryMisbehaved."""
        changes = read(NodeTextChanges, answer)
        return Changes(
            revision=parse_revision(changes.resource_version),
            steps=(changes.text,) if changes.text else (),
            health_checks=changes.health_check_node_ports,
            is_eligible=changes.node_eligible,
        )

    def advanced(self, steps: Sequence[str], state: Tables) -> Tables:
        """Apply texts; raises OutOfOrder when they do not fit the tables."""
        try:
            for step in steps:
                state = loaded(step, state)
        except BadRequest as error:
            raise OutOfOrder(str(error)) from error
        return state

    def plan(self, current: Tables, desired: Tables, idle: Collection[RealServerKey]) -> Plan[str]:
        """Write the difference, if there is any."""
        del idle
        text = encode_difference(current, desired)
        return Plan((text,) if text else ())

    def written(self, steps: Sequence[str]) -> str:
        """Write texts as the input of ``nft``."""
        return "".join(f"# {NFT}\n{step}" for step in steps)
