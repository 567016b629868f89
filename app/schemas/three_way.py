"""The merge that ``kubectl apply`` makes: last applied, wanted now, there now.

    (current, document) -> the document to write, noting what was applied

What the document says wins; what it said last time and says no longer goes;
what others wrote stays.  Lists are replaced whole.  Works on wire shapes.

Source: contract.md, "POST /apply"; spec kubernetes-api 5.7.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import cast

from app.schemas.linked_fields import in_step

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SERVER_OWNED = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)

_Wire = Mapping[str, object]


def apply_document(current: _Wire | None, document: _Wire) -> dict[str, object]:
    """Make what is to be written; ``current`` is None when nothing is there yet."""
    wanted = _without_server_owned(document)
    noted = _noting(wanted)
    if current is None:
        return noted
    last = _last_applied(current)
    if "status" in wanted and wanted["status"] == last.get("status"):
        # Nothing new is reported: what probes and registrars said since then counts.
        noted = {key: value for key, value in noted.items() if key != "status"}
        last = {key: value for key, value in last.items() if key != "status"}
    return in_step(current, _merged(current, last, noted))


def _merged(current: _Wire, last: _Wire, wanted: _Wire) -> dict[str, object]:
    result = {key: value for key, value in current.items() if key in wanted or key not in last}
    for key, value in wanted.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged_value(current.get(key), last.get(key), value)
    return result


def _merged_value(current: object, last: object, wanted: object) -> object:
    if isinstance(wanted, dict) and isinstance(current, dict):
        was: _Wire = cast("_Wire", last) if isinstance(last, dict) else {}
        return _merged(cast("_Wire", current), was, cast("_Wire", wanted))
    return cast("object", wanted)


def _without_server_owned(document: _Wire) -> dict[str, object]:
    wanted = deepcopy(dict(document))
    metadata = wanted.get("metadata")
    if isinstance(metadata, dict):
        kept = cast("dict[str, object]", metadata)
        for field in _SERVER_OWNED:
            kept.pop(field, None)
        annotations = kept.get("annotations")
        if isinstance(annotations, dict):
            cast("dict[str, object]", annotations).pop(LAST_APPLIED, None)
    return wanted


def _noting(wanted: dict[str, object]) -> dict[str, object]:
    """Add the annotation that the next apply will read."""
    metadata = wanted.get("metadata")
    if not isinstance(metadata, dict):
        return wanted
    meta = cast("dict[str, object]", metadata)
    annotations: object = meta.get("annotations") or {}
    if not isinstance(annotations, dict):
        return wanted  # decoding will refuse it in the client's own terms
    text = json.dumps(wanted, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    noted = {**cast("dict[str, object]", annotations), LAST_APPLIED: text}
    return {**wanted, "metadata": {**meta, "annotations": noted}}


def _last_applied(current: _Wire) -> _Wire:
    match current:
        case {
            "metadata": {
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": str(text)}
            }
        }:
            try:
                last = cast("object", json.loads(text))
            except ValueError:
                return {}
            return cast("_Wire", last) if isinstance(last, dict) else {}
        case _:
            return {}
