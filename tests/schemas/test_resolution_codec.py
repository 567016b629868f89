"""Decoding of the questions of ``/resolve``, and encoding of the answers."""

import pytest

from app.domain.discovery.resolution import Asked, Resolved
from app.domain.discovery.resolvers.lookup import Lookup, Outcome, Status
from app.domain.discovery.resolvers.resolv_conf import ResolvConf
from app.domain.errors import BadRequest
from app.domain.names import NamespacedName, Revision
from app.domain.objects.resource import Object
from app.domain.snapshot import load
from app.schemas.resolution import Question, Resolution
from app.schemas.resolution_codec import asked_of, encode_resolution
from tests.builders import a_service, an_endpoint, an_endpoint_slice

REVISION = Revision(7)
CONF = ResolvConf(
    nameservers=("10.96.0.10",),
    search=("default.svc.cluster.local",),
    options=(("ndots", "5"), ("edns0", None), ("x", "y")),
)


def a_resolved(service: NamespacedName | None = None) -> Resolved:
    return Resolved(
        asked=Asked(name="web", qtype="ADDR"),
        lookup=Lookup(name="web", qtype="ADDR"),
        conf=CONF,
        outcome=Outcome(status=Status.NOERROR, addresses=("10.96.0.20",)),
        service=service,
    )


@pytest.mark.parametrize(
    ("search", "domains"),
    [
        (None, None),
        ("", ()),
        ("a,b  c", ("a", "b", "c")),
        (["a,b", "c d", ""], ("a", "b", "c", "d")),
    ],
)
def test_search_domains_are_split_at_commas_and_spaces(
    search: str | list[str] | None, domains: tuple[str, ...] | None
) -> None:
    query = Question.model_validate({"name": "web", "search": search})
    assert asked_of(query).search == domains


def test_a_pod_is_named_with_its_namespace() -> None:
    query = Question.model_validate({"name": "web", "pod": "a/b"})
    assert asked_of(query).pod == NamespacedName("a", "b")
    assert asked_of(Question.model_validate({"name": "web"})).pod is None


@pytest.mark.parametrize("pod", ["b", "/b", "a/", "a/b/c"])
def test_a_malformed_name_of_a_pod_is_a_bad_request(pod: str) -> None:
    with pytest.raises(BadRequest, match="pod: must be of the form namespace/name") as refused:
        asked_of(Question.model_validate({"name": "web", "pod": pod}))
    assert [cause.field for cause in refused.value.causes] == ["pod"]


def test_options_are_numbers_words_or_true() -> None:
    wire = encode_resolution(a_resolved(), load([], revision=REVISION), explain=False)
    assert wire["resolvConf"] == {
        "nameservers": ["10.96.0.10"],
        "search": ["default.svc.cluster.local"],
        "options": {"ndots": 5, "edns0": True, "x": "y"},
    }


@pytest.mark.parametrize("explain", [False, True])
def test_answers_have_the_documented_shape(*, explain: bool) -> None:
    service, slice_ = a_service(), an_endpoint_slice(an_endpoint("10.244.0.1"))
    objects: list[Object] = [service, slice_]
    resolved = a_resolved(service.metadata.key)
    wire = encode_resolution(resolved, load(objects, revision=REVISION), explain=explain)
    read = Resolution.model_validate(wire)
    assert read.resource_version == str(REVISION)
    assert [each.address for each in read.endpoints or ()] == ["10.244.0.1"] * explain
