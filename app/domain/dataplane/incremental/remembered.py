"""What is remembered of nodes, Services and the results made of them, within bounds.

    objects -> by their identities -> what was made of them

To compare identities costs nothing beside comparing plans or texts.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from app.domain.bounded import Bounded

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is remembered; what is forgotten for that is made again."""

    nodes: int = 8_192
    traits: int = 8_192  # ways in which nodes see one version of a Service
    unlisted: int = 256  # Services that are not listed: gone, or new
    plans: int = 512  # parts of plans, each for all nodes that see a change alike
    texts: int = 128  # texts for ``nft``, likewise


BOUNDS: Final = Bounds()


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
