"""Leases end to end in memory: Pods marked not ready, held, restored and removed."""

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
from app.registry.leases.heartbeats import LATE_S_MAX, Times
from app.registry.leases.lease_tracker import SLACK_S, node_lease, pod_lease
from tests.builders import a_condition, a_node, a_pod, a_service, key
from tests.registry.lease_worlds import LeaseWorld
from tests.waiting import until

LEASE_S = 30
LATE_S = int(LEASE_S + SLACK_S) + 1  # seconds after which a lease has certainly expired
PROBED = Container(name="main", readiness_probe=Probe(http_get=HTTPGetAction(port=80)))


def leased(count: int) -> list[Pod]:
    return [
        a_pod(f"p{n}", pod_ips=(f"10.244.1.{n + 1}",), lease_duration_s=LEASE_S)
        for n in range(count)
    ]


def probed(count: int) -> list[Pod]:
    """Ready Pods on n1 with a readiness probe."""
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


async def test_a_pod_that_misses_its_heartbeats_is_not_ready_and_says_why() -> None:
    world = LeaseWorld(a_service(), *leased(2))
    await world.pass_time(LATE_S, renewing=["p1"])

    assert world.ready() == ["p1"]
    assert the_ready(world).reason == "LeaseExpired"
    assert the_ready(world).message == "no heartbeat since 2026-01-01T00:00:00Z"


async def test_a_pod_without_a_lease_never_expires() -> None:
    world = LeaseWorld(a_service(), a_pod("p0"))
    await world.pass_time(10 * LATE_S)
    assert world.ready() == ["p0"]


async def test_heartbeats_take_no_revision_and_change_no_object() -> None:
    world = LeaseWorld(a_service(), *leased(3))
    before = world.snapshot
    await world.pass_time(3 * LATE_S, renewing=names(3))
    assert world.snapshot is before


async def test_a_second_of_heartbeats_is_one_statement() -> None:
    world = LeaseWorld(*leased(100))
    for _ in range(3):
        await world.leases.renew([key(name) for name in names(100)])
    await world.leases.save()
    await world.leases.save()

    assert world.store.statements == 1
    assert set(world.store.rows) == {pod_lease(key(name)) for name in names(100)}


async def test_a_renewal_lists_unknown_pods() -> None:
    world = LeaseWorld(a_pod("p0"), *leased(2)[1:])
    renewal = await world.leases.renew([key("p0"), key("gone"), key("p1"), key("elsewhere/p1")])

    assert renewal.renewed == (key("p0"), key("p1"))
    assert renewal.unknown == (key("gone"), key("elsewhere/p1"))
    with pytest.raises(NotFound, match="n9"):
        world.leases.renew_node("n9")


@pytest.mark.parametrize(
    "reported",
    [
        a_condition(READY, "True", reason="NoReadinessProbe"),
        a_condition(READY, "True", reason="Registered", message="as I say"),
        a_condition(READY, "False", reason="Draining", message="bye"),
    ],
)
async def test_a_heartbeat_after_expiry_restores_readiness(
    reported: Condition,
) -> None:
    world = LeaseWorld(a_service(), replace(leased(1)[0], conditions=(reported,)))
    await world.pass_time(LATE_S)
    assert the_ready(world).reason == "LeaseExpired"
    assert world.ready() == []

    await world.leases.renew([key("p0")])
    assert replace(the_ready(world), last_transition_at=None) == reported
    assert world.ready() == (["p0"] if reported.status == "True" else [])
    await world.pass_time(LEASE_S)
    assert replace(the_ready(world), last_transition_at=None) == reported


async def test_a_pod_with_an_expired_lease_is_removed_after_a_further_grace() -> None:
    world = LeaseWorld(a_service(), *leased(1))
    await world.pass_time(LATE_S + 55)
    assert key("p0") in world.snapshot.pods
    await world.pass_time(10)
    assert key("p0") not in world.snapshot.pods
    assert pod_lease(key("p0")) not in world.store.rows


async def test_heartbeats_received_by_other_processes_count() -> None:
    world = LeaseWorld(a_service(), *leased(2))
    other = world.another()
    for _ in range(3):
        await world.pass_time(LEASE_S - 5)
        await other.renew([key("p0")])
        await other.save()
    assert world.ready() == ["p0"]


