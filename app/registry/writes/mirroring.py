"""Endpoints objects of an apply, written as the slices that mirror them.

    Mirror, state -> slices created, changed and removed -> Reflection

Nothing else of an Endpoints object is stored.  Its slices are labelled for its Service, which
may be created later, and are deleted with it.
Source: contract.md, "POST /apply"; KEP-752.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.domain.copies import replace
from app.domain.errors import Invalid
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import ENDPOINT_SLICE, EndpointSlice
from app.domain.objects.endpoints import ENDPOINTS, Endpoints
from app.domain.registration.slices.metadata import SliceNames
from app.domain.registration.slices.mirroring import (
    ADDRESSES_MAX,
    Mirrored,
    mirrored,
    plan_mirrored,
    why_not_mirrored,
)
from app.domain.registration.slices.validation import endpoints_violations
from app.domain.snapshot import Snapshot
from app.domain.work import Work
from app.registry.writes import lifecycle


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """An Endpoints object of the body: ``position`` is its index there, from 0.

    ``read`` may refuse; its namespace is that of ``key``.
    """

    position: int
    key: NamespacedName
    read: Callable[[], Endpoints]

    @staticmethod
    def place(path: str) -> str:
        """Translate a path into a path of the document: the same, as it is not merged."""
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflection:
    """Result of mirroring: slices before and after; ``refusal`` says why there are none."""

    before: tuple[EndpointSlice, ...]
    after: tuple[EndpointSlice, ...]
    refusal: str = ""


def slices_mirrored_for(snapshot: Snapshot, service: NamespacedName) -> tuple[EndpointSlice, ...]:
    """List the slices that mirror the Endpoints object of a Service, by name."""
    return tuple(slice_ for slice_ in snapshot.slices_of(service) if slice_.is_mirrored)


def reflect(work: Work, mirror: Mirror) -> Reflection:
    """Write the slices of an Endpoints object; raises as ``read`` and the slices do, and Invalid.

    Written after all other objects of an apply, so that its Service may stand anywhere.
    """
    endpoints = mirror.read()
    meta = replace(endpoints.metadata, namespace=mirror.key.namespace, finalizers=())
    endpoints = replace(endpoints, metadata=meta)
    if violations := endpoints_violations(endpoints):
        raise Invalid(ENDPOINTS.name, mirror.key.name, violations)
    before = slices_mirrored_for(work.snapshot, mirror.key)
    service = work.snapshot.services.get(mirror.key)
    refusal = why_not_mirrored(endpoints, service)
    desired = Mirrored(metadata=meta, endpoints={}) if refusal else mirrored(endpoints)
    if desired.skipped:
        work.warnings.append(
            f"subsets: {desired.skipped} addresses are left out: "
            f"at most {ADDRESSES_MAX} are mirrored of those on the same ports"
        )
    if service is None and not refusal:
        work.warnings.append(
            f"there is no Service {mirror.key} yet: the addresses count when there is one, "
            "unless it has a selector"
        )
    _write(work, desired)
    after = slices_mirrored_for(work.snapshot, mirror.key)
    return Reflection(before=before, after=after, refusal=refusal)


def _write(work: Work, desired: Mirrored) -> None:
    planned = plan_mirrored(
        work.snapshot.slices_of(desired.metadata.key),
        desired,
        names=SliceNames(seed=work.seed(0), taken=work.snapshot.slices),
        triggered_at=work.now,
    )
    for gone in planned.delete:
        lifecycle.delete(work, ENDPOINT_SLICE, gone.metadata.key)
    for slice_ in planned.update:
        lifecycle.put(work, slice_)
    for slice_ in planned.create:
        lifecycle.create(work, slice_)
