"""Which Services two revisions may see differently."""

from dataclasses import replace

from app.domain.changes import Change
from app.domain.dataplane.incremental.step import step_between
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from tests.builders import a_service, an_endpoint, an_endpoint_slice, key


def touched(before: Snapshot, *sides: tuple[Object | None, Object | None]) -> set[str]:
    changes = [
        Change(revision=Revision(before.revision + at), before=old, after=new)
        for at, (old, new) in enumerate(sides, start=1)
    ]
    return {key.name for key in step_between(before, before.apply(changes)).touched}


SHARED = an_endpoint("10.244.0.1")
WEB = an_endpoint_slice(SHARED, service="web", name="web-1")
STATE = load(
    [
        *(
            a_service(name, cluster_ip=at, cluster_ips=(at,))
            for name, at in (("web", "10.96.0.1"), ("db", "10.96.0.2"), ("api", "10.96.0.3"))
        ),
        WEB,
        an_endpoint_slice(SHARED, service="db", name="db-1"),
    ],
    revision=Revision(1),
)


def test_a_step_touches_services_by_themselves_and_through_slices() -> None:
    slice_ = an_endpoint_slice(an_endpoint("10.244.0.9"), service="api", name="api-1")
    moved = an_endpoint_slice(an_endpoint("10.244.0.9"), service="new", name="api-1")
    assert touched(STATE, (None, slice_)) == {"api"}
    assert touched(STATE, (None, slice_), (slice_, moved)) == {"new"}
    assert touched(STATE, (None, a_service("other"))) == {"other"}


def test_a_step_touches_services_that_share_what_changed() -> None:
    assert touched(STATE, (WEB, None)) == {"web", "db"}, "they share an endpoint"
    service = STATE.services[key("web")]
    assert touched(STATE, (service, replace(service, external_ips=("10.96.0.3",)))) == {
        "web",
        "db",
        "api",
    }


def test_what_came_and_went_again_is_no_difference() -> None:
    service = a_service("other")
    assert touched(STATE, (None, service), (service, None)) == set()
