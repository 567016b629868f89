"""Subjects of answers: an answer changes only when one of its subjects is touched."""

from dataclasses import replace

import pytest
from hypothesis import given

from app.domain.changes import Change
from app.domain.discovery.zone.answer import answer
from app.domain.discovery.zone.config import PodRecords, ZoneConfig
from app.domain.discovery.zone.records import Outcome, OutOfZone, Question, Records
from app.domain.discovery.zone.subjects import Subject, subjects_of, touched_by
from app.domain.names import NamespacedName, Revision, parse_domain
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_node,
    a_pod,
    a_service,
    an_endpoint,
    an_endpoint_slice,
)
from tests.strategies import NAMESPACES, named_histories, names_of_the_zone, question_types

CONFIG = ZoneConfig(
    zones=tuple(parse_domain(zone) for zone in ("cluster.local", "in-addr.arpa", "ip6.arpa")),
    pods=PodRecords.VERIFIED,
)


def subjects_of_answer(name: str, outcome: Outcome) -> set[Subject] | None:
    found: set[Subject] = set()
    via = () if isinstance(outcome, OutOfZone) else outcome.via
    for each in (parse_domain(name), *via):
        subjects = subjects_of(each, CONFIG)
        if subjects is None:
            return None
        found.update(subjects)
    return found


def without_serial(outcome: Outcome) -> Outcome:
    if isinstance(outcome, Records | OutOfZone):
        return outcome
    return replace(outcome, soa=replace(outcome.soa, content=parse_domain("serial")))


@given(named_histories(), names_of_the_zone, question_types)
def test_an_answer_is_unchanged_until_one_of_its_subjects_is_touched(
    history: list[Change], name: str, type_: int
) -> None:
    snapshot: Snapshot = load(map(a_namespace, NAMESPACES), revision=Revision(0))
    question = Question(parse_domain(name), type_)
    for change in history:
        before = answer(snapshot, question, CONFIG)
        snapshot = snapshot.apply([change])
        subjects = subjects_of_answer(name, before)
        if subjects is not None and subjects.isdisjoint(touched_by(change, snapshot)):
            after = answer(snapshot, question, CONFIG)
            assert without_serial(after) == without_serial(before)


DEFAULT, WEB = NamespacedName("", "default"), NamespacedName("default", "web")


@pytest.mark.parametrize(
    ("name", "subjects"),
    [
        ("web.default.svc.cluster.local", {WEB, DEFAULT}),
        ("WEB.Default.svc.cluster.local", {WEB, DEFAULT}),
        ("db-0.web.default.svc.cluster.local", {WEB, DEFAULT}),
        ("_tcp.web.default.svc.cluster.local", {WEB, DEFAULT}),
        ("_http._tcp.web.default.svc.cluster.local", {WEB, DEFAULT}),
        ("default.svc.cluster.local", {DEFAULT}),
        ("10-244-0-1.default.pod.cluster.local", {DEFAULT, "10.244.0.1"}),
        ("nonsense.default.pod.cluster.local", {DEFAULT, ""}),
        ("20.0.96.10.in-addr.arpa", {"10.96.0.20"}),
        # Names that no change alters.
        ("svc.cluster.local", set[Subject]()),
        ("dns-version.cluster.local", set[Subject]()),
        ("a.b.c.d.e.f.cluster.local", set[Subject]()),
        ("www.example.com", set[Subject]()),
        # Names with too many subjects.
        ("cluster.local", None),
        ("ns.dns.cluster.local", None),
        ("0.96.10.in-addr.arpa", None),
    ],
)
def test_a_name_gives_the_subjects_of_its_answers(name: str, subjects: set[Subject] | None) -> None:
    found = subjects_of(parse_domain(name), CONFIG)
    assert (None if found is None else set(found)) == subjects


STATE = load(
    [a_namespace(), a_service(), an_endpoint_slice(an_endpoint("10.244.0.1"))],
    revision=Revision(1),
)


@pytest.mark.parametrize(
    ("before", "after", "subjects"),
    [
        # The reverse names of endpoints depend on the Service.
        (a_service(), a_headless_service("web"), {WEB, "10.96.0.20", "10.244.0.1"}),
        (
            an_endpoint_slice(an_endpoint("10.244.0.1")),
            an_endpoint_slice(an_endpoint("010.244.0.2")),
            {WEB, "10.244.0.1", "10.244.0.2"},
        ),
        (None, an_endpoint_slice(an_endpoint("10.244.0.7"), service=""), {"10.244.0.7"}),
        (None, a_pod(pod_ips=("010.244.0.9", "FD00::9")), {"10.244.0.9", "fd00::9"}),
        (None, a_node(), set[Subject]()),
    ],
)
def test_a_change_touches_both_of_its_sides(
    before: Object | None, after: Object | None, subjects: set[Subject]
) -> None:
    change = Change(revision=Revision(2), before=before, after=after)
    assert set(touched_by(change, STATE.apply([change]))) == subjects


@pytest.mark.parametrize("comes", [True, False])
def test_a_created_or_deleted_namespace_touches_its_objects(*, comes: bool) -> None:
    namespace = a_namespace("default")
    slice_ = an_endpoint_slice(an_endpoint())
    snapshot = load([a_service(), slice_], revision=Revision(1))
    sides = (None, namespace) if comes else (namespace, None)
    change = Change(revision=Revision(2), before=sides[0], after=sides[1])
    assert set(touched_by(change, snapshot)) == {
        NamespacedName("", "default"),
        NamespacedName("default", "web"),
        "10.96.0.20",
        "10.244.0.1",
    }


def test_a_label_on_a_namespace_touches_nothing() -> None:
    change = Change(
        revision=Revision(2),
        before=a_namespace("default"),
        after=a_namespace("default", phase="Terminating"),
    )
    assert not tuple(touched_by(change, load([a_service()], revision=Revision(2))))
