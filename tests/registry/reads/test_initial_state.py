"""Initial objects of a watch are found in pieces, however many watches begin together."""

import asyncio
from dataclasses import replace

from app.domain.label_queries import parse_selector
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from app.registry.reads.initial_state import InitialStates
from app.registry.reads.ordering import KEYS_A_PIECE
from app.registry.reads.watch import Interest
from tests.builders import a_pod, a_service
from tests.rounds import CountedLabels, work_a_round

WEB = Interest(labels=parse_selector("tier=web"))


async def objects_in(
    initial_states: InitialStates, snapshot: Snapshot, interest: Interest
) -> list[Object]:
    found = initial_states.objects(snapshot, interest, epoch=0)
    return [registered async for piece in found for registered in piece]


async def test_the_initial_state_is_what_matches_by_kind_and_key() -> None:
    pod, web = a_pod(labels={"tier": "web"}), a_service(labels={"tier": "web"})
    snapshot = load([pod, web, a_service("other")], revision=Revision(3))
    assert await objects_in(InitialStates(), snapshot, WEB) == [web, pod]
    assert await objects_in(InitialStates(), snapshot, replace(WEB, namespace="elsewhere")) == []


async def test_a_loop_iteration_examines_a_bounded_number_of_objects_for_all_watches() -> None:
    labels = CountedLabels(app="x")
    pods = [
        replace(pod, metadata=replace(pod.metadata, labels=labels))
        for pod in (a_pod(f"p{number}") for number in range(2 * KEYS_A_PIECE))
    ]
    snapshot, initial_states = load(pods, revision=Revision(1)), InitialStates()
    wants = [Interest(labels=parse_selector(f"app!=y{number}")) for number in range(6)]
    all_of_them = asyncio.gather(*(objects_in(initial_states, snapshot, each) for each in wants))
    states, rounds = await work_a_round(all_of_them, lambda: labels.looked_up)
    assert [len(state) for state in states] == 6 * [len(pods)]
    assert max(rounds) <= KEYS_A_PIECE < sum(rounds)
