"""Authorisation by routes, of objects that their body names or that only they know.

    snapshot, user, attributes -> nothing, or Forbidden in Kubernetes' words
    snapshot, user, attributes -> the namespaces in which all of them are allowed

What the path and the query name has been evaluated before the route.

Source: access.md 2.1, 2.3 and 2.9.
"""

from collections.abc import Iterable

from app.domain.access.attributes import Attributes
from app.domain.access.decision import authorize, visible_namespaces
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


def visible(snapshot: Snapshot, user: User, asked: Iterable[Attributes]) -> frozenset[str] | None:
    """Find the namespaces in which everything that is asked for is allowed; None is all of them.

    Raises Forbidden when there is none.
    """
    limited = [
        (attributes, decision)
        for attributes in asked
        if isinstance(decision := authorize(snapshot, user, attributes), Refused)
    ]
    if not limited:
        return None
    found = [visible_namespaces(snapshot, user, attributes) for attributes, _ in limited]
    if not (shared := found[0].intersection(*found[1:])):
        raise limited[0][1].error
    return shared
