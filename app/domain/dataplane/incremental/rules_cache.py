"""Rules kept from one question to the next, for all nodes at once.

    Snapshot, Service key, NodeView -> what was made of its ServiceRules

A Service is worked out once for as long as neither it, nor its slices, nor a
Service that claims one of its addresses change; then once for each way in which
nodes see it.  Entries are told from stale ones by the identity of the objects
they were made from, so any snapshot may be asked about, in any order.

Not shared between threads.  What is made of the rules is the caller's affair.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.domain.dataplane.rules.conflicts import rivals
from app.domain.dataplane.rules.model import RulesConfig, ServiceRules
from app.domain.dataplane.rules.service_addresses import reaches
from app.domain.dataplane.rules.service_facts import ServiceFacts, service_facts
from app.domain.dataplane.rules.service_rules import (
    ELSEWHERE,
    NodeView,
    Place,
    Sight,
    is_mostly_alike,
    places_at,
    places_of,
    service_rules,
    sight,
)
from app.domain.dataplane.rules.topology import Standpoint
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import SERVICE_NAME_LABEL, EndpointSlice
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

T = TypeVar("T")
Render = Callable[[ServiceRules, NodeView], T]
Share = Callable[[T, T], T]
"""From what was made for one node and for another: the one, with equal parts of the other."""

_Source = tuple[Service, tuple[EndpointSlice, ...]]

_VERSIONS_MAX = 2  # of a Service: before and after a change
_RECENT_MAX = 8  # questions about several Services
_MANY = 1_024  # Services for which all slices are looked through instead of each one's own
UNLISTED_MAX = 256  # Services remembered that are not among those listed last: gone, or new
_SIGHTS_MAX = 8_192  # ways in which nodes see one version of a Service


def _as_made(made: T, _: T) -> T:
    return made


@dataclass(slots=True)
class Version(Generic[T]):
    """One Service as it was, and what has been made of it, by how nodes see it."""

    service: Service
    slices: tuple[EndpointSlice, ...]
    others: tuple[Service, ...]
    facts: ServiceFacts
    made: dict[Sight, T] = field(default_factory=dict[Sight, T])

    def is_made_from(self, source: _Source) -> bool:
        """Tell it from one that is stale."""
        return self.service is source[0] and _are_same(self.slices, source[1])

    def like(self, at: Sight) -> T | None:
        """Give what was made for nodes that see it most alike: of the zone, else of any."""
        zone = Sight(Standpoint(zone=at.stand.zone), *at[1:])
        return self.made.get(zone, next(iter(self.made.values()), None))


class _Asked(Generic[T]):
    """Several Services at a snapshot, and which of them are seen otherwise where."""

    __slots__ = ("keys", "made", "places", "snapshot", "versions")

    def __init__(
        self, snapshot: Snapshot, keys: tuple[NamespacedName, ...], versions: list[Version[T]]
    ) -> None:
        self.snapshot, self.keys, self.versions = snapshot, keys, versions
        self.places: dict[Place, list[int]] = {}
        for at, version in enumerate(versions):
            for place in places_of(version.facts):
                self.places.setdefault(place, []).append(at)
        self.made: list[T] | None = None  # for nodes that see nothing otherwise


class RulesCache(Generic[T]):
    """Makes ``render`` of the rules of Services, and remembers it."""

    def __init__(
        self,
        config: RulesConfig,
        render: Render[T],
        share: Share[T] = _as_made,
        *,
        unlisted_max: int = UNLISTED_MAX,
    ) -> None:
        self.config, self._unlisted_max = config, unlisted_max
        self._render, self._share = render, share
        self._versions: dict[NamespacedName, list[Version[T]]] = {}
        self._recent: deque[_Asked[T]] = deque(maxlen=_RECENT_MAX)
        self._snapshot = Snapshot()
        self._listed: dict[NamespacedName, Version[T]] = {}  # in order of the keys
        self._unlisted: dict[NamespacedName, None] = {}  # the last asked about at the end
        self.made_count = 0
        """How much has been made so far; what is remembered does not add to it."""

    def __len__(self) -> int:
        """Count the Services of which something is remembered."""
        return len(self._versions)

    def every(
        self, snapshot: Snapshot, keys: tuple[NamespacedName, ...], view: NodeView
    ) -> list[T]:
        """Give what is made of each of several Services, invisible ones left out.

        What most nodes see alike is looked up once for all of them.
        """
        asked = self._asked(snapshot, keys)
        if asked.made is None:
            seen = [
                ELSEWHERE if is_mostly_alike(version.facts) else sight(version.facts, view)
                for version in asked.versions
            ]
            asked.made = self._made(asked.versions, seen, view)
        made = list(asked.made)
        own = sorted({at for place in places_at(view) for at in asked.places.get(place, ())})
        for at, each in zip(own, self.made([asked.versions[at] for at in own], view), strict=True):
            made[at] = each
        return made

    def _asked(self, snapshot: Snapshot, keys: tuple[NamespacedName, ...]) -> "_Asked[T]":
        """Find the versions of several Services, once for all nodes that ask about them."""
        for asked in self._recent:
            if asked.snapshot is snapshot and asked.keys is keys:
                return asked
        found = self.versions_at(snapshot, keys)
        asked = _Asked(snapshot, keys, [each for each in found.values() if each.facts.ports])
        self._recent.append(asked)
        self._forget_unlisted()
        return asked

    def all(self, snapshot: Snapshot, view: NodeView) -> list[T]:
        """Give what is made of each Service, in order of their keys."""
        self._list(snapshot)
        return self.made([v for v in self._listed.values() if v.facts.ports], view)

    def prepare(self, snapshot: Snapshot, view: NodeView) -> None:
        """Make what ``all`` would give, at the cost of what differs from what it gave last."""
        found = self._list(snapshot)
        self.made([version for version in found if version.facts.ports], view)

    def _list(self, snapshot: Snapshot) -> Collection[Version[T]]:
        """Bring the list of all Services up to a snapshot; give what was new to it."""
        if self._snapshot is snapshot:
            return ()
        # In order, because neighbours by name are mostly neighbours in memory, too.
        keys = sorted(differing(self._snapshot, snapshot))
        found = self.versions_at(snapshot, keys)
        for key in keys:
            self._unlisted.pop(key, None)
            if key not in found:
                self._listed.pop(key, None)
                self._versions.pop(key, None)
        is_in_order = not self._listed or self._listed.keys() >= found.keys()
        self._listed.update(found)
        if not is_in_order:
            self._listed = dict(sorted(self._listed.items()))
        self._snapshot = snapshot  # now, for what failed is to be tried again
        return found.values()

    def versions_at(
        self, snapshot: Snapshot, keys: Sequence[NamespacedName]
    ) -> dict[NamespacedName, Version[T]]:
        """Find or make the versions of those Services that are there, in the order of ``keys``."""
        service_at, slices_of = snapshot.services.get, snapshot.slices_of
        if len(keys) >= _MANY:
            service_at = dict(snapshot.services.entries()).get
            slices_of = _slices_by_service(snapshot)
        sources = {
            key: (service, slices_of(key))
            for key in keys
            if (service := service_at(key)) is not None
        }
        found = {
            key: self._known(snapshot, key, source) if key in self._versions else None
            for key, source in sources.items()
        }
        missing = {key: sources[key] for key, version in found.items() if version is None}
        made = self._make(snapshot, missing)
        return {key: version or made[key] for key, version in found.items()}

    def _known(self, snapshot: Snapshot, key: NamespacedName, source: _Source) -> Version[T] | None:
        for version in self._versions[key]:
            if version.is_made_from(source):
                others = rivals(snapshot, version.service, version.facts.reaches)
                if _are_same(version.others, others):
                    return version
        return None

    def _make(
        self, snapshot: Snapshot, sources: Mapping[NamespacedName, _Source]
    ) -> dict[NamespacedName, Version[T]]:
        """Work out several Services, one thing for all of them after the other.

        An interpreter that repeats itself takes a fifth less time.
        """
        reached = [reaches(service) for service, _ in sources.values()]
        others = [
            rivals(snapshot, service, at)
            for (service, _), at in zip(sources.values(), reached, strict=True)
        ]
        facts = [
            service_facts(service, slices, at, others=rival, scheduler=self.config.scheduler)
            for (service, slices), at, rival in zip(sources.values(), reached, others, strict=True)
        ]
        made: dict[NamespacedName, Version[T]] = {
            key: Version(service, slices, rival, fact)
            for (key, (service, slices)), rival, fact in zip(
                sources.items(), others, facts, strict=True
            )
        }
        for key, version in made.items():
            self._versions[key] = [version, *self._versions.get(key, ())][:_VERSIONS_MAX]
            if key not in self._listed:
                self._unlisted.pop(key, None)
                self._unlisted[key] = None
        return made

    def _forget_unlisted(self) -> None:
        """Let go of Services that no list will find gone: a node that is behind asked about them.

        What was made of them for this question has been given already.
        """
        while len(self._unlisted) > self._unlisted_max:
            oldest = next(iter(self._unlisted))
            del self._unlisted[oldest], self._versions[oldest]

    def made(self, versions: Sequence[Version[T]], view: NodeView) -> list[T]:
        """Give what a node makes of several Services."""
        return self._made(versions, [sight(version.facts, view) for version in versions], view)

    def made_elsewhere(self, versions: Sequence[Version[T]], view: NodeView) -> list[T]:
        """Give what a node like this makes of plain Services that it plays no part in."""
        return self._made(versions, [ELSEWHERE] * len(versions), view)

    def _made(
        self, versions: Sequence[Version[T]], seen: Sequence[Sight], view: NodeView
    ) -> list[T]:
        """Look it up; what is missing is made step by step, as in ``_make``."""
        missing = [
            (version, at)
            for version, at in zip(versions, seen, strict=True)
            if at not in version.made
        ]
        rules = [service_rules(version.facts, view, at.stand) for version, at in missing]
        made = [self._render(each, view) for each in rules]
        self.made_count += len(made)
        for (version, at), each in zip(missing, made, strict=True):
            like = version.like(at) if version.made else None
            if len(version.made) >= _SIGHTS_MAX:
                version.made.clear()
            version.made[at] = each if like is None else self._share(each, like)
        return [version.made[at] for version, at in zip(versions, seen, strict=True)]


def differing(known: Snapshot, snapshot: Snapshot) -> set[NamespacedName]:
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


def _slices_by_service(
    snapshot: Snapshot,
) -> Callable[[NamespacedName], tuple[EndpointSlice, ...]]:
    """Do what ``slices_of`` does for all Services at once."""
    grouped: dict[tuple[str, str], tuple[EndpointSlice, ...]] = {}
    several: set[tuple[str, str]] = set()
    for _, slice_ in snapshot.slices.entries():
        metadata = slice_.metadata
        if name := metadata.labels.get(SERVICE_NAME_LABEL):
            service = (metadata.namespace, name)
            if service in grouped:
                several.add(service)
                grouped[service] += (slice_,)
            else:
                grouped[service] = (slice_,)
    for service in several:
        grouped[service] = tuple(sorted(grouped[service], key=lambda each: each.metadata.key))
    return lambda key: grouped.get(key, ())


def _rival_keys(snapshot: Snapshot, key: NamespacedName) -> set[NamespacedName]:
    service = snapshot.services.get(key)
    if service is None:
        return set()
    return {rival.metadata.key for rival in rivals(snapshot, service, reaches(service))}


def _are_same(left: tuple[object, ...], right: tuple[object, ...]) -> bool:
    return len(left) == len(right) and all(a is b for a, b in zip(left, right, strict=True))
