"""Authorisation by routes: for what their body names, and for what only a decision finds out.

    request, attributes -> nothing, or Forbidden in Kubernetes' words

What the path and the query name has been judged before the route.

Source: access.md 2.1 and 2.3.
"""

from collections.abc import Iterable

from app.domain.access.attributes import Attributes
from app.domain.access.decision import authorize
from app.domain.access.refusals import Refused
from app.domain.access.subjects import User
from app.domain.snapshot import Snapshot


def require(snapshot: Snapshot, user: User, asked: Iterable[Attributes]) -> None:
    """Raise Forbidden for the first of several attributes that is not allowed."""
    if (refused := first_refusal(snapshot, user, asked)) is not None:
        raise refused.error


def first_refusal(snapshot: Snapshot, user: User, asked: Iterable[Attributes]) -> Refused | None:
    """Find the first of several attributes that is not allowed."""
    for attributes in asked:
        decision = authorize(snapshot, user, attributes)
        if isinstance(decision, Refused):
            return decision
    return None
