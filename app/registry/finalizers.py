"""What becomes of finalizers that nobody would ever take off: they are left out, and named.

draft -> draft, and one warning that names the finalizers that were dropped
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from app.domain.objects.kinds import Object
from app.domain.registration.finalizers import lasting_finalizers
from app.registry.work import Work

NAMED_MAX = 10  # finalizers that one warning names

T = TypeVar("T", bound=Object)


def without_those_of_clusters(work: Work, draft: T) -> T:
    """Drop the finalizers of controllers that do not run here, with one warning."""
    lasting = lasting_finalizers(draft)
    kept = set(lasting)
    dropped = [name for name in draft.metadata.finalizers if name not in kept]
    if not dropped:
        return draft
    work.warnings.append(f"metadata.finalizers: {dropped_line(dropped)}")
    return replace(draft, metadata=replace(draft.metadata, finalizers=lasting))


def dropped_line(names: Sequence[str]) -> str:
    """Say which finalizers were dropped, and why."""
    listed = ", ".join(f'"{name}"' for name in names[:NAMED_MAX])
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    if len(names) == 1:
        return f"{listed} was dropped: the controller that would take it off does not run here"
    return f"{listed}{more} were dropped: the controllers that would take them off do not run here"
