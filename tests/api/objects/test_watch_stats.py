"""Why streams end."""

import asyncio

import pytest

from app.api.objects.watch_stats import END_OF, End, WatchStats


@pytest.mark.parametrize("end", list(END_OF.values()))
def test_a_stream_counts_by_the_reason_that_it_gives(end: End) -> None:
    stats = WatchStats()
    with stats.ending(lambda: end):
        pass
    assert stats.ends == {end: 1}


def test_one_that_is_cut_off_had_a_client_that_does_not_read() -> None:
    stats = WatchStats()
    with pytest.raises(asyncio.CancelledError), stats.ending(lambda: End.CLIENT):
        raise asyncio.CancelledError
    assert stats.ends == {End.STALLED: 1}


def test_one_that_fails_otherwise_counts_too() -> None:
    stats = WatchStats()
    with pytest.raises(ZeroDivisionError), stats.ending(lambda: End.CLIENT):
        raise ZeroDivisionError
    assert stats.ends == {End.CLIENT: 1}
