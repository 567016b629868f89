"""What becomes of finalizers that nobody would ever take off: they are left out, and named.

draft -> draft, and a warning for each finalizer that was dropped
"""

from dataclasses import replace
from typing import TypeVar

from app.domain.objects.kinds import Object
from app.domain.registration.finalizers import lasting_finalizers
from app.registry.work import Work

T = TypeVar("T", bound=Object)


def without_those_of_clusters(work: Work, draft: T) -> T:
    """Drop the finalizers of controllers that do not run here, with a warning."""
    lasting = lasting_finalizers(draft)
    dropped = [name for name in draft.metadata.finalizers if name not in lasting]
    if not dropped:
        return draft
    work.warnings.extend(
        f'metadata.finalizers: "{name}" was dropped: the controller that would take it off '
        "does not run here"
        for name in dropped
    )
    return replace(draft, metadata=replace(draft.metadata, finalizers=lasting))
