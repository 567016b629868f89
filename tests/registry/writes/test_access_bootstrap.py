"""The built-in roles at every start, and one token for the administrator of a new registry."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.domain.access.attributes import Attributes
from app.domain.access.decision import Allowed, authorize
from app.domain.access.default_roles import AUTOUPDATE, default_roles
from app.domain.access.subjects import MASTERS, User
from app.domain.access.tokens import RANDOM_CHARACTERS, TokenKind, digest_of, make_token
from app.domain.names import NamespacedName
from app.domain.objects.namespace import NAMESPACE
from app.domain.objects.role import CLUSTER_ROLE
from app.domain.objects.role_binding import CLUSTER_ROLE_BINDING
from app.domain.objects.token import TOKEN
from app.domain.resources import resource_of
from app.domain.work import Work
from app.registry.writes.access_bootstrap import FIRST_ANNOTATION, bootstrap_access
from tests.builders import a_cluster_role_binding, a_token
from tests.registry.worlds import World

TEXT = make_token(TokenKind.USER, "a" * RANDOM_CHARACTERS)
SYSTEM = NamespacedName("", "kube-system")
VIEW = NamespacedName("", "system:aggregate-to-view")
READ = Attributes(verb="get", resource="services", namespace="prod", name="x")


def nothing() -> None:
    pass


def start(world: World, prepare: Callable[[], None] = nothing) -> bool:
    return world.writer.write_now(lambda work: bootstrap_access(work, text=TEXT, prepare=prepare))


def test_a_new_registry_has_the_built_in_roles_and_one_administrator() -> None:
    world = World()
    assert start(world)
    for built_in in default_roles():
        assert world.snapshot.of(resource_of(built_in))[built_in.metadata.key].metadata.uid
    (token,) = world.snapshot.of(TOKEN).values()
    assert (token.user, token.groups) == ("system:admin", (MASTERS,))
    assert token.expires_at is not None
    assert (token.expires_at - world.writer.now).days == 90
    assert token.digest == digest_of(TEXT).hex()


def test_a_second_start_changes_nothing() -> None:
    world = World()
    start(world)
    before = world.snapshot
    assert not start(world)
    assert world.snapshot is before


def test_the_administrator_gets_no_second_token_when_the_first_is_gone() -> None:
    world = World()
    start(world)
    (token,) = world.snapshot.of(TOKEN).values()
    world.writer.write_now(lambda work: work.remove(token))
    assert not start(world)
    noted = world.snapshot.of(NAMESPACE)[SYSTEM].metadata.annotations
    assert FIRST_ANNOTATION in noted


def bound(work: Work) -> None:
    work.put(a_cluster_role_binding(name="ours"))


def issued(work: Work) -> None:
    work.put(a_token())


@pytest.mark.parametrize("earlier", [bound, issued])
def test_a_registry_with_a_token_or_a_binding_of_its_own_has_its_administrator(
    earlier: Callable[[Work], None],
) -> None:
    world = World()
    world.writer.write_now(earlier)
    assert not start(world)
    assert world.snapshot.of(CLUSTER_ROLE)[VIEW]


def test_nothing_is_written_when_the_token_cannot_be_handed_over() -> None:
    def prevent() -> None:
        raise FileExistsError("there")

    world = World()
    before = world.snapshot
    with pytest.raises(FileExistsError):
        start(world, prevent)
    assert world.snapshot is before
    assert start(world)


def test_a_start_adds_what_built_in_roles_lack_unless_they_are_kept_as_they_are() -> None:
    world = World()
    start(world)
    stored = world.snapshot.of(CLUSTER_ROLE)[VIEW]
    world.writer.write_now(lambda work: work.put(replace(stored, rules=())))
    alice = User(name="alice")
    world.writer.write_now(lambda work: work.put(a_cluster_role_binding(role="view")))
    assert not isinstance(authorize(world.snapshot, alice, READ), Allowed)
    start(world)
    assert isinstance(authorize(world.snapshot, alice, READ), Allowed)

    meta = replace(stored.metadata, annotations={AUTOUPDATE: "false"})
    world.writer.write_now(lambda work: work.put(replace(stored, rules=(), metadata=meta)))
    start(world)
    assert not isinstance(authorize(world.snapshot, alice, READ), Allowed)


def test_a_built_in_binding_of_another_role_is_bound_to_its_own_again() -> None:
    world = World()
    start(world)
    key = NamespacedName("", "cluster-admin")
    stored = world.snapshot.of(CLUSTER_ROLE_BINDING)[key]
    other = replace(stored.role_ref, name="view")
    world.writer.write_now(lambda work: work.put(replace(stored, role_ref=other)))
    start(world)
    again = world.snapshot.of(CLUSTER_ROLE_BINDING)[key]
    assert (again.role_ref, again.subjects) == (stored.role_ref, stored.subjects)
