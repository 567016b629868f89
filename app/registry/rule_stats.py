"""How long rules take to compute, and the revisions at which nodes are.

    a computation -> its duration, by what is computed
    a node asks what changed since a revision -> that is the revision of its rules

A node that asks another process is not seen here; nodes that are deleted are forgotten when the
list is read.  Source: contract.md, "GET /nodes/{name}/ipvs/changes".
"""

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from app.domain.bounded import Bounded
from app.domain.names import Revision
from app.domain.snapshot import Snapshot
from app.telemetry.durations import Timings

NODES_MAX: Final = 10_000  # remembered; the one heard of longest ago goes first


class Computation(StrEnum):
    """What is computed of rules."""

    AHEAD = "ahead"
    """What all nodes share, before they ask."""
    WHOLE = "whole"
    CHANGES = "changes"


def rule_timings() -> Timings:
    """Begin the durations of all computations."""
    return Timings(Computation)


class NodePosition(NamedTuple):
    """The revision whose rules a node has, and when it asked, in seconds since 1970."""

    revision: Revision
    asked_at_s: float


class NodePositions:
    """Where each node is that follows its rules through this process."""

    def __init__(
        self, *, now_s: Callable[[], float] = time.time, nodes_max: int = NODES_MAX
    ) -> None:
        self._now_s = now_s
        self._by_node: Bounded[str, NodePosition] = Bounded(nodes_max)

    def note(self, node: str, revision: Revision) -> None:
        """Note that a node has the rules of a revision."""
        self._by_node[node] = NodePosition(revision, self._now_s())

    def of(self, snapshot: Snapshot) -> Iterator[tuple[str, NodePosition]]:
        """Give those of the registered nodes."""
        for key in snapshot.nodes:
            position = self._by_node.get(key.name)
            if position is not None:
                yield key.name, position
