"""Requests for a revision that this process has not reached: which of them may wait for it.

    what the request shows at the present state -> it waits, counted for its user
                                                -> it waits, as one of a few strangers
                                                -> it is evaluated at once

A request waits before it is evaluated, as its token may be as new as the revision.  So that nobody
fills the server with waiting requests, one whose user is known counts for that user meanwhile.  Of
those with tokens that are not known yet only a few wait; the others, anonymous ones included, gain
nothing by it.

Source: access.md 1.1 and 5.4.
"""

from contextlib import suppress
from typing import Final

from starlette.types import Scope

from app.api.credentials.outcomes import Authenticated, Failure, Method, Outcome, Refused
from app.api.http.slots import count_for
from app.domain.errors import RevisionAhead
from app.domain.names import Revision
from app.domain.snapshot import Snapshot
from app.registry.reads.view import View

STRANGERS_MAX: Final = 16  # requests with unknown tokens that wait at once


class Ahead:
    """The requests of one process that wait."""

    def __init__(self, *, strangers_max: int = STRANGERS_MAX) -> None:
        self._strangers_max = strangers_max
        self._strangers = 0

    async def wait(
        self, scope: Scope, view: View, revision: Revision, present: Outcome
    ) -> Snapshot:
        """Give the state to evaluate a request on, at once if it may not wait.

        ``present`` is what the present state says of its caller.  Raises RevisionAhead when the
        revision does not come for a known user, and Overloaded when that user has too many
        requests.
        """
        match present:
            case Authenticated() if present.method is not Method.ANONYMOUS:
                count_for(scope, present.user.name)
                return await view.wait_for(revision)
            case Refused(failure=Failure.UNKNOWN) if self._strangers < self._strangers_max:
                self._strangers += 1
                try:
                    with suppress(RevisionAhead):  # a stranger still: its failure is counted
                        await view.wait_for(revision)
                finally:
                    self._strangers -= 1
            case _:
                pass
        return view.snapshot