async def test_a_heartbeat_answered_by_another_process_restores_the_pod() -> None:
    world = LeaseWorld(a_service(), *leased(1))
    other = world.another()
    await world.pass_time(LATE_S)
    await other.renew([key("p0")])
    assert world.ready() == ["p0"]
    await world.pass_time(LEASE_S - 1)
    assert world.ready() == ["p0"]


async def test_after_downtime_no_lease_expires_before_a_full_period() -> None:
    world = LeaseWorld(a_service(), *leased(20))
    world.wait(3600)
    world.leases = world.another()
    await world.leases.start_term()

    await world.pass_time(LEASE_S)
    assert world.ready() == sorted(names(20))
    await world.pass_time(LATE_S - LEASE_S)
    assert guard(world) is not None


async def test_a_new_leader_starts_with_a_full_period_for_every_lease() -> None:
    world = LeaseWorld(a_service(), *leased(2))
    standby = world.another()
    world.wait(3600)
    world.leases = standby
    await world.leases.start_term()
    await world.pass_time(LEASE_S)
    assert world.ready() == names(2)


async def test_a_pod_that_was_not_ready_before_a_restart_stays_so() -> None:
    world = LeaseWorld(a_service(), *leased(2))
    await world.pass_time(LATE_S, renewing=["p1"])
    world.wait(3600)
    world.leases = world.another()
    await world.leases.start_term()

    await world.pass_time(5, renewing=["p1"])
    assert world.ready() == ["p1"]
    await world.pass_time(LEASE_S, renewing=["p1"])
    assert key("p0") in world.snapshot.pods, "a full lease and a full grace, from the start"
    await world.pass_time(60, renewing=["p1"])
    assert key("p0") not in world.snapshot.pods


async def test_pods_that_expire_together_are_held_until_they_return() -> None:
    world = LeaseWorld(a_service(), *leased(8))
    await world.pass_time(LATE_S, renewing=names(8, 6))

    condition = guard(world)
    assert condition is not None
    assert condition.status == "True"
    assert condition.message.startswith("6 of 8 ready endpoints missed their heartbeats")
    assert world.ready() == names(8)
    await world.pass_time(600, renewing=names(8, 6))
    assert world.ready() == names(8), "however long they are missing"

    await world.pass_time(2, renewing=names(8))
    condition = guard(world)
    assert condition is not None
    assert condition.status == "False"
    assert world.ready() == names(8)


async def test_when_enough_pods_return_the_missing_ones_are_not_ready() -> None:
    world = LeaseWorld(a_service(), *leased(8))
    await world.pass_time(LATE_S, renewing=names(8, 6))
    await world.pass_time(2, renewing=names(8, 3))
    assert world.ready() == names(8, 3)


async def test_pods_that_expired_one_by_one_are_restored_once_they_are_too_many() -> None:
    world = LeaseWorld(a_service(), *leased(8))
    await world.pass_time(LATE_S, renewing=names(8, 4))
    assert world.ready() == names(8, 4)
    transition = the_ready(world).last_transition_at
    await world.pass_time(LATE_S, renewing=names(8, 6))
    assert world.ready() == names(8)
    assert the_ready(world).last_transition_at != transition, "restored"


async def test_the_guard_holds_through_a_restart() -> None:
    world = LeaseWorld(a_service(), *leased(8))
    await world.pass_time(LATE_S, renewing=names(8, 6))
    began = guard(world)
    world.wait(10)
    world.leases = world.another()
    await world.leases.start_term()

    await world.pass_time(2 * LATE_S, renewing=names(8, 6))
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


async def test_a_pod_held_by_one_of_its_services_stays_ready() -> None:
    off = a_service(
        "off",
        annotations={"waypost/mass-failure-share": "off"},
        cluster_ip="",
        cluster_ips=(),
    )
    world = LeaseWorld(a_service(), off, *leased(8))
    await world.pass_time(LATE_S)
    assert world.ready("off") == world.ready("web") == names(8)


