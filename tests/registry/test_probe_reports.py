"""Many reports of probes are one write, and those that say nothing new are none."""

from app.domain.names import Uid
from app.domain.registration.readiness import Report
from app.registry.probe_reports import take_over
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
