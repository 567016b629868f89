"""What is made of Services for nodes, once for all nodes that it is the same for.

    Services, NodeFacts -> what was made of each, by NodeTraits

Most nodes have no endpoints of most Services: what is made for those is listed once, and
only what is another on a node is made for it.  What was made is forgotten together with the
version of the Service.

What is made of several of these together is found by their identities: to compare those costs
nothing beside comparing plans or texts.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from app.domain.bounded import Bounded
from app.domain.dataplane.incremental.service_version import (
    ELSEWHERE,
    NodeTraits,
    ServiceVersion,
    traits_of,
)
from app.domain.dataplane.rules.node_facts import NodeFacts
from app.domain.names import NamespacedName

T = TypeVar("T")
Seen = tuple[ServiceVersion, NodeTraits]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is remembered; what is forgotten for that is made again."""

    nodes: int = 8_192
    traits: int = 8_192  # ways in which nodes see one version of a Service
    unlisted: int = 256  # Services that are not listed: gone, or new
    plans: int = 512  # parts of plans, each for all nodes that see a change alike
    texts: int = 128  # texts for ``nft``, likewise


BOUNDS: Final = Bounds()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Services:
    """Some Services of one snapshot by key, in order; those without ports are left out."""

    versions: Mapping[NamespacedName, ServiceVersion]

    def following(
        self,
        keys: Iterable[NamespacedName],
        found: Mapping[NamespacedName, ServiceVersion],
    ) -> "Services":
        """Give those of another snapshot, where ``keys`` differ and some of them are found."""
        known = self.versions
        visible = {key: version for key, version in found.items() if version.facts.ports}
        if not known:
            return Services(visible)
        versions = {**known, **visible}
        for key in set(keys) - visible.keys():
            versions.pop(key, None)
        is_in_order = known.keys() >= visible.keys()
        return Services(versions if is_in_order else dict(sorted(versions.items())))

    def apart(self, node: NodeFacts) -> list[NamespacedName]:
        """List the Services whose rules may be others on a node than on most nodes."""
        return [key for key, version in self.versions.items() if version.is_apart(node)]


class Shared(Generic[T]):
    """What one maker makes of Services."""

    def __init__(
        self,
        make: Callable[[Sequence[Seen], NodeFacts], Sequence[T]],
        share: Callable[[T, T], T] | None = None,
        *,
        traits_max: int,
    ) -> None:
        """Make with ``make``; ``share`` gives its first argument with equal parts of the second."""
        self._make, self._share, self._traits_max = make, share, traits_max
        self._common: WeakKeyDictionary[Services, dict[NamespacedName, T]] = WeakKeyDictionary()
        self.made_count = 0
        """How much has been made so far; what is remembered does not add to it."""

    def of(self, services: Services, node: NodeFacts) -> list[T]:
        """Give what is made of each Service for a node, in order."""
        versions = services.versions
        common = self._common.get(services)
        if common is None:
            # What is not alike for most nodes is made for this one, and replaced for all others.
            seen = [
                (version, ELSEWHERE if version.is_mostly_alike else traits_of(version, node))
                for version in versions.values()
            ]
            common = dict(zip(versions, self.each(seen, node), strict=True))
            self._common[services] = common
        if not (apart := services.apart(node)):
            return list(common.values())
        own = [(versions[key], traits_of(versions[key], node)) for key in apart]
        return list({**common, **dict(zip(apart, self.each(own, node), strict=True))}.values())

    def each(self, seen: Sequence[Seen], node: NodeFacts) -> list[T]:
        """Give what is made of different Services for nodes with these traits, like ``node``."""
        held = [self._held(version) for version, _ in seen]
        missing = [at for at, (_, traits) in enumerate(seen) if traits not in held[at]]
        made = self._make([seen[at] for at in missing], node)
        self.made_count += len(made)
        for at, each in zip(missing, made, strict=True):
            known, traits = held[at], seen[at][1]
            like = _most_alike(known, traits) if self._share and known else None
            if len(known) >= self._traits_max:
                known.clear()
            known[traits] = each if self._share is None or like is None else self._share(each, like)
        return [known[traits] for known, (_, traits) in zip(held, seen, strict=True)]

    def _held(self, version: ServiceVersion) -> dict[NodeTraits, T]:
        """Give what a version holds of this maker, which alone puts anything there."""
        held = version.made.get(self)
        if held is None:
            held = version.made[self] = {}
        return held  # pyright: ignore[reportReturnType]  a T under each maker of T


class MadeOnce(Generic[T]):
    """Remembers a bounded number of results."""

    def __init__(self, results_max: int) -> None:
        self._known: Bounded[Hashable, tuple[object, T]] = Bounded(results_max)

    def of(self, objects: Sequence[Sequence[object]], beside: Hashable, make: Callable[[], T]) -> T:
        """Make of these objects, beside a value that is compared, unless that is done already."""
        seen = (*(tuple(map(id, some)) for some in objects), beside)
        if (known := self._known.get(seen)) is not None:
            return known[1]
        made = make()
        # The objects are kept too: an identity is only good while its object lives.
        self._known[seen] = objects, made
        return made


def _most_alike(made: Mapping[NodeTraits, T], traits: NodeTraits) -> T:
    """Give what was made for nodes of the same zone, else for any."""
    return made.get(traits._replace(node=""), next(iter(made.values())))
