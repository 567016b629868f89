"""When the rights of callers may have changed, so that streams are evaluated again there.

    view -> revisions at which a role, a binding or a token changed
    revision -> the state there

Thousands of streams ask after such a change, so its state is made once for all of them.

Source: access.md 2.9.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable

from app.domain.bounded import Bounded
from app.domain.changes import Change
from app.domain.errors import Expired
from app.domain.names import REVISION_ZERO, Revision
from app.domain.resources import WATCHED_BY_DEFAULT
from app.domain.snapshot import Snapshot
from app.registry.reads.view import Advance, View

REVISIONS_MAX = 4_096  # changes of rights that streams can be behind by
_STATES_MAX = 8  # states kept for the streams that ask next


class RightsHistory:
    """The revisions of a view at which rights may have changed."""

    def __init__(self, view: View, *, revisions_max: int = REVISIONS_MAX) -> None:
        self._view = view
        self._epoch = view.epoch
        self._revisions: deque[Revision] = deque(maxlen=revisions_max)
        self._states: Bounded[tuple[int, Revision], Snapshot] = Bounded(_STATES_MAX)
        self._forgotten = REVISION_ZERO
        self._add(view.history(view.compacted))
        view.subscribe(self._on_changes)

    def next_after(self, revision: Revision) -> Revision | None:
        """Find the first change of rights after a revision; None when there is none.

        Raises Expired when too many changes of rights followed.
        """
        if revision < self._forgotten:
            raise Expired("rights have changed too often since then: list again")
        found = bisect_right(self._revisions, revision)
        return self._revisions[found] if found < len(self._revisions) else None

    def state_at(self, revision: Revision) -> Snapshot:
        """Give the state at a revision; raises Expired when it is too long ago."""
        key = (self._view.epoch, revision)
        if (state := self._states.get(key)) is None:
            current = self._view.snapshot
            state = current.rewound(self._view.history(revision), to=revision)
            self._states[key] = state
        return state

    def _on_changes(self, advance: Advance) -> None:
        if self._epoch != self._view.epoch:
            self._epoch = self._view.epoch
            self._revisions.clear()
            self._forgotten = REVISION_ZERO
            self._add(self._view.history(self._view.compacted))
        else:
            self._add(advance.changes)

    def _add(self, changes: Iterable[Change]) -> None:
        for change in changes:
            known = self._revisions
            if change.kind in WATCHED_BY_DEFAULT or (known and known[-1] >= change.revision):
                continue
            if len(known) == known.maxlen:
                self._forgotten = known[0]
            known.append(change.revision)
