"""The rules of one node, as a registry tells them: whole, then what happened since.

Source: contract.md, "Routes".
"""

from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from app.agent.mode import Mode, News, Whole
from app.client.bounded_reading import BOUNDS
from app.client.errors import RegistryMisbehaved
from app.client.registry_client import RegistryClient
from app.domain.names import Revision

RULES_VALUES_MAX: Final = 4_000_000  # a node beside 100,000 endpoints is told a fifth of that
AGENT_BOUNDS: Final = replace(BOUNDS, answer_values_max=RULES_VALUES_MAX)

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


@dataclass(slots=True)
class Feed(Generic[StateT, StepT]):
    """What one node is to be told, in one mode; both questions raise RegistryError."""

    client: RegistryClient
    node: str
    mode: Mode[StateT, StepT]
    _tag: str = ""

    async def whole(self, *, is_news_only: bool) -> Whole[StateT] | None:
        """Read everything; with ``is_news_only`` None when it is what was read last."""
        tag = self._tag if is_news_only else ""
        with self.client.judging():
            answer = await self.client.get(f"/nodes/{self.node}/{self.mode.name}", tag=tag)
            if answer is None:
                return None
            whole = self.mode.decode_whole(answer)
        self._tag = answer.headers.get("etag", "")
        return whole

    async def news(self, since: Revision, patience_s: int) -> News[StepT]:
        """Read what happened after a revision, waiting for something to happen at most so long."""
        query = {"since": str(since), "timeoutSeconds": str(patience_s)}
        path = f"/nodes/{self.node}/{self.mode.name}/changes"
        with self.client.judging():
            answer = await self.client.get(path, query=query, patience_s=patience_s)
            if answer is None:
                raise RegistryMisbehaved("it says that nothing has changed, which nobody asked")
            return self.mode.decode_news(answer)
