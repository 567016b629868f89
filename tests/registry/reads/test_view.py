"""The view shows commits: complete, in order, and in pieces that yield to the event loop."""

import asyncio
from collections.abc import Sequence

import pytest

from app.domain.changes import AT_ONCE_OCTETS, OBJECT_OCTETS, Change, is_light
from app.domain.names import REVISION_ZERO, Revision
from app.domain.snapshot import Snapshot
from app.registry.reads.view import Advance, View
from tests.builders import a_service

PIECE_CHANGES = AT_ONCE_OCTETS // (2 * OBJECT_OCTETS)  # fit into one piece
SIZES = [1, PIECE_CHANGES, 2 * PIECE_CHANGES, 6 * PIECE_CHANGES]


def additions(count: int, revision: int = 1, prefix: str = "s") -> tuple[Change, ...]:
    return tuple(
        Change(revision=Revision(revision), before=None, after=a_service(f"{prefix}{number}"))
        for number in range(count)
    )


def a_view() -> View:
    view = View()
    view.reset(Snapshot(), history=(), compacted=REVISION_ZERO)
    return view


def advances_of(view: View) -> list[Advance]:
    advances: list[Advance] = []
    view.subscribe(advances.append)
    return advances


def changes_of(advances: Sequence[Advance]) -> tuple[Change, ...]:
    return tuple(change for advance in advances for change in advance.changes)


@pytest.mark.parametrize("count", SIZES)
async def test_showing_equals_advancing(count: int) -> None:
    shown, advanced = a_view(), a_view()
    changes = additions(count)
    await shown.show(changes)
    advanced.advance(changes)
    assert shown.snapshot == advanced.snapshot
    assert shown.history(REVISION_ZERO) == advanced.history(REVISION_ZERO) == changes


@pytest.mark.parametrize("count", SIZES)
async def test_the_decided_state_is_shown_as_it_is(count: int) -> None:
    view = a_view()
    before, changes = view.snapshot, additions(count)
    decided = before.apply(changes)
    await view.show(changes, decided=(before, decided))
    assert view.snapshot is decided


async def test_a_state_decided_on_another_one_is_computed_again() -> None:
    view = a_view()
    wrong = (Snapshot(), Snapshot())
    await view.show(additions(3), decided=wrong)
    assert len(view.snapshot.services) == 3


@pytest.mark.parametrize("count", SIZES)
async def test_subscribers_get_every_change_once_in_bounded_pieces(count: int) -> None:
    view = a_view()
    seen, changes = advances_of(view), additions(count)
    await view.show(changes)
    assert changes_of(seen) == changes
    assert all(is_light(advance.changes) for advance in seen)
    assert [advance.has_more for advance in seen] == [True] * (len(seen) - 1) + [False]
    assert all(advance.after is view.snapshot for advance in seen)


async def test_showing_yields_to_the_event_loop_between_two_pieces() -> None:
    view = a_view()
    advances, seen = advances_of(view), list[int]()

    async def look() -> None:
        while not (advances and not advances[-1].has_more):
            seen.append(len(advances))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await view.show(additions(8 * PIECE_CHANGES))
    await looking
    assert set(range(1, len(advances))) <= set(seen)
    assert len(advances) > 2


async def test_a_revision_is_shown_complete_before_its_first_piece_is_announced() -> None:
    view = a_view()
    sizes: list[int] = []
    view.subscribe(lambda _: sizes.append(len(view.snapshot.services)))
    count = 4 * PIECE_CHANGES
    await view.show(additions(count))
    assert set(sizes) == {count}
    assert len(sizes) > 1


async def test_changes_that_arrive_meanwhile_are_announced_afterwards() -> None:
    view = a_view()
    seen = advances_of(view)
    many, one = additions(6 * PIECE_CHANGES), additions(1, 2, "later")
    await asyncio.gather(view.show(many), view.show(one))
    assert changes_of(seen) == (*many, *one)


async def test_repeated_changes_are_announced_once() -> None:
    view = a_view()
    seen, many = advances_of(view), additions(4 * PIECE_CHANGES)
    await asyncio.gather(view.show(many), view.show(many))
    assert changes_of(seen) == many


async def test_showing_completes_although_its_caller_is_cancelled() -> None:
    view = a_view()
    seen, many = advances_of(view), additions(6 * PIECE_CHANGES)
    showing = asyncio.create_task(view.show(many))
    while not seen:  # noqa: ASYNC110  no event is set
        await asyncio.sleep(0)
    showing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await showing
    await view.show(additions(1, 2, "later"))
    assert len(changes_of(seen)) == len(many) + 1


async def test_a_reset_meanwhile_does_not_lose_changes() -> None:
    """The loaded state is older than the decision's changes."""
    view = a_view()
    seen, many = advances_of(view), additions(4 * PIECE_CHANGES)
    showing = asyncio.create_task(view.show(many))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    view.reset(Snapshot(), history=(), compacted=REVISION_ZERO)
    await showing
    assert len(view.snapshot.services) == len(many)
    assert changes_of(seen) == many


@pytest.mark.parametrize("count", SIZES)
async def test_show_anew_equals_reset(count: int) -> None:
    loaded = Snapshot().apply(additions(count, 9, "new"))
    history = additions(count, 9, "new")
    pieces, whole = a_view(), a_view()
    for view in (pieces, whole):
        view.advance(additions(count, 1, "old"))
    seen_in_pieces, seen = advances_of(pieces), advances_of(whole)
    compacted = Revision(8)
    await pieces.show_anew(loaded, history=history, compacted=compacted)
    whole.reset(loaded, history=history, compacted=compacted)
    assert pieces.snapshot is whole.snapshot is loaded
    assert pieces.history(compacted) == whole.history(compacted) == history
    assert changes_of(seen_in_pieces) == changes_of(seen)
    assert len(changes_of(seen)) == 2 * count
    assert all(is_light(advance.changes) for advance in seen_in_pieces)


async def test_show_anew_ignores_an_older_state() -> None:
    view = a_view()
    seen = advances_of(view)
    await asyncio.gather(
        view.show(additions(8 * PIECE_CHANGES, 5)),
        view.show_anew(Snapshot(), history=(), compacted=REVISION_ZERO),
    )
    assert view.snapshot.revision == Revision(5)
    assert len(changes_of(seen)) == 8 * PIECE_CHANGES


async def test_a_state_of_another_epoch_is_shown_in_any_case() -> None:
    view = a_view()
    await view.show(additions(3, 5))
    epoch = view.epoch
    await view.show_anew(Snapshot(), history=(), compacted=REVISION_ZERO, has_same_past=False)
    assert view.snapshot.revision == REVISION_ZERO
    assert view.epoch == epoch + 1
