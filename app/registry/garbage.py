"""The cyclic garbage collector of a process that serves: many short searches, no long one.

    new objects -> searched twice while they are young -> never again

A write leaves hundreds of new objects in a large registry, which stay; to search them again and
again took a third of its processor time, and stopped the event loop for up to 60 ms each time.
Reference counting frees nearly all garbage: requests and streams that are over leave no cycles
(``tests/api/test_garbage.py``).  A cycle that is not garbage before it is old stays in memory.
"""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_YOUNG_MAX: Final = 700  # new objects until they are searched
_SEARCHES: Final = 3  # of new objects until those that survived are searched once more
_NEVER: Final = 1_000_000_000
SEARCHED_MAX: Final = _YOUNG_MAX * (_SEARCHES + 1)
"""Objects in one search, which takes two to three milliseconds."""


@contextmanager
def short_searches() -> Generator[None]:
    """Search few objects at a time within the block, and none that are old."""
    thresholds = gc.get_threshold()
    gc.set_threshold(_YOUNG_MAX, _SEARCHES, _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def exempt_many() -> None:
    """Exempt all objects from searches if there are too many new ones for a short one.

    For the end of a computation whose results stay and have no cycles.
    """
    young, searches, _ = gc.get_count()
    if young + searches * gc.get_threshold()[0] > SEARCHED_MAX:
        gc.freeze()
