"""ServiceCIDRs: ranges that can be added and retired while running.

    delete -> terminating (nothing new from it) -> gone once nothing needs it

Source: spec kubernetes-api 2.5 (KEP-1880).
"""

from dataclasses import replace
from datetime import timedelta

from app.domain.addresses import Prefix, parse_prefix
from app.domain.objects.kinds import SERVICE_CIDR
from app.domain.objects.meta import Condition
from app.domain.objects.service_cidr import FINALIZER, ServiceCIDR
from app.domain.registration import service_cidrs as rules
from app.domain.registration.finalizers import lasting_finalizers
from app.domain.snapshot import Snapshot
from app.registry.admission import require_valid
from app.registry.work import Work

RETIRES_AFTER = timedelta(seconds=10)  # what was allocated just before must be seen first


def admitted(current: ServiceCIDR | None, draft: ServiceCIDR) -> ServiceCIDR:
    """Accept a range and hold on to it with the finalizer; raises Invalid."""
    violations = rules.validate(draft) if current is None else rules.validate_update(current, draft)
    require_valid(draft, violations)
    if current is not None:
        return draft
    finalizers = tuple(dict.fromkeys((*draft.metadata.finalizers, FINALIZER)))
    meta = replace(draft.metadata, finalizers=finalizers)
    ready = Condition(
        type="Ready",
        status="True",
        message="Kubernetes Service CIDR is ready",
        last_transition_at=meta.created_at,
    )
    return replace(draft, metadata=meta, conditions=(ready,))


def delete(work: Work, current: ServiceCIDR) -> tuple[ServiceCIDR, bool]:
    """Retire a range: nothing new comes from it; says that it is not gone yet."""
    meta = replace(current.metadata, deleted_at=current.metadata.deleted_at or work.now)
    terminating = Condition(
        type="Ready",
        status="False",
        reason="Terminating",
        message="There are still IPAddresses referencing the ServiceCIDR, please remove them "
        "or create a new ServiceCIDR",
        last_transition_at=work.now,
    )
    retired = replace(current, metadata=meta, conditions=(terminating,))
    stored = work.put(retired)
    assert isinstance(stored, ServiceCIDR)
    return stored, False


def finish_retired(work: Work) -> None:
    """Remove the retired ranges that no allocation needs any more."""
    for key in sorted(work.snapshot.members("terminating", SERVICE_CIDR.name)):
        retired = work.snapshot.service_cidrs[key]
        asked_at = retired.metadata.deleted_at
        if asked_at is None or work.now < asked_at + RETIRES_AFTER:
            continue
        if set(lasting_finalizers(retired)) <= {FINALIZER} and not _is_needed(
            work.snapshot, retired
        ):
            work.remove(retired)


def _is_needed(snapshot: Snapshot, retired: ServiceCIDR) -> bool:
    """Whether an address would be left without a range that contains it."""
    others = (
        prefix
        for other in snapshot.service_cidrs.values()
        if other.metadata.key != retired.metadata.key and not other.metadata.is_terminating
        for prefix in _prefixes(other)
    )
    return rules.first_dependent(_prefixes(retired), others, snapshot.held_addresses) is not None


def _prefixes(served: ServiceCIDR) -> list[Prefix]:
    return [prefix for cidr in served.cidrs if (prefix := parse_prefix(cidr)) is not None]
