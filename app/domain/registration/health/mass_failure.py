"""Whether endpoints that fell silent are let go, or kept because too many did at once.

    Service, its endpoints' heartbeats, now -> Judgement(held, let go, condition)

When most endpoints of a Service stop answering in one moment, the likelier
cause is the network, or whoever listens for heartbeats: the last known set then
serves better than none.  Nothing here knows how heartbeats arrive or how a
judgement is carried out.  A Pod of several Services stays as long as one of
them holds it.

Source: contract.md, "Objects", for leases; Eureka's self-preservation is the
same idea for a whole registry.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.errors import CauseReason, Violation
from app.domain.names import NamespacedName
from app.domain.objects.meta import Condition, is_condition_true
from app.domain.objects.service import MASS_FAILURE_GUARD, Service
from app.domain.times import format_time

SHARE_DEFAULT = 0.5  # of a Service's ready endpoints; the guard holds above it
MINIMUM_DEFAULT = 5  # endpoints; fewer are always let go
WINDOW_S_DEFAULT = 60  # losses further apart than this are not one event

SHARE_ANNOTATION = "waypost/mass-failure-share"
MINIMUM_ANNOTATION = "waypost/mass-failure-minimum"
OFF = "off"

TOO_MANY_LOST = "TooManyLost"
HEARTBEATS_RETURNED = "HeartbeatsReturned"
SWITCHED_OFF = "SwitchedOff"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPolicy:
    """When the guard holds: more than ``share`` (0 to 1) and at least ``minimum`` are lost."""

    share: float = SHARE_DEFAULT
    minimum: int = MINIMUM_DEFAULT
    window_s: int = WINDOW_S_DEFAULT
    is_on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A Pod that was a ready endpoint until its heartbeats, or its node's, ran out.

    ``is_held`` tells that the guard keeps it serving so far.
    """

    pod: NamespacedName
    since: datetime
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What becomes of the silent Pods; ``condition`` is None when the Service never had one."""

    held: frozenset[NamespacedName] = frozenset[NamespacedName]()
    let_go: frozenset[NamespacedName] = frozenset[NamespacedName]()
    condition: Condition | None = None


def judge(
    service: Service,
    silences: Iterable[Silence],
    *,
    answering: int,
    policy: GuardPolicy,
    now: datetime,
) -> Judgement:
    """Decide over the silent endpoints of a Service; ``answering`` counts its other ready ones.

    Silences count that began within the window, or are held already.  Too many
    of them are all held, those let go a moment ago included; a silence older
    than the window that was let go stays so.  The guard ends when few enough
    are left, and lets these go.
    """
    every = sorted(silences, key=lambda silence: silence.pod)
    start = now - timedelta(seconds=policy.window_s)
    recent = [silence for silence in every if silence.is_held or silence.since > start]
    total = answering + len(recent)
    is_mass = len(recent) >= policy.minimum and len(recent) > policy.share * total
    kept = recent if policy.is_on and is_mass else []
    held = frozenset(silence.pod for silence in kept)
    return Judgement(
        held=held,
        let_go=frozenset(silence.pod for silence in every) - held,
        condition=_condition(service, len(held), total, policy, now),
    )


def policy_of(service: Service, default: GuardPolicy) -> GuardPolicy:
    """Read what a Service says for itself; what it does not say, or not validly, is the default."""
    annotations = service.metadata.annotations
    share_text = annotations.get(SHARE_ANNOTATION, "")
    share, minimum = _share(share_text), _minimum(annotations.get(MINIMUM_ANNOTATION, ""))
    return replace(
        default,
        is_on=share_text != OFF and (default.is_on or share is not None),
        share=default.share if share is None else share,
        minimum=default.minimum if minimum is None else minimum,
    )


def policy_violations(annotations: Mapping[str, str]) -> tuple[Violation, ...]:
    """Say what is wrong with the annotations that set the guard."""
    found: list[Violation] = []
    share, minimum = annotations.get(SHARE_ANNOTATION), annotations.get(MINIMUM_ANNOTATION)
    if share is not None and share != OFF and _share(share) is None:
        found.append(_violation(SHARE_ANNOTATION, f"must be {OFF}, or a number from 0 to 1"))
    if minimum is not None and _minimum(minimum) is None:
        found.append(_violation(MINIMUM_ANNOTATION, "must be a number from 1 to 99999"))
    return tuple(found)


def conditioned(service: Service, judgement: Judgement) -> Service:
    """Give the Service as its conditions should be; the same one when they are."""
    others = tuple(entry for entry in service.conditions if entry.type != MASS_FAILURE_GUARD)
    mine = () if judgement.condition is None else (judgement.condition,)
    wanted = (*others, *mine)
    return (
        service if set(wanted) == set(service.conditions) else replace(service, conditions=wanted)
    )


def _condition(
    service: Service, held: int, total: int, policy: GuardPolicy, now: datetime
) -> Condition | None:
    current = next((e for e in service.conditions if e.type == MASS_FAILURE_GUARD), None)
    was_holding = is_condition_true(service.conditions, MASS_FAILURE_GUARD)
    if not held and not was_holding:
        return current
    status = "True" if held else "False"
    changes = current is None or current.status != status
    at = now if changes or current is None else current.last_transition_at
    reason, message = _words(held, total, policy, now)
    return Condition(
        type=MASS_FAILURE_GUARD,
        status=status,
        reason=reason,
        message=message,
        last_transition_at=at,
    )


def _words(held: int, total: int, policy: GuardPolicy, now: datetime) -> tuple[str, str]:
    if held:
        return TOO_MANY_LOST, (
            f"{held} of {total} ready endpoints missed their heartbeats, more than "
            f"{policy.share:.0%} within {policy.window_s} s: all are kept until heartbeats return"
        )
    if not policy.is_on:
        return SWITCHED_OFF, "the guard was switched off: silent endpoints are let go"
    return HEARTBEATS_RETURNED, (
        f"enough of {total} endpoints answer again since {format_time(now)}: "
        "those still silent are let go"
    )


def _share(text: str) -> float | None:
    try:
        share = float(text)
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _minimum(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len("99999")
    return int(text) if is_number and int(text) > 0 else None


def _violation(annotation: str, message: str) -> Violation:
    return Violation(CauseReason.INVALID, f"metadata.annotations[{annotation}]", message)