async def test_a_guard_ends_when_all_pods_that_it_held_are_deleted() -> None:
    world = LeaseWorld(a_service(), *leased(6))
    await world.pass_time(LATE_S)
    for pod in leased(6):
        world.delete(pod, grace_s=0)
    await world.pass_time(1)
    condition = guard(world)
    assert condition is not None
    assert condition.status == "False"


async def test_removing_the_lease_restores_the_pod() -> None:
    world = LeaseWorld(a_service(), *leased(1))
    await world.pass_time(LATE_S)
    world.put(replace(world.pod("p0"), lease_duration_s=None))
    await world.pass_time(1)
    assert world.ready() == ["p0"]


async def test_a_pod_created_again_begins_with_a_full_period() -> None:
    world = LeaseWorld(a_service(), *leased(1))
    await world.pass_time(LEASE_S - 5)
    world.delete(world.pod("p0"), grace_s=0)
    world.create(*leased(1))
    await world.pass_time(LEASE_S - 5)
    assert world.ready() == ["p0"]


async def test_an_expired_node_lease_marks_its_probed_pods_not_ready() -> None:
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


async def test_an_expired_node_lease_affects_no_pod_that_its_agent_does_not_probe() -> None:
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


async def test_a_node_without_any_heartbeat_has_no_lease() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(2))
    await world.pass_time(600)
    assert world.ready() == names(2)


async def test_a_node_lease_renewed_at_another_process_expires_too() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(2))
    other = world.another()
    other.renew_node("n1")
    await other.save()
    world.leases = world.another()
    await world.leases.start_term()
    await world.pass_time(45)
    assert world.ready() == []


async def test_a_later_report_restores_a_pod_of_an_expired_node() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(1))
    world.leases.renew_node("n1")
    await world.pass_time(45)
    assert world.ready() == []

    reported = a_condition(READY, "True", last_transition_at=world.writer.now)
    world.put_status(replace(world.pod("p0"), conditions=(reported,)))
    await world.pass_time(600)
    assert world.ready() == ["p0"]


async def test_many_pods_of_an_expired_node_are_held() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(6))
    world.leases.renew_node("n1")
    await world.pass_time(600)
    assert world.ready() == names(6)
    condition = guard(world)
    assert condition is not None
    assert condition.status == "True"


async def test_deleting_a_node_restores_its_pods() -> None:
    world = LeaseWorld(a_node(), a_service(), *probed(1))
    world.leases.renew_node("n1")
    await world.leases.save()
    await world.pass_time(45)
    world.delete(world.node())
    await world.pass_time(1)

    assert world.ready() == ["p0"]
    assert node_lease("n1") not in world.store.rows


async def test_heartbeats_are_kept_while_the_database_is_unreachable() -> None:
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


async def test_a_service_that_publishes_not_ready_pods_needs_no_guard() -> None:
    world = LeaseWorld(a_service(publish_not_ready_addresses=True), *leased(8))
    await world.pass_time(LATE_S)
    assert world.ready() == names(8)
    assert guard(world) is None


def test_the_kind_of_a_lease_is_that_of_its_object() -> None:
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


WITHOUT_PAUSE = Times(save_s=0, sweep_s=0, nodes_s=0)


async def test_heartbeats_are_saved_at_intervals_and_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = LeaseWorld(*leased(3), times=WITHOUT_PAUSE)
    async with running(world.leases.save_periodically):
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


async def test_the_leader_continues_when_the_database_was_unreachable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = LeaseWorld(a_service(), *leased(1), times=WITHOUT_PAUSE)
    async with running(world.leases.expire_periodically):
        await asyncio.sleep(0)
        world.store.is_down = True
        world.wait(LATE_S)
        await until(lambda: "leases could not be checked" in caplog.text)
        world.store.is_down = False

        def is_late_by_then() -> bool:
            world.wait(LATE_S_MAX / 2)  # the time of failed checks does not count
            return world.ready() == []

        await until(is_late_by_then)


