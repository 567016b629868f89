"""Leases end to end in memory: who is let go, who is kept, who comes back, who is removed."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import NotFound, NotSynced
from app.domain.objects.meta import Condition
from app.domain.objects.node import NODE
from app.domain.objects.pod import (
    READY,
    Container,
    ExecAction,
    HTTPGetAction,
    Pod,
    Probe,
)
from app.domain.objects.service import MASS_FAILURE_GUARD
from app.domain.registration.health.mass_failure import WINDOW_S_DEFAULT
from app.registry.leases import heartbeats
from app.registry.leases.lease_tracker import SLACK_S, node_lease, pod_lease
from tests.builders import a_condition, a_node, a_pod, a_service, key
from tests.registry.lease_worlds import LeaseWorld
from tests.waiting import until

LEASE_S = 30
LATE_S = int(LEASE_S + SLACK_S) + 1  # seconds after which a lease has run out for sure
PROBED = Container(name="main", readiness_probe=Probe(http_get=HTTPGetAction(port=80)))


def leased(count: int) -> list[Pod]:
    return [
        a_pod(f"p{n}", pod_ips=(f"10.244.1.{n + 1}",), lease_duration_s=LEASE_S)
        for n in range(count)
    ]


def probed(count: int) -> list[Pod]:
    """Ready Pods on n1, that somebody probes."""
    return [
        a_pod(f"p{n}", pod_ips=(f"10.244.1.{n + 1}",), containers=(PROBED,)) for n in range(count)
    ]


def names(count: int, start: int = 0) -> list[str]:
    return [f"p{n}" for n in range(start, count)]


def the_ready(world: LeaseWorld, name: str = "p0") -> Condition:
    condition = world.pod(name).ready_condition
    assert condition is not None
    return condition


def guard(world: LeaseWorld) -> Condition | None:
    found = [entry for entry in world.service().conditions if entry.type == MASS_FAILURE_GUARD]
    return found[0] if found else None


async def test_a_pod_that_misses_its_heartbeats_is_let_go_and_says_why() -> None:
    world = LeaseWorld(a_service(), *leased(2))
    await world.pass_time(LATE_S, beating=["p1"])

    assert world.ready() == ["p1"]
    assert the_ready(world).reason == "LeaseExpired"
    assert the_ready(world).message == "no heartbeat since 2026-01-01T00:00:00Z"


async def test_a_pod_without_lease_is_never_silent() -> None:
    world = LeaseWorld(a_service(), a_pod("p0"))
    await world.pass_time(10 * LATE_S)
    assert world.ready() == ["p0"]


async def test_heartbeats_take_no_revision_and_change_no_object() -> None:
    world = LeaseWorld(a_service(), *leased(3))
    before = world.snapshot
    await world.pass_time(3 * LATE_S, beating=names(3))
    assert world.snapshot is before


async def test_a_second_of_heartbeats_is_one_statement() -> None:
    world = LeaseWorld(*leased(100))
    for _ in range(3):
        await world.leases.renew([key(name) for name in names(100)])
    await world.leases.save()
    await world.leases.save()

    assert world.store.statements == 1
    assert set(world.store.rows) == {pod_lease(key(name)) for name in names(100)}


async def test_heartbeats_tell_who_is_not_registered() -> None:
    world = LeaseWorld(a_pod("p0"), *leased(2)[1:])
    renewal = await world.leases.renew([key("p0"), key("gone"), key("p1"), key("elsewhere/p1")])

    assert renewal.renewed == (key("p0"), key("p1"))
    assert renewal.unknown == (key("gone"), key("elsewhere/p1"))
    with pytest.raises(NotFound, match="n9"):
        world.leases.renew_node("n9")


@pytest.mark.parametrize(
    "said",
    [
        a_condition(READY, "True", reason="NoReadinessProbe"),
        a_condition(READY, "True", reason="Registered", message="as I say"),
        a_condition(READY, "False", reason="Draining", message="bye"),
    ],
)
async def test_a_heartbeat_after_the_end_brings_back_what_the_registrar_said(
    said: Condition,
) -> None:
    world = LeaseWorld(a_service(), replace(leased(1)[0], conditions=(said,)))
    await world.pass_time(LATE_S)
    assert the_ready(world).reason == "LeaseExpired"
    assert world.ready() == []

    await world.leases.renew([key("p0")])
    assert replace(the_ready(world), last_transition_at=None) == said
    assert world.ready() == (["p0"] if said.status == "True" else [])
    await world.pass_time(LEASE_S)
    assert replace(the_ready(world), last_transition_at=None) == said


async def test_a_pod_that_stays_silent_is_removed_after_a_further_grace() -> None:
    world = LeaseWorld(a_service(), *leased(1))
    await world.pass_time(LATE_S + 55)
    assert key("p0") in world.snapshot.pods
    await world.pass_time(10)
    assert key("p0") not in world.snapshot.pods
    assert pod_lease(key("p0")) not in world.store.rows


async def test_heartbeats_that_others_heard_count() -> None:
    world = LeaseWorld(a_service(), *leased(2))
    other = world.another()
    for _ in range(3):
        await world.pass_time(LEASE_S - 5)
        await other.renew([key("p0")])
        await other.save()
    assert world.ready() == ["p0"]


async def test_a_heartbeat_answered_elsewhere_ends_a_lapse_everywhere() -> None:
    world = LeaseWorld(a_service(), *leased(1))
    other = world.another()
    await world.pass_time(LATE_S)
    await other.renew([key("p0")])
    assert world.ready() == ["p0"]
    await world.pass_time(LEASE_S - 1)
    assert world.ready() == ["p0"]


async def test_a_server_that_was_down_lets_nobody_go_before_a_full_period() -> None:
    world = LeaseWorld(a_service(), *leased(20))
    world.wait(3600)
    world.leases = world.another()
    await world.leases.begin()

    await world.pass_time(LEASE_S)
    assert world.ready() == sorted(names(20))
    await world.pass_time(LATE_S - LEASE_S)
    assert guard(world) is not None


async def test_whoever_takes_over_starts_with_a_full_period_for_all() -> None:
    world = LeaseWorld(a_service(), *leased(2))
    standby = world.another()
    world.wait(3600)
    world.leases = standby
    await world.leases.begin()
    await world.pass_time(LEASE_S)
    assert world.ready() == names(2)


async def test_who_was_let_go_before_stays_so_when_the_server_returns() -> None:
    world = LeaseWorld(a_service(), *leased(2))
    await world.pass_time(LATE_S, beating=["p1"])
    world.wait(3600)
    world.leases = world.another()
    await world.leases.begin()

    await world.pass_time(5, beating=["p1"])
    assert world.ready() == ["p1"]
    await world.pass_time(LEASE_S, beating=["p1"])
    assert key("p0") in world.snapshot.pods, "a full lease and a full grace, from the start"
    await world.pass_time(60, beating=["p1"])
    assert key("p0") not in world.snapshot.pods


async def test_too_many_at_once_are_all_kept_until_they_return() -> None:
    world = LeaseWorld(a_service(), *leased(8))
    await world.pass_time(LATE_S, beating=names(8, 6))

    condition = guard(world)
    assert condition is not None
    assert condition.status == "True"
    assert condition.message.startswith("6 of 8 ready endpoints missed their heartbeats")
    assert world.ready() == names(8)
    await world.pass_time(600, beating=names(8, 6))
    assert world.ready() == names(8), "however long it takes"

    await world.pass_time(2, beating=names(8))
    condition = guard(world)
    assert condition is not None
    assert condition.status == "False"
    assert world.ready() == names(8)


async def test_those_still_silent_when_enough_return_are_let_go() -> None:
    world = LeaseWorld(a_service(), *leased(8))
    await world.pass_time(LATE_S, beating=names(8, 6))
    await world.pass_time(2, beating=names(8, 3))
    assert world.ready() == names(8, 3)


async def test_few_are_let_go_one_by_one_and_called_back_when_they_turn_out_to_be_many() -> None:
    world = LeaseWorld(a_service(), *leased(8))
    await world.pass_time(LATE_S, beating=names(8, 4))
    assert world.ready() == names(8, 4)
    transition = the_ready(world).last_transition_at
    await world.pass_time(LATE_S, beating=names(8, 6))
    assert world.ready() == names(8)
    assert the_ready(world).last_transition_at != transition, "as if it had never been"


async def test_the_guard_holds_through_a_restart() -> None:
    world = LeaseWorld(a_service(), *leased(8))
    await world.pass_time(LATE_S, beating=names(8, 6))
    began = guard(world)
    world.wait(10)
    world.leases = world.another()
    await world.leases.begin()

    await world.pass_time(2 * LATE_S, beating=names(8, 6))
    ended = guard(world)
    assert began is not None
    assert ended is not None
    assert ended.last_transition_at == began.last_transition_at
    assert world.ready() == names(8)


async def test_the_guard_can_be_switched_off_for_a_service() -> None:
    off = a_service(annotations={"waypost/mass-failure-share": "off"})
    world = LeaseWorld(off, *leased(8))
    await world.pass_time(LATE_S)
    assert world.ready() == []


async def test_one_service_that_holds_a_pod_is_enough() -> None:
    off = a_service(
        "off",
        annotations={"waypost/mass-failure-share": "off"},
        cluster_ip="",
        cluster_ips=(),
    )
    world = LeaseWorld(a_service(), off, *leased(8))
    await world.pass_time(LATE_S)
    assert world.ready("off") == world.ready("web") == names(8)


async def test_a_guard_ends_when_all_that_it_held_are_gone() -> None:
    world = LeaseWorld(a_service(), *leased(6))
    await world.pass_time(LATE_S)
    for pod in leased(6):
        world.delete(pod, grace_s=0)
    await world.pass_time(1)
    condition = guard(world)
    assert condition is not None
    assert condition.status == "False"


async def test_a_lease_given_up_brings_the_pod_back() -> None:
    world = LeaseWorld(a_service(), *leased(1))
    await world.pass_time(LATE_S)
    world.put(replace(world.pod("p0"), lease_duration_s=None))
    await world.pass_time(1)
    assert world.ready() == ["p0"]


async def test_a_name_used_again_begins_with_a_full_period() -> None:
    world = LeaseWorld(a_service(), *leased(1))
    await world.pass_time(LEASE_S - 5)
    world.delete(world.pod("p0"), grace_s=0)
    world.create(*leased(1))
    await world.pass_time(LEASE_S - 5)
    assert world.ready() == ["p0"]


async def test_a_node_that_falls_silent_takes_the_pods_it_probed_out() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(2), a_pod("plain"))
    world.leases.renew_node("n1")
    await world.pass_time(35)
    assert world.ready() == ["p0", "p1", "plain"]
    await world.pass_time(10)

    assert world.ready() == ["plain"]
    assert the_ready(world).reason == "NodeLeaseExpired"
    assert the_ready(world).message == "no heartbeat of node n1 since 2026-01-01T00:00:00Z"
    await world.pass_time(600)
    assert key("p0") in world.snapshot.pods

    world.leases.renew_node("n1")
    await world.pass_time(1)
    assert world.ready() == ["p0", "p1", "plain"]


async def test_a_silent_node_takes_nothing_out_that_its_agent_does_not_probe() -> None:
    by_command = Container(name="pg", readiness_probe=Probe(exec=ExecAction(command=("true",))))
    sidecar = replace(PROBED, name="proxy", restart_policy="Always")
    world = LeaseWorld(
        a_node(),
        a_service(),
        a_pod("pg", pod_ips=("10.244.1.1",), containers=(by_command,)),
        a_pod("proxied", pod_ips=("10.244.1.2",), init_containers=(sidecar,)),
    )
    world.leases.renew_node("n1")
    await world.pass_time(45)
    assert world.ready() == ["pg"]


async def test_a_node_that_was_never_heard_is_not_missed() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(2))
    await world.pass_time(600)
    assert world.ready() == names(2)


async def test_a_node_that_only_others_have_heard_is_missed_all_the_same() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(2))
    other = world.another()
    other.renew_node("n1")
    await other.save()
    world.leases = world.another()
    await world.leases.begin()
    await world.pass_time(45)
    assert world.ready() == []


async def test_a_pod_that_somebody_else_vouches_for_survives_its_node() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(1))
    world.leases.renew_node("n1")
    await world.pass_time(45)
    assert world.ready() == []

    reported = a_condition(READY, "True", last_transition_at=world.writer.now)
    world.put_status(replace(world.pod("p0"), conditions=(reported,)))
    await world.pass_time(600)
    assert world.ready() == ["p0"]


async def test_many_pods_of_a_silent_node_are_kept() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(6))
    world.leases.renew_node("n1")
    await world.pass_time(600)
    assert world.ready() == names(6)
    condition = guard(world)
    assert condition is not None
    assert condition.status == "True"


async def test_a_node_that_is_removed_leaves_its_pods_to_themselves() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(1))
    world.leases.renew_node("n1")
    await world.leases.save()
    await world.pass_time(45)
    world.delete(world.node())
    await world.pass_time(1)

    assert world.ready() == ["p0"]
    assert node_lease("n1") not in world.store.rows


async def test_heartbeats_outlast_a_database_that_is_away() -> None:
    world = LeaseWorld(*leased(2))
    await world.leases.renew([key("p0")])
    world.store.is_down = True
    with pytest.raises(NotSynced):
        await world.leases.save()
    world.wait(5)
    await world.leases.renew([key("p1")])
    world.store.is_down = False
    await world.leases.save()
    assert world.store.rows == {pod_lease(key("p0")): 0, pod_lease(key("p1")): 5}


async def test_a_pod_that_is_published_regardless_cannot_be_lost() -> None:
    world = LeaseWorld(a_service(publish_not_ready_addresses=True), *leased(8))
    await world.pass_time(LATE_S)
    assert world.ready() == names(8)
    assert guard(world) is None


def test_kinds_of_leases_are_those_of_objects() -> None:
    assert node_lease("n1").kind == NODE.name


@asynccontextmanager
async def running(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncGenerator[None, None]:
    """Run a loop for the length of the block."""
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops look without a pause."""
    for name in ("SAVE_S", "SWEEP_S", "NODES_S"):
        monkeypatch.setattr(heartbeats, name, 0.0)


