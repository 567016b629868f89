"""Parameters of a list or a watch that contradict each other.

    ListQuery -> nothing, or Invalid with every contradiction

Source: spec kubernetes-api 5.3, 5.4 and 5.5.
"""

from collections.abc import Iterable

from app.domain.errors import CauseReason, Invalid, Violation
from app.schemas.objects.metadata import is_revision
from app.schemas.queries import ListQuery

_MATCH, _INITIAL = "resourceVersionMatch", "sendInitialEvents"
_ANY_REVISION = frozenset({"", "0"})


def require_consistent(query: ListQuery) -> None:
    """Raise Invalid when the parameters of a list or a watch contradict each other."""
    problems = _watch_problems(query) if query.watch else _list_problems(query)
    if causes := [Violation(CauseReason.FORBIDDEN, *problem) for problem in problems]:
        raise Invalid("ListOptions", "", causes)


def require_start(text: str, field: str) -> None:
    """Raise Invalid when the start of a stream is not a revision."""
    if text and not is_revision(text):
        message = f'Invalid value: "{text}": must be decimal'
        raise Invalid("ListOptions", "", (Violation(CauseReason.INVALID, field, message),))


def _list_problems(query: ListQuery) -> Iterable[tuple[str, str]]:
    if query.send_initial_events is not None:
        yield _INITIAL, "sendInitialEvents is forbidden for list"
    if not query.resource_version_match:
        return
    if query.continue_:
        yield _MATCH, "resourceVersionMatch is forbidden when continue is provided"
    if not query.resource_version:
        yield _MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided"
    elif query.resource_version_match == "Exact" and query.resource_version in _ANY_REVISION:
        yield _MATCH, 'resourceVersionMatch "Exact" is forbidden for resourceVersion "0"'


def _watch_problems(query: ListQuery) -> Iterable[tuple[str, str]]:
    if query.resource_version_match and query.send_initial_events is None:
        yield (
            _MATCH,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )
    elif query.resource_version_match == "Exact":
        yield _MATCH, "resourceVersionMatch must be NotOlderThan for watch"
