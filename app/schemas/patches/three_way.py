"""The apply of a document, as in ``kubectl apply``: a merge, and a record of the document.

    (current, document) -> the object to write, with the document in an annotation

The next apply removes what this document has and that one lacks.  The annotation is that of
Kubernetes, so that ``kubectl apply`` and ``waypost apply`` can be mixed; it does not count to
the size of a user's annotations, and is omitted when it would be too large itself.

Source: contract.md, "POST /apply"; spec kubernetes-api 5.7.
"""

import json
from collections.abc import Mapping
from typing import cast

from app.domain.objects.meta import LAST_APPLIED_ANNOTATION
from app.domain.registration.validation.metadata import LAST_APPLIED_SIZE_MAX_BYTES
from app.schemas.documents.containers import Container, levels_of
from app.schemas.objects.wires import in_step
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
    """Make the object to write; ``current`` is None when it does not exist yet.

    An unchanged dump of the object gives ``current`` itself: applying one is no declaration,
    and so is not recorded.
    """
    wanted = _without_server_owned(document)
    if current is None:
        return _noting(wanted, wanted)
    last = _last_applied(current)
    stated = wanted
    if "status" in wanted and wanted["status"] == last.get("status"):
        # The document reports nothing new: later reports of probes and registrars stay.
        stated = {key: value for key, value in wanted.items() if key != "status"}
        last = {key: value for key, value in last.items() if key != "status"}
    kind = str(current.get("kind"))
    merged = in_step(current, three_way_merge(kind, current, last, stated))
    if merged == current and _is_dump(document, current):
        return current
    return _noting(merged, wanted)


def is_remembered(content: _Wire) -> bool:
    """Whether the object to write has the applied document in its annotation."""
    return record_in(content) is not None


def record_in(content: _Wire) -> object:
    """Give the applied document in the annotation of an object to write; None without one."""
    return _annotations(content).get(LAST_APPLIED_ANNOTATION)


def names_server_owned(document: _Wire) -> bool:
    """Whether a document has metadata that only the server sets, as a dump of an object has."""
    return not fields_in(document.get("metadata")).keys().isdisjoint(_SERVER_OWNED)


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
    """Add the annotation for the next apply, or remove an old one."""
    metadata = content.get("metadata")
    if not isinstance(metadata, dict):
        return content  # decoding refuses it with a better message
    noted = {**_annotations(content)}
    noted.pop(LAST_APPLIED_ANNOTATION, None)
    if (text := _remembered(applied)) is not None:
        noted[LAST_APPLIED_ANNOTATION] = text
    meta = {**cast("_Wire", metadata), "annotations": noted}
    return {**content, "metadata": meta}


def _remembered(applied: dict[str, object]) -> str | None:
    """Encode the applied document for the annotation; None when it is too long."""
    size = 0
    for level in levels_of(applied):  # YAML aliases may repeat a long text many times
        size += sum(map(_own_size, level))
        if size > LAST_APPLIED_SIZE_MAX_BYTES:
            return None
    text = json.dumps(applied, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return (
        text if len(text.encode("utf-8", "surrogatepass")) <= LAST_APPLIED_SIZE_MAX_BYTES else None
    )


def _own_size(container: Container) -> int:
    """Count the characters of a container's keys and texts."""
    members = container.values() if isinstance(container, dict) else container
    keys = sum(map(len, container)) if isinstance(container, dict) else 0
    return keys + sum([len(each) for each in members if type(each) is str])


def _last_applied(current: _Wire) -> _Wire:
    try:
        last: object = json.loads(str(_annotations(current).get(LAST_APPLIED_ANNOTATION, "")))
    except (ValueError, RecursionError):
        return {}
    return cast("_Wire", last) if isinstance(last, dict) else {}


def _annotations(content: _Wire) -> _Wire:
    return fields_in(fields_in(content.get("metadata")).get("annotations"))


def _is_dump(document: _Wire, current: _Wire) -> bool:
    """Whether a document was printed by this server, from this object."""
    printed, held = (fields_in(wire.get("metadata")).get("uid") for wire in (document, current))
    return printed is not None and printed == held
