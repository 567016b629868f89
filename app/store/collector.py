"""The cyclic garbage collector of Python, while much is read that stays in memory."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

from app.registry.garbage import exempt_many

_YOUNG_MAX, _NEVER = 20_000, 1_000_000_000  # new objects, and collections of younger ones


@contextmanager
def only_young_collected() -> Generator[None]:
    """Spare what was read the cyclic garbage collector, which would traverse it again and again.

    Objects have no reference cycles, but the statements that read them have: these die young.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(_YOUNG_MAX, _NEVER, _NEVER)
    try:
        yield
    finally:
        exempt_many()  # else the next search would begin with all of them
        gc.set_threshold(*thresholds)
