"""Whether a request that lasts is still allowed, at every later state."""

import math
from datetime import datetime, timedelta

import pytest

from app.api.access.identity import Caller, Permit
from app.api.credentials.outcomes import Method
from app.api.credentials.tokens import mint
from app.api.errors import Unauthenticated
from app.domain.access.attributes import Attributes
from app.domain.access.impersonation import parse_impersonation
from app.domain.access.subjects import User
from app.domain.access.tokens import TokenKind, id_of, stored_by_id
from app.domain.errors import DomainError, Expired, Forbidden
from app.domain.objects.resource import Object
from app.domain.objects.role_binding import CLUSTER_ROLE_BINDING, ROLE_BINDING
from app.domain.objects.token import TOKEN
from tests.builders import (
    a_cluster_role,
    a_cluster_role_binding,
    a_namespace,
    a_role_binding,
    a_rule,
    a_subject,
    a_token,
)
from tests.memory_writer import EPOCH
from tests.registry.worlds import World

TEXT = mint(TokenKind.USER)
ALICE, BOB = User(name="alice"), User(name="bob")
LISTING = Attributes(verb="list", resource="services")


def a_permit(
    *,
    impersonator: User | None = None,
    expires_at: datetime | None = None,
    now: datetime = EPOCH,
    namespaces: frozenset[str] | None = None,
) -> Permit:
    caller = Caller(
        user=ALICE,
        real=impersonator or ALICE,
        method=Method.TOKEN,
        credential_id=id_of(TEXT),
        expires_at=expires_at,
        impersonation=impersonator and parse_impersonation([("impersonate-user", "alice")]),
    )
    return Permit(
        caller=caller,
        asked=(LISTING,),
        tokens_of=stored_by_id,
        now=lambda: now,
        namespaces=namespaces,
    )


def lists() -> tuple[Object, Object]:
    """A role that lists everything, bound to alice."""
    return a_cluster_role(a_rule("list"), name="lists"), a_cluster_role_binding(role="lists")


@pytest.fixture
def world() -> World:
    return World(a_namespace("prod"), a_token(TEXT), *lists())


def refusal(permit: Permit, world: World, *, is_past: bool = False) -> type[DomainError] | None:
    found = permit.refusal(world.snapshot, is_past=is_past)
    return None if found is None else type(found)


def test_a_request_is_allowed_while_its_token_and_its_right_last(world: World) -> None:
    assert refusal(a_permit(), world) is None


def test_a_revoked_or_forgotten_token_ends_it(world: World) -> None:
    (token,) = world.snapshot.of(TOKEN).values()
    world.delete(token)
    assert refusal(a_permit(), world) is Unauthenticated
    assert refusal(a_permit(), World()) is Unauthenticated


def test_the_end_of_the_credential_ends_it(world: World) -> None:
    end = EPOCH + timedelta(hours=1)
    before, at = (a_permit(expires_at=end, now=now) for now in (end - timedelta(seconds=1), end))
    assert (refusal(before, world), refusal(at, world)) == (None, Unauthenticated)


def test_a_token_may_not_have_been_issued_yet_in_a_past_state() -> None:
    before = World(*lists())
    assert refusal(a_permit(), before, is_past=True) is None
    assert refusal(a_permit(), before) is Unauthenticated
    revoked = World(a_token(TEXT, revoked_at=EPOCH), *lists())
    assert refusal(a_permit(), revoked, is_past=True) is Unauthenticated


def test_the_time_until_the_end_of_the_credential() -> None:
    end = EPOCH + timedelta(hours=1)
    assert a_permit(expires_at=end).left_s == 3600
    assert a_permit(expires_at=end, now=end).left_s == 0
    assert a_permit().left_s == math.inf


def test_a_request_takes_the_share_of_the_user_that_authenticated() -> None:
    assert a_permit().holder == "alice"
    assert a_permit(impersonator=BOB).holder == "bob"


def test_losing_the_right_ends_it(world: World) -> None:
    (binding,) = world.snapshot.of(CLUSTER_ROLE_BINDING).values()
    world.delete(binding)
    assert refusal(a_permit(), world) is Forbidden


def test_an_impersonation_ends_with_either_right() -> None:
    world = World(
        a_token(TEXT),
        a_cluster_role(a_rule("impersonate", "users"), name="be"),
        a_cluster_role_binding(a_subject("bob"), name="be", role="be"),
        a_cluster_role(a_rule("list"), name="lists"),
        a_cluster_role_binding(a_subject("alice"), role="lists"),
    )
    permit = a_permit(impersonator=BOB)
    assert refusal(permit, world) is None
    bindings = {
        each.metadata.name: each for each in world.snapshot.of(CLUSTER_ROLE_BINDING).values()
    }
    for lost in ("be", "cb"):
        world.delete(bindings[lost])
        assert refusal(permit, world) is Forbidden
        world.create(bindings[lost])


def test_a_change_of_the_visible_namespaces_ends_a_limited_request() -> None:
    world = World(
        a_namespace("prod"),
        a_namespace("dev"),
        a_token(TEXT),
        a_cluster_role(a_rule("list"), name="lists"),
        a_role_binding(namespace="prod", kind="ClusterRole", role="lists"),
    )
    permit = a_permit(namespaces=frozenset({"prod"}))
    assert refusal(permit, world) is None
    added = a_role_binding(namespace="dev", kind="ClusterRole", role="lists")
    world.create(added)
    assert refusal(permit, world) is Expired
    for binding in tuple(world.snapshot.of(ROLE_BINDING).values()):
        world.delete(binding)
    assert refusal(permit, world) is Forbidden


def test_a_route_that_finds_out_more_asks_for_that(world: World) -> None:
    permit = a_permit().asking([Attributes(verb="delete", resource="services")])
    assert refusal(permit, world) is Forbidden