@pytest.mark.usefixtures("impatient")
async def test_what_was_heard_is_saved_again_and_again_and_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = LeaseWorld(*leased(3))
    async with running(world.leases.keep_saving):
        await world.leases.renew([key("p0")])
        await until(lambda: pod_lease(key("p0")) in world.store.rows)
        world.store.is_down = True
        await world.leases.renew([key("p1")])
        await until(lambda: "heartbeats are kept in memory" in caplog.text)
        world.store.is_down = False
        await until(lambda: pod_lease(key("p1")) in world.store.rows)
        await world.leases.renew([key("p2")])
    assert pod_lease(key("p2")) in world.store.rows
    assert caplog.text.count("heartbeats are kept in memory") == 1


@pytest.mark.usefixtures("impatient")
async def test_the_overseer_goes_on_when_the_database_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = LeaseWorld(a_service(), *leased(1))
    async with running(world.leases.oversee):
        await asyncio.sleep(0)
        world.store.is_down = True
        world.wait(LATE_S)
        await until(lambda: "leases could not be judged" in caplog.text)
        world.store.is_down = False

        def is_late_by_then() -> bool:
            world.wait(
                heartbeats.LATE_S_MAX / 2
            )  # the time in which nobody could judge does not count
            return world.ready() == []

        await until(is_late_by_then)


