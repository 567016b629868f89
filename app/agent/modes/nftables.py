"""Rules in nftables mode: a step is a text, and nothing drains.

body -> tables, text               current, desired -> the text of the difference

Open connections keep their translation.  Source: contract.md, "GET /nodes/{name}/nftables"; spec
ipvs 8.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from app.agent.modes.mode import Changes, Mode, Plan, Whole
from app.agent.modes.node_texts import read_changes, read_whole
from app.domain.dataplane.nftables.loading import loaded
from app.domain.dataplane.nftables.state import Tables, encode_difference
from app.domain.dataplane.rules.health_checks import followed
from app.domain.dataplane.rules.order import OutOfOrder
from app.domain.errors import BadRequest
from waypost.client.errors import Misbehaved
from waypost.client.http.answer import Answer

if TYPE_CHECKING:
    from app.domain.dataplane.ipvs.operations import RealServerKey

NFT: Final = "nft -f -"


def _nftables_whole(answer: Answer) -> Whole[Tables]:
    rules = read_whole(answer.body)
    try:
        tables = loaded(rules.text, {})
    except BadRequest as error:
        raise Misbehaved(f"its nftables text cannot be parsed: {error}") from error
    return Whole(
        revision=rules.revision,
        state=tables,
        health_checks=followed(rules.health_checks, {}),
        is_eligible=rules.is_eligible,
    )


def _nftables_changes(answer: Answer) -> Changes[str]:
    changes = read_changes(answer.body)
    return Changes(
        revision=changes.revision,
        steps=(changes.text,) if changes.text else (),
        health_checks=changes.health_checks,
        is_eligible=changes.is_eligible,
    )


def _nftables_advanced(steps: Sequence[str], state: Tables) -> Tables:
    try:
        for step in steps:
            state = loaded(step, state)
    except BadRequest as error:
        raise OutOfOrder(str(error)) from error
    return state


def _nftables_plan(
    current: Tables, desired: Tables, _idle: "Collection[RealServerKey]"
) -> Plan[str]:
    text = encode_difference(current, desired)
    return Plan((text,) if text else ())


def _nftables_written(steps: Sequence[str]) -> str:
    return "".join(f"# {NFT}\n{step}" for step in steps)


NFTABLES: Final[Mode[Tables, str]] = Mode(
    name="nftables",
    empty={},
    decode_whole=_nftables_whole,
    decode_changes=_nftables_changes,
    advanced=_nftables_advanced,
    plan=_nftables_plan,
    written=_nftables_written,
)
"""One table per family."""
