"""Since when a condition is as it is, for reports that do not say.

    conditions held, conditions reported, now -> the reported ones, each with its time

A report of the same status again changes nothing, and keeps the time of the first.
Source: contract.md, "Objects"; spec kubernetes-api 1.2, the row of ``status.conditions``.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from app.domain.objects.meta import Condition


def with_transitions(
    current: Iterable[Condition], desired: Iterable[Condition], now: datetime
) -> tuple[Condition, ...]:
    """Note when each condition took the status it has, to the second as on the wire."""
    held = {condition.type: condition for condition in current}
    second = now.replace(microsecond=0)
    return tuple(_timed(held.get(each.type), each, second) for each in desired)


def _timed(before: Condition | None, after: Condition, now: datetime) -> Condition:
    said = after.last_transition_at
    if before is None:
        return after if said is not None else replace(after, last_transition_at=now)
    # A patch that flips the status leaves the time that it does not mention.
    is_told = said not in (None, before.last_transition_at)
    if is_told:
        return after
    if after.status == before.status:
        return replace(after, last_transition_at=before.last_transition_at)
    return replace(after, last_transition_at=now)