@pytest.mark.usefixtures("impatient")
async def test_the_overseer_begins_when_the_database_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = LeaseWorld(a_service(), *leased(1))
    world.store.is_down = True
    async with running(world.leases.oversee):
        await until(lambda: "leases could not be judged" in caplog.text)
        world.store.is_down = False

        def is_late_by_then() -> bool:
            world.wait(heartbeats.LATE_S_MAX / 2)
            return world.ready() == []

        await until(is_late_by_then)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("beat"), st.sets(st.integers(0, 7), max_size=8)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("delete"), st.integers(0, 7)),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(steps)
def test_whatever_happens_who_is_heard_is_served_and_a_judgement_stands(
    history: list[tuple[str, Any]],
) -> None:
    asyncio.run(live_through(history))


async def live_through(history: list[tuple[str, Any]]) -> None:
    world = LeaseWorld(a_service(), *leased(8))
    heard_at: dict[str, float] = {}
    for step, what in history:
        match step:
            case "beat":
                names = [f"p{n}" for n in sorted(what)]
                renewal = await world.leases.renew([key(name) for name in names])
                await world.leases.save()
                heard_at.update({known.name: world.store.now_s for known in renewal.renewed})
            case "wait":
                world.wait(what)
            case "restart":
                world.leases = world.another()
                await world.leases.begin()
            case _:
                if key(f"p{what}") in world.snapshot.pods:
                    world.delete(world.pod(f"p{what}"), grace_s=0)
        await world.leases.sweep()
        judged = world.snapshot
        await world.leases.sweep()
        assert world.snapshot is judged, "the same facts lead to the same state"
        the_laws(world, heard_at)


