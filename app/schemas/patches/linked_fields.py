"""Fields that say one thing twice: a list, and its first entry under a name of its own.

    wire shape before, wire shape wanted -> the one wanted, its singular fields in step

Where both are given and differ, the singular one wins, as in Kubernetes.  A change
that names the list alone would so be lost to what it did not mention.
Source: spec kubernetes-api 1.9, for Services, whose rules are their own.
"""

from collections.abc import Mapping
from typing import cast

_PAIRS: Mapping[str, tuple[str, str, str]] = {
    "Pod": ("status", "podIP", "podIPs"),
    "Node": ("spec", "podCIDR", "podCIDRs"),
}


def in_step(current: Mapping[str, object], wanted: Mapping[str, object]) -> dict[str, object]:
    """Drop a singular field that stayed as it was although its list changed."""
    result = dict(wanted)
    part, singular, plural = _PAIRS.get(str(current.get("kind")), ("", "", ""))
    before, after = current.get(part), wanted.get(part)
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return result
    was, is_ = cast("Mapping[str, object]", before), cast("Mapping[str, object]", after)
    if was.get(singular) == is_.get(singular) and was.get(plural) != is_.get(plural):
        result[part] = {key: value for key, value in is_.items() if key != singular}
    return result
