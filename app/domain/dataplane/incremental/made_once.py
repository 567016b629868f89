"""Results remembered by the identity of the objects that they were made of.

    objects -> by their identities -> what was made of them

To compare identities costs nothing beside comparing plans or texts.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from app.domain.bounded import Bounded

T = TypeVar("T")


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
