"""What the user of a write may do besides, on the state that the write is decided on.

    Work, verb, kind, namespace, name -> nothing, or Forbidden

A request is authorised before its write is queued.  What only the decision shows (that an object
is not there yet, that a Namespace is missing, what is pruned) is asked here.

Source: access.md 2.1 and 2.10.
"""

from app.domain.access.attributes import Attributes
from app.domain.access.decision import Allowed, authorize
from app.domain.access.refusals import Refused
from app.domain.objects.resource import AnyResource
from app.domain.work import Work


def require_right(
    work: Work, verb: str, kind: AnyResource, namespace: str = "", name: str = ""
) -> None:
    """Raise Forbidden if the user of a write may not do this to objects of a kind."""
    decision = _decision(work, verb, kind, namespace, name)
    if isinstance(decision, Refused):
        raise decision.error


def has_right(
    work: Work, verb: str, kind: AnyResource, namespace: str = "", name: str = ""
) -> bool:
    """Whether the user of a write may do this to objects of a kind."""
    return not isinstance(_decision(work, verb, kind, namespace, name), Refused)


def _decision(
    work: Work, verb: str, kind: AnyResource, namespace: str, name: str
) -> Allowed | Refused:
    asked = Attributes(
        verb=verb, api_group=kind.group, resource=kind.plural, namespace=namespace, name=name
    )
    return authorize(work.snapshot, work.user, asked)