async def test_the_leader_starts_when_the_database_is_reachable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = LeaseWorld(a_service(), *leased(1), times=WITHOUT_PAUSE)
    world.store.is_down = True
    async with running(world.leases.expire_periodically):
        await until(lambda: "leases could not be checked" in caplog.text)
        world.store.is_down = False

        def is_late_by_then() -> bool:
            world.wait(LATE_S_MAX / 2)
            return world.ready() == []

        await until(is_late_by_then)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("renew"), st.sets(st.integers(0, 7), max_size=8)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("delete"), st.integers(0, 7)),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(steps)
def test_in_any_history_pods_with_heartbeats_are_ready_and_a_second_sweep_changes_nothing(
    history: list[tuple[str, Any]],
) -> None:
    asyncio.run(live_through(history))


async def live_through(history: list[tuple[str, Any]]) -> None:
    world = LeaseWorld(a_service(), *leased(8))
    heard_at: dict[str, float] = {}
    for step, what in history:
        match step:
            case "renew":
                names = [f"p{n}" for n in sorted(what)]
                renewal = await world.leases.renew([key(name) for name in names])
                await world.leases.save()
                heard_at.update({known.name: world.store.now_s for known in renewal.renewed})
            case "wait":
                world.wait(what)
            case "restart":
                world.leases = world.another()
                await world.leases.start_term()
            case _:
                if key(f"p{what}") in world.snapshot.pods:
                    world.delete(world.pod(f"p{what}"), grace_s=0)
        await world.leases.sweep()
        swept = world.snapshot
        await world.leases.sweep()
        assert world.snapshot is swept, "the same leases lead to the same state"
        the_laws(world, heard_at)


def the_laws(world: LeaseWorld, heard_at: dict[str, float]) -> None:
    for name, at_s in heard_at.items():
        if world.store.now_s - at_s <= LEASE_S and key(name) in world.snapshot.pods:
            assert world.pod(name).is_ready, "its lease is valid"
    if world.service().is_guarded:
        for pod in world.snapshot.pods.values():
            missing_s = world.store.now_s - heard_at.get(pod.metadata.name, 0.0) - LEASE_S
            assert pod.is_ready or missing_s >= WINDOW_S_DEFAULT, "the guard holds it"
    for pod in world.snapshot.pods.values():
        assert pod.is_ready is not pod.has_expired_lease


async def test_the_time_of_a_stalled_process_does_not_count() -> None:
    world = LeaseWorld(a_service(), a_pod(lease_duration_s=5))
    await world.pass_time(10, renewing=["web-1"])
    world.wait(60)  # the process was stopped: heartbeats sent meanwhile have not been read yet
    await world.leases.check()
    assert world.ready() == ["web-1"]
    await world.pass_time(3, renewing=[])
    assert world.ready() == ["web-1"]
    await world.pass_time(10, renewing=[])
    assert world.ready() == []


async def test_the_time_of_a_stalled_database_does_not_count() -> None:
    world = LeaseWorld(a_service(), a_pod(lease_duration_s=5))
    listener = world.another()  # receives all heartbeats
    await world.pass_time(8)
    for seconds_late in (0.0, 60.0, 0.0):
        for _ in range(3):
            world.wait(1)
            await listener.renew([key("web-1")])
            await listener.save()
        world.store.takes_s = seconds_late
        await world.leases.check()
        world.store.takes_s = 0.0
        assert world.ready() == ["web-1"]


async def test_the_time_of_an_unreachable_database_does_not_count() -> None:
    world = LeaseWorld(a_service(), a_pod(lease_duration_s=5))
    listener = world.another()
    world.store.is_down = True
    for _ in range(30):
        world.wait(1)
        await listener.renew([key("web-1")])
        with suppress(NotSynced):
            await world.leases.check()
    assert world.ready() == ["web-1"]
    world.store.is_down = False
    await listener.save()  # as every process does within a second
    await world.pass_time(5)
    assert world.ready() == ["web-1"]
    await world.pass_time(10)
    assert world.ready() == []


async def test_a_leader_that_is_always_late_still_expires_leases() -> None:
    world = LeaseWorld(a_service(), a_pod(lease_duration_s=5))
    for _ in range(20):
        world.wait(1 + 2 * LATE_S_MAX)
        await world.leases.check()
    assert world.ready() == []
