"""The collector spares old objects for a while, and works as before afterwards."""

import gc
import weakref

from app.store.collector import only_young_collected


class Knot:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


def test_only_young_objects_are_collected_within_the_block() -> None:
    """Cycles that were just made are found; what has survived is not looked at again."""
    before = gc.get_threshold()
    with only_young_collected():
        young, middle, old = gc.get_threshold()
        knot = weakref.ref(Knot())
        kept = [list[int]() for _ in range(2 * young)]
        assert knot() is None
        assert min(middle, old) > len(kept)
    assert gc.get_threshold() == before
