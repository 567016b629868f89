"""The permit of one stream, judged again at every revision at which rights have changed.

    Permit, RightsHistory, start -> StreamPermit
    revision reached, latest revision -> how far events may be sent, or why the stream ends

Source: access.md 2.9.
"""

from app.api import errors as api_errors
from app.api.access.identity import Permit
from app.api.objects.rights_history import RightsHistory
from app.domain import errors
from app.domain.names import Revision
from app.domain.snapshot import Snapshot


class StreamPermit:
    """Says which events a caller may be sent; everything without authentication (no permit)."""

    def __init__(
        self, permit: Permit | None, rights: RightsHistory, start: Revision, *, known_at: Revision
    ) -> None:
        """Judge from ``start`` on; the caller was authenticated by ``known_at``, maybe later."""
        self._permit, self._rights = permit, rights
        self._allowed_at, self._known_at = start, known_at
        self._is_start_checked = start >= known_at

    def refusal_now(self, snapshot: Snapshot) -> errors.DomainError | None:
        """Judge the permit on a present state, from which ``upto`` continues."""
        self._known_at = snapshot.revision
        return self._refusal_at(snapshot)

    def upto(self, sent: Revision, latest: Revision) -> Revision:
        """Give the last revision whose events may be sent; raises the refusal that ends the stream.

        An event of a revision is sent only if the caller had the right at that revision.
        """
        if self._permit is None:
            return latest
        if self._permit.has_ended:
            raise api_errors.Unauthenticated
        while (changed := self._rights.next_after(self._allowed_at)) is not None:
            if changed > latest:
                break
            if not self._is_start_checked:
                self._check_start()
            before = Revision(changed - 1)
            if sent < before:
                return before  # what precedes the change is sent first
            if (refusal := self._refusal_at(self._rights.state_at(changed))) is not None:
                raise refusal
        return latest

    def _refusal_at(self, snapshot: Snapshot) -> errors.DomainError | None:
        self._allowed_at = snapshot.revision
        if self._permit is None:
            return None
        return self._permit.refusal(snapshot, is_past=snapshot.revision < self._known_at)

    def _check_start(self) -> None:
        """Refuse to resume where the caller had no right yet: the present must be listed."""
        self._is_start_checked = True
        if self._refusal_at(self._rights.state_at(self._allowed_at)) is not None:
            raise errors.Expired("events since then are not visible to this caller: list again")
