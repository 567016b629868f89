"""Many probe reports are one write, and reports without a change are none."""

from app.domain.names import Uid
from app.domain.registration.health.readiness import Report
from app.registry.leases.readiness_reports import apply_reports, following_pods
from tests.builders import a_pod, a_service, key
from tests.registry.worlds import World


def test_reports_are_one_write_and_reach_the_slices() -> None:
    world = World(a_service(), *(a_pod(f"p{n}", pod_ips=(f"10.0.0.{n + 1}",)) for n in range(3)))
    before = world.snapshot.revision
    reports = {
        key(f"p{n}"): Report(uid=world.pod(f"p{n}").metadata.uid, is_ready=n == 0, message="gone")
        for n in range(3)
    }
    world.writer.write_now(lambda work: apply_reports(work, reports))
    assert world.ready() == ["p0"]
    assert world.snapshot.revision == before + 1

    world.writer.write_now(lambda work: apply_reports(work, reports))
    assert world.snapshot.revision == before + 1


def test_reports_on_deleted_or_recreated_pods_are_ignored() -> None:
    world = World(a_pod("p0"))
    before = world.snapshot
    stale = Report(uid=Uid("of-a-former-one"), is_ready=False)
    world.writer.write_now(lambda work: apply_reports(work, {key("p0"): stale, key("p1"): stale}))
    assert world.snapshot is before


def test_a_prober_sees_existing_pods_and_every_change() -> None:
    world = World(a_pod("p0"))
    seen: list[str] = []
    with following_pods(
        world.view,
        lambda pod: seen.append(f"{pod.metadata.name} {len(pod.pod_ips)}"),
        lambda gone: seen.append(f"{gone.name} gone"),
    ):
        world.create(a_pod("p1"), a_service())
        world.put_status(a_pod("p0", pod_ips=(), metadata=world.pod("p0").metadata))
        world.delete(world.pod("p0"), grace_s=0)
    world.create(a_pod("p2"))
    assert seen == ["p0 1", "p1 1", "p0 0", "p0 gone"]
