"""Many reports of probes are one write, and those that say nothing new are none."""

from app.domain.names import Uid
from app.domain.registration.health.readiness import Report
from app.registry.leases.readiness_reports import showing_pods, take_over
from tests.builders import a_pod, a_service, key
from tests.registry.worlds import World


def test_reports_are_one_write_and_reach_the_slices() -> None:
    world = World(a_service(), *(a_pod(f"p{n}", pod_ips=(f"10.0.0.{n + 1}",)) for n in range(3)))
    before = world.snapshot.revision
    reports = {
        key(f"p{n}"): Report(uid=world.pod(f"p{n}").metadata.uid, is_ready=n == 0, message="gone")
        for n in range(3)
    }
    world.writer.write_now(lambda work: take_over(work, reports))
    assert world.ready() == ["p0"]
    assert world.snapshot.revision == before + 1

    world.writer.write_now(lambda work: take_over(work, reports))
    assert world.snapshot.revision == before + 1


def test_reports_on_pods_that_are_gone_or_others_are_void() -> None:
    world = World(a_pod("p0"))
    before = world.snapshot
    stale = Report(uid=Uid("of-a-former-one"), is_ready=False)
    world.writer.write_now(lambda work: take_over(work, {key("p0"): stale, key("p1"): stale}))
    assert world.snapshot is before


def test_pods_are_shown_as_they_are_and_as_they_change() -> None:
    world = World(a_pod("p0"))
    seen: list[str] = []
    with showing_pods(
        world.view,
        lambda pod: seen.append(f"{pod.metadata.name} {len(pod.pod_ips)}"),
        lambda gone: seen.append(f"{gone.name} gone"),
    ):
        world.create(a_pod("p1"), a_service())
        world.put_status(a_pod("p0", pod_ips=(), metadata=world.pod("p0").metadata))
        world.delete(world.pod("p0"), grace_s=0)
    world.create(a_pod("p2"))
    assert seen == ["p0 1", "p1 1", "p0 0", "p0 gone"]