def the_laws(world: LeaseWorld, heard_at: dict[str, float]) -> None:
    for name, at_s in heard_at.items():
        if world.store.now_s - at_s <= LEASE_S and key(name) in world.snapshot.pods:
            assert world.pod(name).is_ready, "whoever is heard is served"
    if world.service().is_guarded:
        for pod in world.snapshot.pods.values():
            silent_s = world.store.now_s - heard_at.get(pod.metadata.name, 0.0) - LEASE_S
            assert pod.is_ready or silent_s >= WINDOW_S_DEFAULT, "none of one event is lost"
    for pod in world.snapshot.pods.values():
        assert pod.is_ready is not pod.is_lapsed


async def test_time_in_which_nobody_was_heard_is_no_silence() -> None:
    world = LeaseWorld(a_service(), a_pod(lease_duration_s=5))
    await world.pass_time(10, beating=["web-1"])
    world.wait(60)  # the process was stopped: what was sent meanwhile has not been read yet
    await world.leases.look()
    assert world.ready() == ["web-1"]
    await world.pass_time(3, beating=[])
    assert world.ready() == ["web-1"]
    await world.pass_time(10, beating=[])
    assert world.ready() == []


async def test_a_database_that_was_held_up_makes_nobody_silent() -> None:
    world = LeaseWorld(a_service(), a_pod(lease_duration_s=5))
    listener = world.another()  # whom all heartbeats reach
    await world.pass_time(8)
    for seconds_late in (0.0, 60.0, 0.0):
        for _ in range(3):
            world.wait(1)
            await listener.renew([key("web-1")])
            await listener.save()
        world.store.takes_s = seconds_late
        await world.leases.look()
        world.store.takes_s = 0.0
        assert world.ready() == ["web-1"]


async def test_a_database_that_was_away_makes_nobody_silent_whom_another_process_heard() -> None:
    world = LeaseWorld(a_service(), a_pod(lease_duration_s=5))
    listener = world.another()
    world.store.is_down = True
    for _ in range(30):
        world.wait(1)
        await listener.renew([key("web-1")])
        with suppress(NotSynced):
            await world.leases.look()
    assert world.ready() == ["web-1"]
    world.store.is_down = False
    await listener.save()  # as every process does within a second
    await world.pass_time(5)
    assert world.ready() == ["web-1"]
    await world.pass_time(10)
    assert world.ready() == []


async def test_a_process_that_is_always_late_still_finds_who_is_silent() -> None:
    world = LeaseWorld(a_service(), a_pod(lease_duration_s=5))
    for _ in range(20):
        world.wait(1 + 2 * heartbeats.LATE_S_MAX)
        await world.leases.look()
    assert world.ready() == []
