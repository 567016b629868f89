"""Grounds of answers: an answer is the same wherever the state has the very same parts."""

from hypothesis import given

from app.domain.changes import Change
from app.domain.discovery.zone.answer import answer
from app.domain.discovery.zone.ground import ground_of
from app.domain.discovery.zone.records import Question
from app.domain.names import NamespacedName, Revision, parse_domain
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    a_namespace,
    a_node,
    a_pod,
    a_service,
    an_endpoint,
    an_endpoint_slice,
)
from tests.domain.discovery.zone.test_subjects import (
    CONFIG,
    DEFAULT,
    WEB,
    subjects_of_answer,
    without_serial,
)
from tests.strategies import NAMESPACES, named_histories, names_of_the_zone, question_types


def is_same(before: tuple[object, ...], after: tuple[object, ...]) -> bool:
    return len(before) == len(after) and all(a is b for a, b in zip(before, after, strict=True))


@given(named_histories(), names_of_the_zone, question_types)
def test_an_answer_is_the_same_on_the_same_ground(
    history: list[Change], name: str, type_: int
) -> None:
    snapshot: Snapshot = load(map(a_namespace, NAMESPACES), revision=Revision(0))
    question = Question(parse_domain(name), type_)
    for change in history:
        before = answer(snapshot, question, CONFIG)
        subjects = subjects_of_answer(name, before)
        ground = None if subjects is None else ground_of(snapshot, sorted(subjects, key=str))
        snapshot = snapshot.apply([change])
        if subjects is None or ground is None:
            continue
        if is_same(ground, ground_of(snapshot, sorted(subjects, key=str))):
            after = answer(snapshot, question, CONFIG)
            assert without_serial(after) == without_serial(before)


SERVICE, SLICE = a_service(), an_endpoint_slice(an_endpoint("10.244.0.1"))
POD = a_pod(pod_ips=("10.244.0.1",))
STATE = load([a_namespace(), SERVICE, SLICE, POD], revision=Revision(1))


def test_the_ground_of_a_service_is_itself_and_its_slices() -> None:
    assert ground_of(STATE, [WEB]) == (SERVICE, SLICE)
    assert ground_of(STATE, [NamespacedName("default", "none")]) == (None,)


def test_the_ground_of_a_namespace_is_whether_it_exists() -> None:
    assert ground_of(STATE, [DEFAULT, NamespacedName("", "none")]) == (True, False)


def test_the_ground_of_an_address_is_who_has_it_and_what_these_name() -> None:
    assert ground_of(STATE, ["10.96.0.20"]) == (SERVICE, SERVICE, True)
    assert ground_of(STATE, ["10.244.0.1"]) == (None, SLICE, POD, SERVICE, True)
    assert ground_of(STATE, ["10.0.0.1"]) == (None,)


def test_an_object_of_another_kind_is_no_part_of_it() -> None:
    change = Change(revision=Revision(2), before=None, after=a_node())
    subjects = (WEB, DEFAULT, "10.244.0.1")
    assert is_same(ground_of(STATE, subjects), ground_of(STATE.apply([change]), subjects))
