"""The mass-failure guard: keeps endpoints when too many miss their heartbeats at once.

    Service, its endpoints' missed heartbeats, now -> GuardOutcome(held, not ready, condition)

When most endpoints of a Service miss their heartbeats in one moment, the likelier
cause is the network, or the process that receives heartbeats: the last known set then
serves better than none.  How heartbeats arrive and how an outcome is applied is not known
here.  A Pod of several Services stays ready as long as one of them holds it.

Source: contract.md, "Objects", for leases; Eureka's self-preservation is the
same idea for a whole registry.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.copies import replace
from app.domain.errors import CauseReason, Violation
from app.domain.names import NamespacedName
from app.domain.objects.meta import Condition, format_time, is_condition_true
from app.domain.objects.service import MASS_FAILURE_GUARD, Service

SHARE_DEFAULT = 0.5  # of a Service's ready endpoints; the guard holds above it
MINIMUM_DEFAULT = 5  # endpoints; fewer are always marked not ready
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
    """A Pod that was a ready endpoint until its heartbeats, or its node's, were missed.

    ``is_held`` says that the guard has kept it ready so far.
    """

    pod: NamespacedName
    since: datetime
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardOutcome:
    """Pods to keep ready and Pods to mark not ready; a Service never guarded has no condition."""

    held: frozenset[NamespacedName] = frozenset[NamespacedName]()
    not_ready: frozenset[NamespacedName] = frozenset[NamespacedName]()
    condition: Condition | None = None


def judge(
    service: Service,
    silences: Iterable[Silence],
    *,
    answering: int,
    policy: GuardPolicy,
    now: datetime,
) -> GuardOutcome:
    """Evaluate a Service's endpoints that miss heartbeats; ``answering`` counts the other ready.

    Those count that began to miss them within the window, or are held already.  Too many
    of them are all held, even if marked not ready a moment ago; one that was marked not
    ready before the window stays so.  The guard ends when few enough are left, which are
    then marked not ready.
    """
    every = sorted(silences, key=lambda silence: silence.pod)
    start = now - timedelta(seconds=policy.window_s)
    recent = [silence for silence in every if silence.is_held or silence.since > start]
    total = answering + len(recent)
    is_mass = len(recent) >= policy.minimum and len(recent) > policy.share * total
    kept = recent if policy.is_on and is_mass else []
    held = frozenset(silence.pod for silence in kept)
    return GuardOutcome(
        held=held,
        not_ready=frozenset(silence.pod for silence in every) - held,
        condition=_condition(service, len(held), total, policy, now),
    )


def policy_of(service: Service, default: GuardPolicy) -> GuardPolicy:
    """Read the policy from a Service's annotations; absent and invalid ones mean the default."""
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
    """List what is wrong with the annotations that set the guard."""
    found: list[Violation] = []
    share, minimum = annotations.get(SHARE_ANNOTATION), annotations.get(MINIMUM_ANNOTATION)
    if share is not None and share != OFF and _share(share) is None:
        found.append(_violation(SHARE_ANNOTATION, f"must be {OFF}, or a number from 0 to 1"))
    if minimum is not None and _minimum(minimum) is None:
        found.append(_violation(MINIMUM_ANNOTATION, "must be a number from 1 to 99999"))
    return tuple(found)


def conditioned(service: Service, outcome: GuardOutcome) -> Service:
    """Set the guard's condition of a Service; the same Service when nothing differs."""
    others = tuple(entry for entry in service.conditions if entry.type != MASS_FAILURE_GUARD)
    own = () if outcome.condition is None else (outcome.condition,)
    wanted = (*others, *own)
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
    reason, message = _reason_and_message(held, total, policy, now)
    return Condition(
        type=MASS_FAILURE_GUARD,
        status=status,
        reason=reason,
        message=message,
        last_transition_at=at,
    )


def _reason_and_message(
    held: int, total: int, policy: GuardPolicy, now: datetime
) -> tuple[str, str]:
    if held:
        return TOO_MANY_LOST, (
            f"{held} of {total} ready endpoints missed their heartbeats, more than "
            f"{policy.share:.0%} within {policy.window_s} s: all are kept until heartbeats return"
        )
    if not policy.is_on:
        return SWITCHED_OFF, (
            "the guard was switched off: endpoints that miss heartbeats are marked not ready"
        )
    return HEARTBEATS_RETURNED, (
        f"enough of {total} endpoints send heartbeats again since {format_time(now)}: "
        "the others are marked not ready"
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
