"""Linked fields: a list, and its first entry in a singular field.

    wire shape before, wire shape wanted -> the wanted one, with its linked fields in sync

If both are given and differ, the singular one wins, as in Kubernetes.  Without this step, a
change of the list alone would be overridden by the unchanged singular field.
Source: spec kubernetes-api 1.9, for Services, which have their own rules.
"""

from collections.abc import Mapping
from typing import cast

from app.domain.resources import RESOURCES_BY_KIND
from app.schemas.objects.wires import wire_of


def in_step(current: Mapping[str, object], wanted: Mapping[str, object]) -> dict[str, object]:
    """Drop a singular field that is unchanged although its list has changed."""
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
