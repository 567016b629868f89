"""What the answer of a resolution was made from, so that it can be kept until that changes.

    Snapshot, Resolved -> (Snapshot -> whether it leads to the same answer), or None

An answer is made from the subjects of the names that were asked for, and of the aliases that they
led to, as those of the DNS server are; and from the Pod that asks.  An answer that an upstream
server had a part in, or that too much of the state decides, has none.

Source: ``domain.discovery.zone.subjects`` and ``ground``.
"""

from collections.abc import Callable, Iterator
from operator import is_

from app.domain.discovery.resolution import Resolved
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.discovery.zone.ground import ground_of
from app.domain.discovery.zone.subjects import Subject, subjects_of
from app.domain.names import DomainName, parse_domain
from app.domain.snapshot import Snapshot

SUBJECTS_MAX = 64  # of one answer: long search lists name many
PARTS_MAX = 256  # objects that one answer was made from: comparing more costs too much


def resolution_ground(
    snapshot: Snapshot, resolved: Resolved, zone: ZoneConfig
) -> Callable[[Snapshot], bool] | None:
    """Give what says whether a state has all that an answer was made from; None if nothing can.

    ``snapshot`` is the state that the answer was made from.
    """
    if resolved.has_asked_upstream:
        return None
    subjects = _subjects(resolved, zone)
    if subjects is None or len(subjects) > SUBJECTS_MAX:
        return None
    pod = resolved.asked.pod

    def parts(state: Snapshot) -> tuple[object, ...]:
        asking = None if pod is None else state.pods.get(pod)
        return asking, *ground_of(state, subjects)

    before = parts(snapshot)
    if len(before) > PARTS_MAX:
        return None

    def holds(state: Snapshot) -> bool:
        now = parts(state)
        return len(now) == len(before) and all(map(is_, now, before))

    return holds


def _subjects(resolved: Resolved, zone: ZoneConfig) -> tuple[Subject, ...] | None:
    if any(step.reply.is_truncated for step in resolved.outcome.steps):
        return None  # the aliases that were left out are not known
    found: dict[Subject, None] = {}
    for name in dict.fromkeys(_names(resolved)):
        subjects = subjects_of(name, zone)
        if subjects is None:
            return None
        found.update(dict.fromkeys(subjects))
    if resolved.service is not None:
        found[resolved.service] = None  # a reverse name leads to it; its endpoints are explained
    return tuple(found)


def _names(resolved: Resolved) -> Iterator[DomainName]:
    """List the names that were looked up, those that aliases led to included."""
    for step in resolved.outcome.steps:
        yield step.query.name
        for record in step.reply.records:
            if record.rtype == "CNAME":
                yield parse_domain(record.value)
