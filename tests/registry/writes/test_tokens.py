"""Tokens as objects: what is filled in, what is refused, how they end and go."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.names import NamespacedName
from app.domain.objects.meta import OwnerReference
from app.domain.objects.namespace import NAMESPACE
from app.domain.objects.token import TOKEN, Token
from app.domain.registration.access.tokens import (
    DAYS_DEFAULT,
    DESCRIPTION_BYTES_MAX,
    ENDED_KEPT,
    GROUPS_MAX,
    NAME_LENGTH_MAX,
    remove_ended,
)
from app.domain.work import Policy, Work
from app.registry.writes import lifecycle
from tests.builders import a_namespace, a_token
from tests.memory_writer import EPOCH
from tests.registry.worlds import World

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
BOT = "system:serviceaccount:prod:bot"
REPLICA = "system:serviceaccount:kube-system:waypost-dns"


def made(world: World, **fields: Any) -> Token:  # noqa: ANN401  any field of a token
    token = a_token(**fields)
    world.create(token)
    return world.snapshot.of(TOKEN)[token.metadata.key]


def causes(world: World, draft: Token, *, is_new: bool = True) -> set[str]:
    write = world.create if is_new else world.put
    with pytest.raises(Invalid) as refused:
        write(draft)
    return {cause.field for cause in refused.value.causes}


def held(world: World, id_: str = "abcdefghijkl") -> Token | None:
    return world.snapshot.of(TOKEN).get(NamespacedName("", id_))


@pytest.fixture
def world() -> World:
    return World(a_namespace("prod"))


def test_a_token_of_a_user_ends_after_90_days_if_it_names_no_time(world: World) -> None:
    assert made(world).expires_at == EPOCH + DAYS_DEFAULT * DAY
    short = World(policy=Policy(token_days_max=7))
    assert made(short).expires_at == EPOCH + 7 * DAY


@pytest.mark.parametrize("user", ["system:node:n1", REPLICA])
def test_tokens_of_agents_and_replicas_may_be_without_end(world: World, user: str) -> None:
    assert made(world, user=user).expires_at is None
    far = EPOCH + 4_000 * DAY
    assert made(world, id="b", user=user, expires_at=far).expires_at == far


def test_groups_and_the_namespace_follow_from_the_user(world: World) -> None:
    node = made(world, id="n", user="system:node:n1")
    assert (node.groups, node.bound_namespace) == (("system:nodes",), "")
    bot = made(world, id="b", user=BOT)
    assert bot.groups == ("system:serviceaccounts", "system:serviceaccounts:prod")
    assert bot.bound_namespace == "prod"
    assert made(world, id="a", groups=("dev",)).groups == ("dev",)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"user": ""}, "spec.user"),
    ({"user": "a\nb"}, "spec.user"),
    ({"user": "x" * (NAME_LENGTH_MAX + 1)}, "spec.user"),
    ({"user": "system:anonymous"}, "spec.user"),
    ({"user": "system:node:"}, "spec.user"),
    ({"user": "system:node:N_1"}, "spec.user"),
    ({"user": "system:serviceaccount:prod"}, "spec.user"),
    ({"user": "system:serviceaccount:Prod:bot"}, "spec.user"),
    ({"user": "system:node:n1", "groups": ("ops",)}, "spec.groups"),
    ({"user": BOT, "groups": ("system:serviceaccounts",)}, "spec.groups"),
    ({"groups": tuple(map(str, range(GROUPS_MAX + 1)))}, "spec.groups"),
    ({"groups": ("a", "")}, "spec.groups[1]"),
    ({"groups": ("a", "b", "a")}, "spec.groups[2]"),
    ({"groups": ("a\x00",)}, "spec.groups[0]"),
    ({"groups": ("system:unauthenticated",)}, "spec.groups[0]"),
    ({"expires_at": EPOCH}, "spec.expiresAt"),
    ({"expires_at": EPOCH + 366 * DAY + SECOND}, "spec.expiresAt"),
    ({"user": "system:node:n1", "expires_at": EPOCH}, "spec.expiresAt"),
    ({"bound_namespace": "none"}, "spec.boundNamespace"),
    ({"bound_namespace": "No"}, "spec.boundNamespace"),
    ({"user": BOT, "bound_namespace": "default"}, "spec.boundNamespace"),
    ({"user": "system:serviceaccount:none:bot"}, "spec.boundNamespace"),
    ({"user": "system:node:n1", "bound_namespace": "prod"}, "spec.boundNamespace"),
    ({"description": "é" * DESCRIPTION_BYTES_MAX}, "spec.description"),
]


@pytest.mark.parametrize(("fields", "field"), REFUSED)
def test_what_breaks_a_rule_is_refused_by_its_field(
    world: World, fields: dict[str, Any], field: str
) -> None:
    assert causes(world, a_token(**fields)) == {field}
    assert held(world) is None


def test_a_token_at_each_limit_is_accepted(world: World) -> None:
    token = made(
        world,
        user="x" * NAME_LENGTH_MAX,
        groups=tuple(map(str, range(GROUPS_MAX))),
        expires_at=EPOCH + 366 * DAY,
        description="d" * DESCRIPTION_BYTES_MAX,
    )
    assert token.metadata.generation == 1


def test_nothing_delays_or_owns_a_token(world: World) -> None:
    owner = OwnerReference(api_version="v1", kind="Pod", name="p", uid="u")
    token = a_token()
    meta = replace(token.metadata, finalizers=("a.example/b",), owner_references=(owner,))
    fields = causes(world, replace(token, metadata=meta))
    assert fields == {"metadata.finalizers", "metadata.ownerReferences"}


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"user": "bob"}, "spec.user"),
    ({"groups": ("ops",)}, "spec.groups"),
    ({"expires_at": None}, "spec.expiresAt"),
    ({"expires_at": EPOCH + DAY}, "spec.expiresAt"),
    ({"bound_namespace": "prod"}, "spec.boundNamespace"),
    ({"created_by": "mallory"}, "status.createdBy"),
    ({"revoked_at": EPOCH}, "status.revokedAt"),
]


@pytest.mark.parametrize(("change", "field"), CHANGES)
def test_nothing_but_the_description_can_be_changed(
    world: World, change: dict[str, Any], field: str
) -> None:
    token = made(world, digest="00" * 32, created_by="admin")
    assert causes(world, replace(token, digest="", **change), is_new=False) == {field}
    assert held(world) == token


def test_metadata_cannot_be_changed(world: World) -> None:
    token = made(world)
    meta = replace(token.metadata, labels={"a": "b"}, annotations={"c": "d"})
    fields = causes(world, replace(token, metadata=meta), is_new=False)
    assert fields == {"metadata.labels", "metadata.annotations"}


def test_a_change_of_the_description_keeps_what_the_wire_does_not_show(world: World) -> None:
    token = made(world, digest="00" * 32, created_by="admin")
    sent = replace(token, digest="", description="new", created_by="", last_used_at=EPOCH)
    world.put(sent)
    after = held(world)
    assert after is not None
    assert (after.description, after.metadata.generation) == ("new", 2)
    assert replace(after, description="", metadata=token.metadata) == token


def test_a_deleted_token_stays_revoked_by_its_first_deletion(world: World) -> None:
    token = made(world)
    world.delete(token)
    revoked = held(world)
    assert revoked is not None
    assert revoked.revoked_at == EPOCH
    assert revoked.metadata.revision == world.snapshot.revision
    world.writer.now += DAY
    world.delete(token)
    assert held(world) == revoked
    world.put(replace(revoked, description="lost", revoked_at=None))
    after = held(world)
    assert after is not None
    assert after.revoked_at == EPOCH


def test_deleting_a_namespace_revokes_its_tokens_in_the_same_revision(world: World) -> None:
    made(world, id="bot", user=BOT)
    made(world, id="bound", bound_namespace="prod")
    free = made(world, id="free")
    world.delete(world.snapshot.of(NAMESPACE)[NamespacedName("", "prod")])
    for name in ("bot", "bound"):
        token = held(world, name)
        assert token is not None
        assert (token.revoked_at, token.metadata.revision) == (EPOCH, world.snapshot.revision)
    assert held(world, "free") == free


def test_a_namespace_that_waits_for_finalizers_has_its_tokens_revoked_already(
    world: World,
) -> None:
    world.create(a_namespace("slow", finalizers=("a.example/b",)))
    made(world, id="bound", bound_namespace="slow")
    world.delete(world.snapshot.of(NAMESPACE)[NamespacedName("", "slow")])
    assert NamespacedName("", "slow") in world.snapshot.namespaces
    token = held(world, "bound")
    assert token is not None
    assert token.revoked_at == EPOCH
    late = a_token(id="late", bound_namespace="slow")
    assert causes(world, late) == {"spec.boundNamespace"}


@given(
    expires_s=st.integers(1, 100) | st.none(),
    revoked_s=st.integers(0, 100) | st.none(),
    later_s=st.integers(0, 200),
)
def test_a_token_is_forgotten_when_it_has_ended_for_long_and_not_before(
    expires_s: int | None, revoked_s: int | None, later_s: int
) -> None:
    world = World()
    ends = None if expires_s is None else EPOCH + expires_s * SECOND
    token = made(world, user="system:node:n1", expires_at=ends)
    if revoked_s is not None:
        world.writer.now = EPOCH + revoked_s * SECOND
        world.delete(token)
    world.writer.now = EPOCH + ENDED_KEPT + later_s * SECOND
    world.writer.write_now(remove_ended)
    ended_s = [s for s in (expires_s, revoked_s) if s is not None]
    assert (held(world) is None) == (bool(ended_s) and later_s >= min(ended_s))


def test_the_tokens_of_one_user_are_bounded() -> None:
    world = World(policy=Policy(tokens_of_user_max=2))
    made(world, id="a")
    made(world, id="b")
    assert causes(world, a_token(id="c")) == {"spec.user"}
    made(world, id="d", user="bob")


@given(st.text(max_size=40), st.lists(st.text(max_size=10), max_size=4))
def test_any_user_and_groups_are_accepted_or_refused(user: str, groups: list[str]) -> None:
    world = World()

    def decide(work: Work) -> None:
        lifecycle.create(work, a_token(user=user, groups=tuple(groups)))

    with suppress(Invalid):
        world.writer.write_now(decide)
    token = held(world)
    if token is not None:
        assert token.user == user
        assert set(groups) <= set(token.groups)
