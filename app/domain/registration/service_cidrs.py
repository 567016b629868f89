"""ServiceCIDRs: every rule that one must obey, and how a range is retired at run time.

    current, desired -> violations
    its prefixes, those of others, held addresses -> an address that only it contains
    delete -> terminating (no new allocations) -> removed once no address needs it

Source: spec kubernetes-api 2.5 (KEP-1880).
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from app.domain.addresses import (
    Address,
    IPFamily,
    Prefix,
    family_of,
    parse_prefix,
)
from app.domain.copies import replace
from app.domain.errors import Violation
from app.domain.objects.meta import Condition
from app.domain.objects.service_cidr import FINALIZER, SERVICE_CIDR, ServiceCIDR
from app.domain.occupied import Occupied
from app.domain.registration.finalizers import lasting_finalizers
from app.domain.registration.strategy import Remove, Strategy
from app.domain.registration.validation.addresses import prefix_violations
from app.domain.snapshot import Snapshot
from app.domain.violations import invalid, required
from app.domain.work import Work

CIDRS_MAX = 2  # one per family
IPV6_LENGTH_MIN = 64  # bits of an IPv6 prefix
RETIRES_AFTER = timedelta(seconds=10)  # allocations made just before must become visible first

_FIELD = "spec.cidrs"
_IMMUTABLE = "field is immutable"


def range_violations(field: str, text: str) -> Iterable[Violation]:
    """List what keeps a text from being a range of ClusterIPs."""
    malformed = prefix_violations(field, text)
    if malformed:
        yield from malformed
        return
    prefix = parse_prefix(text)
    assert prefix is not None, "malformed prefixes are refused before"
    if str(prefix) != text:
        yield invalid(field, text, f'must be in canonical form ("{prefix}")')
    if family_of(prefix) == IPFamily.IPV6 and prefix.prefixlen < IPV6_LENGTH_MIN:
        yield invalid(field, text, f"an IPv6 range has at least {IPV6_LENGTH_MIN} prefix bits")


def first_dependent(
    own: Iterable[Prefix], others: Iterable[Prefix], held: Mapping[IPFamily, Occupied]
) -> Address | None:
    """Find a held address that only ``own`` prefixes contain; None when these can be removed.

    The cost grows with the number of prefixes, not of held addresses.
    """
    kept = tuple(others)
    for prefix in own:
        family = family_of(prefix)
        last = int(prefix.broadcast_address)
        number = held[family].next_held(int(prefix.network_address), last)
        while number is not None:
            address = prefix[number - int(prefix.network_address)]
            ends = [
                int(other.broadcast_address)
                for other in kept
                if other.version == prefix.version and address in other
            ]
            if not ends:
                return address
            number = held[family].next_held(max(ends) + 1, last)
    return None


def _rules(current: ServiceCIDR | None, desired: ServiceCIDR) -> Iterable[Violation]:
    if current is None:
        return _cidr_violations(desired.cidrs)
    return _change_violations(current.cidrs, desired.cidrs)


def _cidr_violations(cidrs: tuple[str, ...]) -> tuple[Violation, ...]:
    if not cidrs:
        return (required(_FIELD, "at least one CIDR required"),)
    if len(cidrs) > CIDRS_MAX:
        return (invalid(_FIELD, cidrs, f"may only hold up to {CIDRS_MAX} values"),)
    families = {family_of(prefix) for text in cidrs if (prefix := parse_prefix(text)) is not None}
    if len(cidrs) == CIDRS_MAX and len(families) != CIDRS_MAX:
        detail = (
            "may specify no more than one IP for each IP family, "
            "such as 192.168.0.0/24 and 2001:db8::/96"
        )
        return (invalid(_FIELD, cidrs, detail),)
    found: list[Violation] = []
    for index, text in enumerate(cidrs):
        found.extend(range_violations(f"{_FIELD}[{index}]", text))
    return tuple(found)


def _change_violations(before: tuple[str, ...], after: tuple[str, ...]) -> Iterable[Violation]:
    """Allow appending a range of the other family, and nothing else."""
    if len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                yield invalid(f"{_FIELD}[{index}]", new, _IMMUTABLE)
    elif (len(before), len(after)) == (1, CIDRS_MAX):
        if before[0] != after[0]:
            yield invalid(f"{_FIELD}[0]", after[0], _IMMUTABLE)
        yield from _cidr_violations(after)
    else:
        yield invalid(_FIELD, after, _IMMUTABLE)


def _prepare(_: Work, current: ServiceCIDR | None, draft: ServiceCIDR) -> ServiceCIDR:
    """Mark a new range ready, and protect it by the finalizer."""
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


def _delete(work: Work, current: ServiceCIDR, _: Remove) -> tuple[ServiceCIDR, bool]:
    """Retire a range: no address is allocated from it any more; it is never gone right away."""
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


def _finish_retired(work: Work) -> None:
    """Remove the retired ranges that no allocated address needs."""
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
    """Whether an allocated address would be left outside every range."""
    others = (
        prefix
        for other in snapshot.service_cidrs.values()
        if other.metadata.key != retired.metadata.key and not other.metadata.is_terminating
        for prefix in _prefixes(other)
    )
    return first_dependent(_prefixes(retired), others, snapshot.held_addresses) is not None


def _prefixes(served: ServiceCIDR) -> list[Prefix]:
    return [prefix for cidr in served.cidrs if (prefix := parse_prefix(cidr)) is not None]


STRATEGY = Strategy(
    rules=_rules,
    prepare=_prepare,
    delete=_delete,
    finish_in_time=_finish_retired,
)
