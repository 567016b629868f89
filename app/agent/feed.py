"""What the registry sends of the rules of one node: the whole rule set, then changes.

Source: contract.md, "Routes".
"""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, Generic, TypeVar

from app.agent.modes.mode import Changes, Mode, Whole
from app.domain.names import Revision
from waypost.client.http.answer import BOUNDS
from waypost.client.http.registry_client import RegistryClient

RULES_VALUES_MAX: Final = 4_000_000  # five times the rules for 100,000 endpoints
AGENT_BOUNDS: Final = replace(BOUNDS, answer_values_max=RULES_VALUES_MAX)

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


@dataclass(slots=True)
class Feed(Generic[StateT, StepT]):
    """Reads the rules of one node in one mode; both methods raise WaypostError."""

    client: RegistryClient
    node: str
    mode: Mode[StateT, StepT]
    _tag: str = ""

    async def whole(self, *, only_if_changed: bool) -> Whole[StateT] | None:
        """Read the whole rule set; with ``only_if_changed`` None when it equals the last one."""
        tag = self._tag if only_if_changed else ""
        with self.client.failing_over():
            answer = await self.client.answer(
                "GET", f"/nodes/{self.node}/{self.mode.name}", tag=tag
            )
            if tag and answer.status_code == HTTPStatus.NOT_MODIFIED:
                return None
            whole = self.mode.decode_whole(answer)
        self._tag = answer.headers.get("etag", "")
        return whole

    async def changes(self, since: Revision, patience_s: int) -> Changes[StepT]:
        """Read the changes after a revision, waiting at most ``patience_s`` for the first."""
        query = {"since": str(since), "timeoutSeconds": str(patience_s)}
        path = f"/nodes/{self.node}/{self.mode.name}/changes"
        with self.client.failing_over():
            answer = await self.client.answer("GET", path, query=query, patience_s=patience_s)
            return self.mode.decode_changes(answer)
