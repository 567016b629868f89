"""Searches for garbage are short: of few objects, and of none that are old."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from app.registry.garbage import SEARCHED_MAX, exempt_many, short_searches


class Knot:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _nothing_stays_frozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_no_search_looks_at_many_objects_however_many_stay() -> None:
    sizes = list[int]()

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            younger = range(info["generation"] + 1)
            sizes.append(sum(len(gc.get_objects(each)) for each in younger))

    with short_searches():
        gc.collect()
        gc.callbacks.append(note)
        try:
            kept = [[number] for number in range(10 * SEARCHED_MAX)]
        finally:
            gc.callbacks.remove(note)
    assert len(sizes) > len(kept) // SEARCHED_MAX
    assert max(sizes) <= 2 * SEARCHED_MAX


def test_garbage_that_was_just_made_is_found() -> None:
    with short_searches():
        knot = weakref.ref(Knot())
        kept = [list[int]() for _ in range(SEARCHED_MAX)]
        assert knot() is None
        assert kept


def test_searches_are_as_they_were_after_the_block() -> None:
    before = gc.get_threshold()
    with short_searches():
        assert gc.get_threshold() != before
    assert gc.get_threshold() == before


@pytest.mark.parametrize(("count", "is_exempt"), [(SEARCHED_MAX // 10, False), (10**5, True)])
def test_only_many_new_objects_are_exempt(count: int, *, is_exempt: bool) -> None:
    gc.collect()
    frozen = gc.get_freeze_count()
    gc.disable()
    try:
        kept = [[number] for number in range(count)]
        exempt_many()
    finally:
        gc.enable()
    assert (gc.get_freeze_count() - frozen >= len(kept)) is is_exempt
