"""A line of the log for each write that was committed: what it did, and who wanted it.

    job -> revision, verb, object, user, request

The first object that a write has touched stands for all, whose number is given.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.domain.changes import ChangeType
from app.store.write_queue import Job

_VERBS: Final[Mapping[ChangeType, str]] = {
    ChangeType.ADDED: "create",
    ChangeType.MODIFIED: "update",
    ChangeType.DELETED: "delete",
}
_log = logging.getLogger(__name__)


def log_writes(jobs: Iterable[Job[Any]]) -> None:
    """Log the writes of a batch that were committed."""
    if not _log.isEnabledFor(logging.INFO):
        return
    for job in jobs:
        if job.refusal is None and job.changes:
            _log_write(job)


def _log_write(job: Job[Any]) -> None:
    first, count, origin = job.changes[0], len(job.changes), job.origin
    verb, key = _VERBS[first.type], first.key
    words = f"{verb} {first.kind} {key}"
    if count > 1:
        words += f" and {count - 1} more"
    if origin.user:
        words += f", by {origin.user}"
    if origin.request_id:
        words += f", request {origin.request_id}"
    named = {"namespace": key.namespace, "user": origin.user, "requestId": origin.request_id}
    fields = {
        "revision": first.revision,
        "verb": verb,
        "kind": first.kind,
        "name": key.name,
        "objects": count,
        **{name: value for name, value in named.items() if value},
    }
    _log.info("revision %d: %s", first.revision, words, extra={"fields": fields})
