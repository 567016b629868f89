"""Keys are sorted in pieces, and once for all requests of the same order."""

import asyncio
import random

import pytest

from app.domain.fields import parse_field_selector
from app.domain.label_queries import parse_selector
from app.domain.labels import EVERYTHING
from app.domain.names import NamespacedName, Revision
from app.domain.objects.pod import POD
from app.domain.snapshot import load
from app.registry.reads.ordering import (
    EVERY_FIELD,
    KEYS_A_PIECE,
    Filter,
    Ordering,
    in_order,
    narrowest,
)
from app.registry.yielding_lock import YieldingLock
from tests.builders import a_pod
from tests.rounds import work_a_round

MANY = 5 * KEYS_A_PIECE + 7


class CountedName(NamespacedName):
    """Counts how often names are compared."""

    __slots__ = ()
    compared = 0

    def __lt__(self, other: tuple[object, ...]) -> bool:
        CountedName.compared += 1
        return tuple(self) < other


def shuffled(count: int) -> list[CountedName]:
    keys = [CountedName(f"ns{number % 7}", f"p{number}") for number in range(count)]
    random.Random(1).shuffle(keys)  # noqa: S311  any order
    return keys


async def test_sorting_yields_to_the_event_loop_whatever_the_number_of_keys() -> None:
    keys = shuffled(MANY)
    ordered, rounds = await work_a_round(
        in_order(keys, YieldingLock()), lambda: CountedName.compared
    )
    assert list(ordered) == sorted(keys)
    comparisons_a_key = KEYS_A_PIECE.bit_length()
    assert max(rounds) <= comparisons_a_key * KEYS_A_PIECE < sum(rounds)


@pytest.mark.parametrize("beyond", [-1, 0, 1])
@pytest.mark.parametrize("pieces", [1, 2, 3])
async def test_any_number_of_keys_is_sorted(pieces: int, beyond: int) -> None:
    keys = shuffled(pieces * KEYS_A_PIECE + beyond)
    assert list(await in_order(keys, YieldingLock())) == sorted(keys)
    assert list(await in_order([], YieldingLock())) == []


async def test_requests_for_the_same_order_share_it() -> None:
    pods = [a_pod(f"p{number}", f"ns{number % 3}") for number in range(MANY)]
    snapshot = load(pods, revision=Revision(1))
    ordering = Ordering(YieldingLock())
    one, other = await asyncio.gather(
        *(ordering.keys(snapshot, POD, (), epoch=0) for _ in range(2))
    )
    assert one is other
    assert await ordering.keys(snapshot, POD, (), epoch=1) is not one, "of another epoch"
    assert list(one) == sorted(snapshot.pods)


async def test_remembered_orders_are_bounded_in_keys() -> None:
    snapshot = load([a_pod(f"p{number}") for number in range(MANY)], revision=Revision(1))
    ordering = Ordering(YieldingLock(), keys_max=MANY - 1)
    first = await ordering.keys(snapshot, POD, (), epoch=0)
    assert await ordering.keys(snapshot, POD, (), epoch=0) is not first


def test_the_narrowest_index_is_taken() -> None:
    pods = [
        a_pod("a", "one", labels={"app": "x", "tier": "web"}, node_name="n1"),
        a_pod("b", "one", labels={"app": "x", "tier": "db"}, node_name="n1"),
        a_pod("c", "two", labels={"app": "x", "tier": "db"}, node_name="n1"),
    ]
    snapshot = load(pods, revision=Revision(1))

    def chosen(namespace: str = "", labels: str = "", fields: str = "") -> tuple[str, ...]:
        wanted = Filter(
            namespace=namespace,
            labels=parse_selector(labels) if labels else EVERYTHING,
            fields=parse_field_selector(fields, POD) if fields else EVERY_FIELD,
        )
        return narrowest(snapshot, POD, wanted)

    assert chosen() == ()
    assert chosen(labels="app!=x") == ()
    assert chosen(labels="app=x,tier=db") == ("label", "Pod", "tier", "db")
    assert chosen(namespace="two", labels="tier=db") == ("Pod", "two")
    assert chosen(fields="spec.nodeName=n1", labels="tier=web") == ("label", "Pod", "tier", "web")
