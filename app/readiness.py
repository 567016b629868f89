"""The checks of `/readyz` of a server.

    change log and its view, policy, access control -> Check, one of each

Source: contract.md, "Routes"; access.md 1.3.
"""

from collections.abc import Sequence

from app.api.access.evaluation import Access
from app.api.dependencies import Check
from app.domain.work import Policy
from app.registry.writes.settings_check import contradictions
from app.store.change_log import ChangeLogFollower


def checks_of(
    follower: ChangeLogFollower, policy: Policy, access: Access | None
) -> Sequence[Check]:
    """List the checks of `/readyz`; a setting that contradicts the state is only a note.

    So is an issuer of tokens that cannot be reached, because its last keys stay in use.
    """
    found = contradictions(follower.view.snapshot, policy)
    checks = [
        Check("database", follower.problem and f"it {follower.problem}", "it is followed"),
        Check("state", *_lag(follower)),
        Check("settings", note="; ".join(map(str, found)) or "they agree with the state"),
    ]
    if access is not None:
        note = "; ".join(access.problems()) or "its sources are up to date"
        checks.append(Check("authentication", note=note))
    return checks


def _lag(follower: ChangeLogFollower) -> tuple[str, str]:
    """Return the problem of the state, and a note about its age."""
    view = follower.view
    revision = view.snapshot.revision
    if not view.is_synced:
        return "it has not been loaded yet", ""
    if follower.problem:
        return f"revision {revision}, how far behind is not known", ""
    behind = max(0, follower.latest - revision)
    return "", f"revision {revision}, {behind} behind the database"
