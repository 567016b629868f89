"""Rules kept from one question to the next, for all nodes at once.

    Snapshot, Service key, NodeView -> what was made of its ServiceRules

A Service is worked out once for as long as neither it, nor its slices, nor a
Service that claims one of its addresses change; then once for each way in which
nodes see it.  Entries are told from stale ones by the identity of the objects
they were made from, so any snapshot may be asked about, in any order.

Not shared between threads.  What is made of the rules is the caller's affair.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.domain.dataplane.claims import rivals
from app.domain.dataplane.reach import reaches
from app.domain.dataplane.rules import RulesConfig, ServiceRules
from app.domain.dataplane.service_facts import ServiceFacts, service_facts
from app.domain.dataplane.service_rules import NodeView, Sight, service_rules, sight
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

T = TypeVar("T")
Render = Callable[[ServiceRules, NodeView], T]

_VERSIONS_MAX = 2  # of a Service: before and after a change
_RECENT_MAX = 8  # questions about several Services
_SIGHTS_MAX = 8_192  # ways in which nodes see one version of a Service


@dataclass(slots=True)
class _Version(Generic[T]):
    """One Service as it was, and what has been made of it."""

    service: Service
    slices: tuple[EndpointSlice, ...]
    others: tuple[Service, ...]
    facts: ServiceFacts
    made: dict[Sight, T] = field(default_factory=dict[Sight, T])

    def is_made_from(self, service: Service, slices: tuple[EndpointSlice, ...]) -> bool:
        return self.service is service and _are_same(self.slices, slices)


class RulesCache(Generic[T]):
    """Makes ``render`` of the rules of Services, and remembers it."""

    def __init__(self, config: RulesConfig, render: Render[T]) -> None:
        self.config = config
        self._render = render
        self._versions: dict[NamespacedName, list[_Version[T]]] = {}
        self._recent: deque[
            tuple[Snapshot, tuple[NamespacedName, ...], tuple[_Version[T], ...]]
        ] = deque(maxlen=_RECENT_MAX)
        self._snapshot = Snapshot()
        self._listed: dict[NamespacedName, _Version[T]] = {}  # in order of the keys

    def every(
        self, snapshot: Snapshot, keys: tuple[NamespacedName, ...], view: NodeView
    ) -> Iterator[T]:
        """Give what is made of each of several Services, invisible ones left out."""
        return (self._made(version, view) for version in self._resolved(snapshot, keys))

    def _resolved(
        self, snapshot: Snapshot, keys: tuple[NamespacedName, ...]
    ) -> tuple[_Version[T], ...]:
        """Find the versions of several Services, once for all nodes that ask about them."""
        for known_snapshot, known_keys, versions in self._recent:
            if known_snapshot is snapshot and known_keys is keys:
                return versions
        found = (self._version(snapshot, key) for key in keys)
        versions = tuple(v for v in found if v is not None and v.facts.ports)
        self._recent.append((snapshot, keys, versions))
        return versions

    def all(self, snapshot: Snapshot, view: NodeView) -> Iterator[T]:
        """Give what is made of each Service, in order of their keys."""
        self._list(snapshot)
        for version in self._listed.values():
            if version.facts.ports:
                yield self._made(version, view)

    def _list(self, snapshot: Snapshot) -> None:
        """Bring the list of all Services up to a snapshot, at the cost of what differs."""
        known, self._snapshot = self._snapshot, snapshot
        if known is snapshot:
            return
        was_empty, has_newcomers = not self._listed, False
        # In order, because neighbours by name are mostly neighbours in memory, too.
        for key in sorted(_differing(known, snapshot)):
            version = self._version(snapshot, key)
            if version is None:
                self._listed.pop(key, None)
                self._versions.pop(key, None)
            else:
                has_newcomers |= not was_empty and key not in self._listed
                self._listed[key] = version
        if has_newcomers:
            self._listed = dict(sorted(self._listed.items()))

    def _version(self, snapshot: Snapshot, key: NamespacedName) -> _Version[T] | None:
        service = snapshot.services.get(key)
        if service is None:
            return None
        slices = snapshot.slices_of(key)
        known = self._versions.setdefault(key, [])
        for version in known:
            if version.is_made_from(service, slices):
                others = rivals(snapshot, service, version.facts.reaches)
                if _are_same(version.others, others):
                    return version
        version = self._make(snapshot, service, slices)
        known.insert(0, version)
        del known[_VERSIONS_MAX:]
        return version

    def _made(self, version: _Version[T], view: NodeView) -> T:
        seen = sight(version.facts, view)
        made = version.made.get(seen)
        if made is None:
            if len(version.made) >= _SIGHTS_MAX:
                version.made.clear()
            made = version.made[seen] = self._render(
                service_rules(version.facts, view, seen.stand), view
            )
        return made

    def _make(
        self, snapshot: Snapshot, service: Service, slices: tuple[EndpointSlice, ...]
    ) -> _Version[T]:
        reached = reaches(service)
        others = rivals(snapshot, service, reached)
        facts = service_facts(
            service, slices, reached, others=others, scheduler=self.config.scheduler
        )
        return _Version(service, slices, others, facts)


def _differing(known: Snapshot, snapshot: Snapshot) -> set[NamespacedName]:
    """List the Services that two snapshots may see differently."""
    if not known.services:
        return set(snapshot.services)
    differing = set(known.services.differences(snapshot.services))
    for key in known.slices.differences(snapshot.slices):
        sides = (known.slices.get(key), snapshot.slices.get(key))
        differing.update(s.service for s in sides if s is not None and s.service is not None)
    for key in tuple(differing):
        differing |= _rival_keys(known, key) | _rival_keys(snapshot, key)
    return differing


def _rival_keys(snapshot: Snapshot, key: NamespacedName) -> set[NamespacedName]:
    service = snapshot.services.get(key)
    if service is None:
        return set()
    return {rival.metadata.key for rival in rivals(snapshot, service, reaches(service))}


def _are_same(left: tuple[object, ...], right: tuple[object, ...]) -> bool:
    return len(left) == len(right) and all(a is b for a, b in zip(left, right, strict=True))
