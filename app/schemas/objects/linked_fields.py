"""Fields that say one thing twice: a list, and its first entry under a name of its own.

    wire shape before, wire shape wanted -> the one wanted, its singular fields in step

Where both are given and differ, the singular one wins, as in Kubernetes.  A change
that names the list alone would so be lost to what it did not mention.
Source: spec kubernetes-api 1.9, for Services, whose rules are their own.
"""

from collections.abc import Mapping
from typing import cast

from app.domain.resources import RESOURCES_BY_KIND
from app.schemas.objects.wires import wire_of


def in_step(current: Mapping[str, object], wanted: Mapping[str, object]) -> dict[str, object]:
    """Drop a singular field that stayed as it was although its list changed."""
    result = dict(wanted)
    resource = RESOURCES_BY_KIND.get(str(current.get("kind")))
    linked = None if resource is None else wire_of(resource).linked
    if linked is None:
        return result
    part, singular, plural = linked
    before, after = current.get(part), wanted.get(part)
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return result
    was, is_ = cast("Mapping[str, object]", before), cast("Mapping[str, object]", after)
    if was.get(singular) == is_.get(singular) and was.get(plural) != is_.get(plural):
        result[part] = {key: value for key, value in is_.items() if key != singular}
    return result
