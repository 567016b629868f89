"""Transition times of conditions, for reports that leave them out.

    current conditions, reported conditions, now -> the reported ones, each with its time

A report that repeats the same status keeps the time of the first report.
Source: contract.md, "Objects"; spec kubernetes-api 1.2, the row of ``status.conditions``.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from app.domain.objects.meta import Condition


def with_transitions(
    current: Iterable[Condition], desired: Iterable[Condition], now: datetime
) -> tuple[Condition, ...]:
    """Set when each condition took its present status, in whole seconds as on the wire."""
    current_by_type = {condition.type: condition for condition in current}
    second = now.replace(microsecond=0)
    return tuple(_timed(current_by_type.get(each.type), each, second) for each in desired)


def _timed(before: Condition | None, after: Condition, now: datetime) -> Condition:
    reported_at = after.last_transition_at
    if before is None:
        return after if reported_at is not None else replace(after, last_transition_at=now)
    # A patch that flips only the status carries the previous time along: that one is stale.
    if reported_at not in (None, before.last_transition_at):
        return after
    if after.status == before.status:
        return replace(after, last_transition_at=before.last_transition_at)
    return replace(after, last_transition_at=now)
