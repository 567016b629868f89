"""Grounds of resolutions: the whole answer is the same until one is lost."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.discovery.nameserver import Fitting
from app.domain.discovery.resolution import Asked, Profile, Resolved
from app.domain.discovery.resolvers.lookup import Query, Rcode, Reply
from app.domain.discovery.resolvers.resolv_conf import ClusterDNS
from app.domain.discovery.zone.records import Records
from app.domain.errors import NotFound
from app.domain.names import DomainName, NamespacedName, Revision
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from app.registry.resolution import Resolver, resolve
from app.registry.resolution_ground import PARTS_MAX, SUBJECTS_MAX
from app.schemas.resolution_codec import encode_resolution
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_node,
    a_pod,
    a_service,
    an_alias,
    an_endpoint,
    an_endpoint_slice,
)
from tests.domain.discovery.zone.test_subjects import CONFIG
from tests.strategies import NAMESPACES, named_histories, names_of_the_zone

RESOLVER = Resolver(
    dns=ClusterDNS(nameservers=("10.96.0.10",), cluster_domain="cluster.local"), zone=CONFIG
)
STATE = load(
    [a_namespace(), a_service(), an_endpoint_slice(an_endpoint("10.244.0.1")), a_pod()],
    revision=Revision(1),
)


def resolved(snapshot: Snapshot, asked: Asked, resolver: Resolver = RESOLVER) -> Resolved:
    return asyncio.run(resolve(snapshot, asked, resolver))


def shown(snapshot: Snapshot, asked: Asked) -> Mapping[str, object]:
    found = encode_resolution(resolved(snapshot, asked), snapshot, explain=True)
    del found["resourceVersion"]
    return found


@st.composite
def questions(draw: st.DrawFn) -> Asked:
    """A question of a program: short and whole names, addresses, asked by a Pod or not."""
    short = st.sampled_from(("web", "s0", "s1.shop", "db-0.web", "10.244.0.1", "10.96.0.20"))
    name = draw(st.one_of(short, names_of_the_zone, names_of_the_zone.map("{}.".format)))
    is_address = name[0].isdigit() and "arpa" not in name and "pod" not in name
    return Asked(
        name=name,
        qtype="PTR" if is_address else draw(st.sampled_from(("ADDR", "A", "AAAA", "SRV", "TXT"))),
        profile=draw(st.sampled_from(list(Profile))),
        namespace=draw(st.sampled_from(NAMESPACES)),
        pod=draw(st.sampled_from((None, None, NamespacedName("default", "p0")))),
        search=draw(st.sampled_from((None, None, (), ("shop.svc.cluster.local",)))),
        ndots=draw(st.sampled_from((None, None, 1))),
    )


@given(named_histories(), questions())
def test_an_answer_is_the_same_while_its_ground_holds(history: list[Change], asked: Asked) -> None:
    snapshot = load(map(a_namespace, NAMESPACES), revision=Revision(0))
    for change in history:
        try:
            before = resolved(snapshot, asked)
        except NotFound:
            snapshot = snapshot.apply([change])
            continue
        ground = RESOLVER.ground_of(snapshot, before)
        said = shown(snapshot, asked)
        snapshot = snapshot.apply([change])
        if ground is not None and ground(snapshot):
            assert shown(snapshot, asked) == said


def holds(asked: Asked, *changed: Object) -> bool:
    """Whether an answer of the state is still one after objects were created or replaced."""
    ground = RESOLVER.ground_of(STATE, resolved(STATE, asked))
    assert ground is not None
    changes = (Change(revision=Revision(2), before=None, after=each) for each in changed)
    return ground(STATE.apply(changes))


WEB = Asked(name="web", qtype="ADDR")


def test_it_holds_while_others_change() -> None:
    assert holds(WEB)
    assert holds(WEB, a_node(), a_service("other"), a_pod(name="p7"))


@pytest.mark.parametrize(
    "changed",
    [a_service(labels={"a": "b"}), an_endpoint_slice(an_endpoint("10.244.0.2"))],
)
def test_it_does_not_hold_after_a_change_of_what_was_read(changed: Object) -> None:
    assert not holds(WEB, changed)


def test_it_depends_on_the_pod_that_asks() -> None:
    asked = replace(WEB, pod=a_pod().metadata.key)
    assert holds(asked, a_service("other"))
    assert not holds(asked, a_pod(labels={"a": "b"}))


def test_a_name_that_is_missing_depends_on_whether_it_comes() -> None:
    asked = replace(WEB, name="later")
    assert holds(asked, a_service("other"))
    assert not holds(asked, a_service("later"))


async def upstream(_: DomainName, __: str) -> Reply:
    return Reply(rcode=Rcode.NXDOMAIN)


def test_what_an_upstream_server_was_asked_for_has_none() -> None:
    asking = replace(RESOLVER, upstream=upstream)
    outside = replace(WEB, name="www.example.com.")
    assert asking.ground_of(STATE, resolved(STATE, outside, asking)) is None
    assert asking.ground_of(STATE, resolved(STATE, WEB, asking)) is not None
    assert RESOLVER.ground_of(STATE, resolved(STATE, outside)) is not None


def test_an_alias_depends_on_its_target() -> None:
    state = STATE.apply([Change(revision=Revision(2), before=None, after=an_alias("s0", TARGET))])
    ground = RESOLVER.ground_of(state, resolved(state, replace(WEB, name="s0")))
    assert ground is not None
    assert ground(state)
    changed = Change(revision=Revision(3), before=None, after=a_service(labels={"a": "b"}))
    assert not ground(state.apply([changed]))


TARGET = "web.default.svc.cluster.local"


def truncating(_: Query, __: Records) -> int:
    return 0


def test_an_answer_that_was_cut_has_none() -> None:
    fitting: Fitting = truncating
    cutting = replace(RESOLVER, fitting=fitting)
    found = resolved(STATE, replace(WEB, profile=Profile.MUSL), cutting)
    assert any(step.reply.is_truncated for step in found.outcome.steps)
    assert cutting.ground_of(STATE, found) is None


def test_what_too_much_of_the_state_decides_has_none() -> None:
    apex = resolved(STATE, Asked(name="cluster.local.", qtype="TXT"))
    assert RESOLVER.ground_of(STATE, apex) is None


def test_a_walk_of_too_many_names_has_none() -> None:
    search = tuple(f"n{number}.svc.cluster.local" for number in range(SUBJECTS_MAX))
    found = resolved(STATE, replace(WEB, name="none", search=search, profile=Profile.GLIBC))
    assert RESOLVER.ground_of(STATE, found) is None


def test_an_answer_of_too_many_parts_has_none() -> None:
    slices = [
        an_endpoint_slice(an_endpoint(f"10.244.1.{number}"), name=f"many-{number}", service="many")
        for number in range(PARTS_MAX)
    ]
    state = load([a_namespace(), a_headless_service("many"), *slices], revision=Revision(1))
    found = resolved(state, replace(WEB, name="many"))
    assert found.service is not None
    assert RESOLVER.ground_of(state, found) is None
