"""What ``kubectl apply`` does with a document: a merge, and a memory of what was applied.

    (current, document) -> the object to write, with an annotation of what was applied

The next apply takes out what this one named and that one leaves out.  The memory is Kubernetes'
own annotation, so that ``kubectl apply`` and ``waypost apply`` may take turns; it does not
count to the size of a user's annotations, and is left out where it would be too large itself.

Source: contract.md, "POST /apply"; spec kubernetes-api 5.7.
"""

import json
from collections.abc import Mapping
from typing import cast

from app.domain.objects.meta import LAST_APPLIED_ANNOTATION
from app.domain.registration.validation.metadata import LAST_APPLIED_SIZE_MAX_BYTES
from app.schemas.documents.json_text import members_of
from app.schemas.objects.linked_fields import in_step
from app.schemas.patches.keyed_lists import fields_in
from app.schemas.patches.object_merge import three_way_merge

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


def apply_document(current: dict[str, object] | None, document: _Wire) -> dict[str, object]:
    """Make what is to be written; ``current`` is None when nothing is there yet.

    A dump of the very object that changes nothing gives ``current`` itself: nobody has
    declared anything, so there is nothing to remember.
    """
    wanted = _without_server_owned(document)
    if current is None:
        return _noting(wanted, wanted)
    last = _last_applied(current)
    stated = wanted
    if "status" in wanted and wanted["status"] == last.get("status"):
        # Nothing new is reported: what probes and registrars said since then counts.
        stated = {key: value for key, value in wanted.items() if key != "status"}
        last = {key: value for key, value in last.items() if key != "status"}
    kind = str(current.get("kind"))
    merged = in_step(current, three_way_merge(kind, current, last, stated))
    if merged == current and _is_dump(document, current):
        return current
    return _noting(merged, wanted)


def is_remembered(content: _Wire) -> bool:
    """Whether what was applied is noted in the object to write."""
    return LAST_APPLIED_ANNOTATION in _annotations(content)


def _without_server_owned(document: _Wire) -> dict[str, object]:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return dict(document)
    kept = {**cast("_Wire", metadata)}
    for field in _SERVER_OWNED:
        kept.pop(field, None)
    if annotations := _annotations(document):
        kept["annotations"] = {
            key: value for key, value in annotations.items() if key != LAST_APPLIED_ANNOTATION
        }
    return {**document, "metadata": kept}


def _noting(content: dict[str, object], applied: dict[str, object]) -> dict[str, object]:
    """Add the annotation that the next apply will read, or take an old one out."""
    metadata = content.get("metadata")
    if not isinstance(metadata, dict):
        return content  # decoding will refuse it in the client's own terms
    noted = {**_annotations(content)}
    noted.pop(LAST_APPLIED_ANNOTATION, None)
    if (text := _remembered(applied)) is not None:
        noted[LAST_APPLIED_ANNOTATION] = text
    meta = {**cast("_Wire", metadata), "annotations": noted}
    return {**content, "metadata": meta}


def _remembered(applied: dict[str, object]) -> str | None:
    """Write down what was applied; None where that is too long to be kept."""
    size, pending = 0, cast("list[object]", [applied])
    while pending and size <= LAST_APPLIED_SIZE_MAX_BYTES:
        value = pending.pop()
        pending.extend(members_of(value))
        size += _own_size(value)
    if size > LAST_APPLIED_SIZE_MAX_BYTES:  # an alias may stand for a long text many times
        return None
    text = json.dumps(applied, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return (
        text if len(text.encode("utf-8", "surrogatepass")) <= LAST_APPLIED_SIZE_MAX_BYTES else None
    )


def _own_size(value: object) -> int:
    """Count the characters of a value itself: a text, or the keys of an object."""
    if isinstance(value, dict):
        return sum(len(key) for key in cast("_Wire", value))
    return len(value) if isinstance(value, str) else 1


def _last_applied(current: _Wire) -> _Wire:
    try:
        last: object = json.loads(str(_annotations(current).get(LAST_APPLIED_ANNOTATION, "")))
    except (ValueError, RecursionError):
        return {}
    return cast("_Wire", last) if isinstance(last, dict) else {}


def _annotations(content: _Wire) -> _Wire:
    return fields_in(fields_in(content.get("metadata")).get("annotations"))


def _is_dump(document: _Wire, current: _Wire) -> bool:
    """Whether a document was printed by this server, of this very object."""
    printed, held = (fields_in(wire.get("metadata")).get("uid") for wire in (document, current))
    return printed is not None and printed == held
