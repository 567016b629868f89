"""nftables mode, from the wire to a plan.

    text for `nft -f` -> Tables      NodeTextChanges -> a text      -> Plan, one text or none

Nothing ever waits: connections that are open go on as they were translated.

Source: contract.md, "GET /nodes/{name}/nftables"; spec ipvs 8.
"""

from collections.abc import Collection, Sequence
from typing import Final

from pydantic import ValidationError

from app.agent.client import Answer, RegistryMisbehaved
from app.agent.mode import News, Plan, Whole
from app.domain.dataplane.applied import OutOfOrder
from app.domain.dataplane.nftables_delta import loaded
from app.domain.dataplane.nftables_state import Tables, encode_difference, parse_whole
from app.domain.dataplane.operations import RealServerKey
from app.domain.errors import BadRequest
from app.domain.names import Revision
from app.schemas.metadata import parse_revision
from app.schemas.operations import NodeTextChanges

NFT: Final = "nft -f -"


class NftablesMode:
    """One table a family."""

    name = "nftables"

    @property
    def empty(self) -> Tables:
        """No table at all."""
        return {}

    def decode_whole(self, answer: Answer) -> Whole[Tables]:
        """Read a whole text, whose revision is in its entity tag; raises RegistryMisbehaved."""
        try:
            return Whole(_revision(answer.tag), parse_whole(answer.body.decode()))
        except (BadRequest, UnicodeDecodeError) as error:
            raise RegistryMisbehaved(f"no text of ours: {error}") from error

    def decode_news(self, answer: Answer) -> News[str]:
        """Read changes; raises RegistryMisbehaved."""
        try:
            changes = NodeTextChanges.model_validate_json(answer.body)
        except ValidationError as error:
            raise RegistryMisbehaved(f"no changes: {error.errors()[0]['msg']}") from error
        steps = (changes.text,) if changes.text else ()
        return News(parse_revision(changes.resource_version), steps)

    def advanced(self, steps: Sequence[str], state: Tables) -> Tables:
        """Load texts; raises OutOfOrder when they do not fit the tables."""
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
        """Write texts as they are given to the program."""
        return "".join(f"# {NFT}\n{step}" for step in steps)


def _revision(tag: str) -> Revision:
    """Take the revision from a tag such as "42-1f"."""
    return parse_revision(tag.removeprefix("W/").strip('"').partition("-")[0])
