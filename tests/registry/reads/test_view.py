"""The view shows what is committed: whole, in order, and in pieces that hold up nobody."""

import asyncio
from collections.abc import Sequence

import pytest

from app.domain.changes import Change
from app.domain.names import REVISION_ZERO, Revision
from app.domain.snapshot import Snapshot
from app.domain.weights import AT_ONCE_OCTETS, OBJECT_OCTETS, is_light
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


def told_by(view: View) -> list[Advance]:
    told: list[Advance] = []
    view.subscribe(told.append)
    return told


def changes_of(told: Sequence[Advance]) -> tuple[Change, ...]:
    return tuple(change for advance in told for change in advance.changes)


@pytest.mark.parametrize("count", SIZES)
async def test_showing_equals_advancing(count: int) -> None:
    shown, advanced = a_view(), a_view()
    changes = additions(count)
    await shown.show(changes)
    advanced.advance(changes)
    assert shown.snapshot == advanced.snapshot
    assert shown.history(REVISION_ZERO) == advanced.history(REVISION_ZERO) == changes


@pytest.mark.parametrize("count", SIZES)
async def test_what_was_decided_is_what_is_shown(count: int) -> None:
    view = a_view()
    before, changes = view.snapshot, additions(count)
    decided = before.apply(changes)
    await view.show(changes, decided=(before, decided))
    assert view.snapshot is decided


async def test_what_was_decided_on_another_state_is_computed() -> None:
    view = a_view()
    wrong = (Snapshot(), Snapshot())
    await view.show(additions(3), decided=wrong)
    assert len(view.snapshot.services) == 3


@pytest.mark.parametrize("count", SIZES)
async def test_subscribers_are_told_every_change_once_in_bounded_pieces(count: int) -> None:
    view = a_view()
    told, changes = told_by(view), additions(count)
    await view.show(changes)
    assert changes_of(told) == changes
    assert all(is_light(advance.changes) for advance in told)
    assert [advance.has_more for advance in told] == [True] * (len(told) - 1) + [False]
    assert all(advance.after is view.snapshot for advance in told)


async def test_others_have_their_turn_between_two_pieces() -> None:
    view = a_view()
    told, seen = told_by(view), list[int]()

    async def look() -> None:
        while not (told and not told[-1].has_more):
            seen.append(len(told))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await view.show(additions(8 * PIECE_CHANGES))
    await looking
    assert set(range(1, len(told))) <= set(seen)
    assert len(told) > 2


async def test_a_revision_shows_whole_before_anybody_is_told_of_a_part() -> None:
    view = a_view()
    sizes: list[int] = []
    view.subscribe(lambda _: sizes.append(len(view.snapshot.services)))
    count = 4 * PIECE_CHANGES
    await view.show(additions(count))
    assert set(sizes) == {count}
    assert len(sizes) > 1


async def test_what_comes_meanwhile_is_told_afterwards() -> None:
    view = a_view()
    told = told_by(view)
    many, one = additions(6 * PIECE_CHANGES), additions(1, 2, "later")
    await asyncio.gather(view.show(many), view.show(one))
    assert changes_of(told) == (*many, *one)


async def test_repeats_are_told_once() -> None:
    view = a_view()
    told, many = told_by(view), additions(4 * PIECE_CHANGES)
    await asyncio.gather(view.show(many), view.show(many))
    assert changes_of(told) == many


async def test_who_is_cancelled_leaves_it_to_be_finished() -> None:
    view = a_view()
    told, many = told_by(view), additions(6 * PIECE_CHANGES)
    showing = asyncio.create_task(view.show(many))
    while not told:  # noqa: ASYNC110  told by nobody who could set an event
        await asyncio.sleep(0)
    showing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await showing
    await view.show(additions(1, 2, "later"))
    assert len(changes_of(told)) == len(many) + 1


async def test_a_state_loaded_meanwhile_is_not_undone() -> None:
    """A load of the same moment as the decision, which does not hold what was decided."""
    view = a_view()
    told, many = told_by(view), additions(4 * PIECE_CHANGES)
    showing = asyncio.create_task(view.show(many))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    view.reset(Snapshot(), history=(), compacted=REVISION_ZERO)
    await showing
    assert len(view.snapshot.services) == len(many)
    assert changes_of(told) == many


@pytest.mark.parametrize("count", SIZES)
async def test_starting_over_in_pieces_equals_starting_over(count: int) -> None:
    loaded = Snapshot().apply(additions(count, 9, "new"))
    history = additions(count, 9, "new")
    pieces, whole = a_view(), a_view()
    for view in (pieces, whole):
        view.advance(additions(count, 1, "old"))
    told_in_pieces, told = told_by(pieces), told_by(whole)
    compacted = Revision(8)
    await pieces.show_anew(loaded, history=history, compacted=compacted)
    whole.reset(loaded, history=history, compacted=compacted)
    assert pieces.snapshot is whole.snapshot is loaded
    assert pieces.history(compacted) == whole.history(compacted) == history
    assert changes_of(told_in_pieces) == changes_of(told)
    assert len(changes_of(told)) == 2 * count
    assert all(is_light(advance.changes) for advance in told_in_pieces)


async def test_a_state_that_was_loaded_late_is_not_shown() -> None:
    view = a_view()
    told = told_by(view)
    await asyncio.gather(
        view.show(additions(8 * PIECE_CHANGES, 5)),
        view.show_anew(Snapshot(), history=(), compacted=REVISION_ZERO),
    )
    assert view.snapshot.revision == Revision(5)
    assert len(changes_of(told)) == 8 * PIECE_CHANGES


async def test_a_state_of_another_past_is_shown_in_any_case() -> None:
    view = a_view()
    await view.show(additions(3, 5))
    epoch = view.epoch
    await view.show_anew(Snapshot(), history=(), compacted=REVISION_ZERO, has_same_past=False)
    assert view.snapshot.revision == REVISION_ZERO
    assert view.epoch == epoch + 1
