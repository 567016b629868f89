"""Objects reduced for the zone give the same answers as whole ones."""

from hypothesis import given

from app.domain.changes import Change
from app.domain.discovery.zone.answer import answer
from app.domain.discovery.zone.config import PodRecords, ZoneConfig
from app.domain.discovery.zone.objects import stripped
from app.domain.discovery.zone.records import Question
from app.domain.names import Revision, parse_domain
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from tests.builders import a_namespace, a_node, an_endpoint, an_endpoint_slice
from tests.dns_vectors import VECTORS, config_of, snapshot_of
from tests.strategies import NAMESPACES, named_histories, names_of_the_zone, question_types

CONFIG = ZoneConfig(
    zones=tuple(parse_domain(zone) for zone in ("cluster.local", "in-addr.arpa", "ip6.arpa")),
    pods=PodRecords.VERIFIED,
)


def cut_down(snapshot: Snapshot) -> Snapshot:
    kinds = (snapshot.namespaces, snapshot.services, snapshot.pods, snapshot.slices)
    objects: list[Object] = [each for kind in kinds for each in kind.values()]
    return load(map(stripped, objects), revision=snapshot.revision)


@given(named_histories(), names_of_the_zone, question_types)
def test_no_answer_depends_on_a_dropped_field(history: list[Change], name: str, type_: int) -> None:
    snapshot = load(map(a_namespace, NAMESPACES), revision=Revision(0)).apply(history)
    question = Question(parse_domain(name), type_)
    assert answer(cut_down(snapshot), question, CONFIG) == answer(snapshot, question, CONFIG)


def test_no_published_answer_depends_on_a_dropped_field() -> None:
    for fixture in VECTORS["fixtures"]:
        snapshot = snapshot_of(fixture)
        small = cut_down(snapshot)
        for case in VECTORS["cases"]:
            if case["fixture"] == fixture:
                question = Question(parse_domain(case["qname"]), 1)
                config = config_of(case)
                assert answer(small, question, config) == answer(snapshot, question, config)


def test_equal_values_are_shared_between_objects() -> None:
    ready = an_endpoint("10.244.0.1", pod="p1", node_name="n1", zone="z1")
    slices = [stripped(an_endpoint_slice(ready, name=name)) for name in ("a", "b")]
    first, second = (slice_ for slice_ in slices if hasattr(slice_, "ports"))
    assert getattr(first, "ports", None) is getattr(second, "ports", ())


def test_a_slice_without_a_service_is_kept() -> None:
    stray = stripped(an_endpoint_slice(an_endpoint(), service=""))
    assert isinstance(stray, EndpointSlice)
    assert stray.service is None


def test_other_kinds_are_unchanged() -> None:
    node = a_node()
    assert stripped(node) is node
