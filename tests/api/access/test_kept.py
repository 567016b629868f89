"""Permits that are kept: a layer that keeps them answers as one that evaluates every request."""

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Final

import pytest

from app.api.access.identity import Caller, Permit
from app.api.access.kept import TARGET_MAX, KeptPermits, Key, key_of
from app.api.access.layer import AccessControl
from app.api.access.routes import Routes
from app.api.credentials.outcomes import Method
from app.api.credentials.tokens import mint
from app.api.transport.connection import PEER_CERTIFICATE
from app.domain.access.subjects import NODES, User, node_user_name
from app.domain.access.tokens import TokenKind, id_of, stored_by_id
from app.domain.objects.resource import Object
from app.domain.resources import resource_of
from tests.api.access.test_layer import ALICE, BOB, ROUTES, Place, a_place, routed
from tests.builders import (
    a_cluster_role,
    a_cluster_role_binding,
    a_role_binding,
    a_rule,
    a_service,
    a_subject,
    a_token,
)
from tests.memory_writer import EPOCH

STEPS: Final = 40
CAROL = mint(TokenKind.USER)
AGENT = mint(TokenKind.NODE)
REQUESTS: Final = tuple(
    (method, path, token)
    for token in (ALICE, BOB, CAROL, AGENT)
    for method, path in (
        ("GET", "/services"),
        ("HEAD", "/services?namespace=default"),
        ("GET", "/services/default/web"),
        ("GET", "/services/kube-system/web"),
    )
)
CHANGED: Final[tuple[Object, ...]] = (
    a_cluster_role(a_rule("get list"), name="reads"),
    a_cluster_role_binding(role="reads"),
    a_cluster_role_binding(a_subject("bob"), name="of-bob", role="reads"),
    a_role_binding(a_subject("bob"), namespace="default", kind="ClusterRole", role="reads"),
    a_role_binding(
        a_subject("dev", "Group"), namespace="kube-system", kind="ClusterRole", role="reads"
    ),
    a_cluster_role_binding(a_subject(node_user_name("n1")), name="of-n1", role="reads"),
    a_token(BOB, user="bob", groups=("dev",)),
    a_token(CAROL, user="carol", groups=("dev",)),
    a_token(AGENT, user=node_user_name("n1"), groups=(NODES,)),
    a_service("web"),
)
PERMIT = Permit(
    caller=Caller(user=User(name="a"), real=User(name="a"), method=Method.TOKEN),
    asked=(),
    tokens_of=stored_by_id,
    now=lambda: EPOCH,
)
KEY = (b"", "GET", "/", b"")


@pytest.mark.parametrize("seed", range(5))
async def test_requests_are_answered_as_if_each_were_evaluated(seed: int) -> None:
    choose, place = Random(seed), a_place()  # noqa: S311  not for secrets
    for _ in range(STEPS):
        toggle(place, choose.choice(CHANGED))
        place.now += timedelta(hours=choose.choice((0, 0, 24)))
        place.is_stale = choose.random() < 1 / 8
        for method, path, token in choose.choices(REQUESTS, k=12):
            answer = await place.ask(path, token, method)
            kept, place.layer = place.layer, a_layer(place)
            evaluated = await place.ask(path, token, method)
            place.layer = kept
            assert (answer.status_code, answer.text) == (evaluated.status_code, evaluated.text)


def toggle(place: Place, changed: Object) -> None:
    """Create an object, or delete it if it is there."""
    known = place.world.snapshot.of(resource_of(changed))
    found = known.get(changed.metadata.key)
    if found is None:
        place.world.create(changed)
    else:
        place.world.delete(found)


def a_layer(place: Place) -> AccessControl:
    return AccessControl(routed, routes=Routes(ROUTES), access=place.access)


async def test_a_request_that_comes_again_is_counted_and_recorded_as_the_first() -> None:
    place = a_place()
    for _ in range(3):
        assert (await place.ask(token=ALICE)).status_code == 200
    assert place.counted("token", "success") == 3
    assert place.used == [id_of(ALICE)] * 3


def test_permits_are_kept_up_to_their_number_the_oldest_going_first() -> None:
    permits, snapshot = KeptPermits(kept_max=2), a_place().world.snapshot
    keys = [(bytes([number]), "GET", "/", b"") for number in range(3)]
    for key in keys:
        assert permits.find(key, snapshot, EPOCH) is None
        permits.keep(key, snapshot, PERMIT)
    assert [permits.find(key, snapshot, EPOCH) for key in keys] == [None, PERMIT, PERMIT]


def test_a_permit_given_on_a_state_that_has_changed_meanwhile_is_not_kept() -> None:
    permits, world = KeptPermits(), a_place().world
    before = world.snapshot
    permits.find(KEY, before, EPOCH)
    world.create(a_token(CAROL, user="carol"))
    permits.find(KEY, world.snapshot, EPOCH)
    permits.keep(KEY, before, PERMIT)
    assert permits.find(KEY, world.snapshot, EPOCH) is None


def test_permits_outlive_changes_of_what_does_not_decide() -> None:
    permits, world = KeptPermits(), a_place().world
    permits.find(KEY, world.snapshot, EPOCH)
    permits.keep(KEY, world.snapshot, PERMIT)
    world.create(a_service())
    assert permits.find(KEY, world.snapshot, EPOCH) is PERMIT


@pytest.mark.parametrize(
    "caller",
    [
        replace(PERMIT.caller, method=Method.JWT),
        replace(PERMIT.caller, user=User(name=node_user_name("n1"), groups=(NODES,))),
    ],
)
def test_what_other_things_decide_is_not_kept(caller: Caller) -> None:
    permits, snapshot = KeptPermits(), a_place().world.snapshot
    permits.find(KEY, snapshot, EPOCH)
    permits.keep(KEY, snapshot, replace(PERMIT, caller=caller))
    assert permits.find(KEY, snapshot, EPOCH) is None


def a_key(*identity: tuple[bytes, bytes], **fields: object) -> Key | None:
    scope = {"method": "GET", "path": "/services", "query_string": b"", **fields}
    return key_of(scope, identity)


BEARER = (b"authorization", b"Bearer x")


def test_the_key_of_a_request_has_its_target_and_no_secret() -> None:
    key = a_key(BEARER, query_string=b"limit=1")
    assert key is not None
    assert key[1:] == ("GET", "/services", b"limit=1")
    assert b"Bearer x" not in key[0]


@pytest.mark.parametrize(
    ("identity", "fields"),
    [
        ((), {}),
        ((BEARER, BEARER), {}),
        ((BEARER, (b"impersonate-user", b"a")), {}),
        (((b"x-remote-user", b"a"),), {}),
        ((BEARER,), {PEER_CERTIFICATE: b"der"}),
        ((BEARER,), {"query_string": b"resourceVersion=7"}),
        ((BEARER,), {"query_string": b"resource%56ersion=7"}),
        ((BEARER,), {"query_string": b"a" * (TARGET_MAX + 1)}),
        ((BEARER,), {"path": "/" + "a" * TARGET_MAX}),
    ],
)
def test_other_requests_have_no_key(
    identity: tuple[tuple[bytes, bytes], ...], fields: dict[str, object]
) -> None:
    assert a_key(*identity, **fields) is None
