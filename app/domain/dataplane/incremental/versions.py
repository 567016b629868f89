"""Versions of Services, found again for as long as nothing they were made from changes.

    Snapshot, keys -> ServiceVersion of each

A version is told from a stale one by the identity of the objects that it was made from,
so any snapshot may be asked about, in any order.  Not shared between threads.
"""

from collections.abc import Collection, Iterable, Mapping

from app.domain.bounded import Bounded
from app.domain.dataplane.incremental.service_version import ServiceVersion, service_version
from app.domain.dataplane.rules.conflicts import rivals
from app.domain.dataplane.rules.service_addresses import reaches
from app.domain.dataplane.rules.service_facts import service_facts
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

_VERSIONS_MAX = 2  # of a Service: before and after a change

_Source = tuple[Service, tuple[EndpointSlice, ...]]


class Versions:
    """The last versions of every Service."""

    def __init__(self, scheduler: str, *, unlisted_max: int) -> None:
        """Remember listed Services, and ``unlisted_max`` others that nodes which lag ask about."""
        self._scheduler = scheduler
        self._listed: dict[NamespacedName, list[ServiceVersion]] = {}
        self._unlisted: Bounded[NamespacedName, list[ServiceVersion]] = Bounded(unlisted_max)

    def __len__(self) -> int:
        """Count the Services of which something is remembered."""
        return len(self._listed) + len(self._unlisted)

    def listed(
        self, snapshot: Snapshot, keys: Collection[NamespacedName]
    ) -> dict[NamespacedName, ServiceVersion]:
        """Do what ``at`` does; those Services stay until a later list does not have them."""
        for key in self._unlisted.keys() & keys:
            self._listed[key] = self._unlisted.pop(key)
        found = self.at(snapshot, keys, is_listing=True)
        for key in keys:
            if key not in found:
                self._listed.pop(key, None)
        return found

    def at(
        self, snapshot: Snapshot, keys: Collection[NamespacedName], *, is_listing: bool = False
    ) -> dict[NamespacedName, ServiceVersion]:
        """Find or make the versions of several Services; those that are not there are left out."""
        sources = {
            key: (service, snapshot.slices_of(key))
            for key in keys
            if (service := snapshot.services.get(key)) is not None
        }
        found = {
            key: self._known(snapshot, known, source)
            if (known := self._listed.get(key) or self._unlisted.get(key))
            else None
            for key, source in sources.items()
        }
        missing = {key: sources[key] for key, version in found.items() if version is None}
        made = self._make(snapshot, missing)
        for key, version in made.items():
            kept = self._listed if is_listing or key in self._listed else self._unlisted
            kept[key] = [version, *kept.get(key, ())][:_VERSIONS_MAX]
        return {key: version or made[key] for key, version in found.items()}

    @staticmethod
    def _known(
        snapshot: Snapshot, versions: Iterable[ServiceVersion], source: _Source
    ) -> ServiceVersion | None:
        service, slices = source
        for version in versions:
            if version.service is service and _are_same(version.slices, slices):
                claimants = rivals(snapshot, service, version.facts.reaches)
                if _are_same(version.rivals, claimants):
                    return version
        return None

    def _make(
        self, snapshot: Snapshot, sources: Mapping[NamespacedName, _Source]
    ) -> dict[NamespacedName, ServiceVersion]:
        """Make several: stage by stage rather than Service by Service, 20 % faster in CPython."""
        services = [service for service, _ in sources.values()]
        reached = [reaches(service) for service in services]
        claimants = [
            rivals(snapshot, service, at) for service, at in zip(services, reached, strict=True)
        ]
        facts = [
            service_facts(service, slices, at, others=others, scheduler=self._scheduler)
            for (service, slices), at, others in zip(
                sources.values(), reached, claimants, strict=True
            )
        ]
        return {
            key: service_version(service, slices, others, each)
            for (key, (service, slices)), others, each in zip(
                sources.items(), claimants, facts, strict=True
            )
        }


def _are_same(left: tuple[object, ...], right: tuple[object, ...]) -> bool:
    return len(left) == len(right) and all(a is b for a, b in zip(left, right, strict=True))
