"""Minting is becoming: nobody mints what they may not become, but a part of themselves."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.attributes import Attributes
from app.domain.access.decision import authorize
from app.domain.access.impersonation import become_attributes
from app.domain.access.minting import (
    Minter,
    groups_following,
    require_may_mint,
    token_kind_of,
)
from app.domain.access.refusals import Refused
from app.domain.access.subjects import AUTHENTICATED, MASTERS, UNSECURED, User, authenticated
from app.domain.access.tokens import TokenKind
from app.domain.errors import Forbidden
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.objects.role import PolicyRule
from app.domain.objects.token import Token
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    NOON,
    a_cluster_role,
    a_cluster_role_binding,
    a_rule,
    a_subject,
    a_token,
)
from tests.domain.access import worlds

ALICE = User(name="alice", groups=("dev", "ops", AUTHENTICATED))
LEAD = "tokens.access.waypost is forbidden: "
DAY = timedelta(days=1)


def state(*rules: PolicyRule) -> Snapshot:
    """A registry in which alice has these rules everywhere."""
    role = a_cluster_role(*rules, name="r")
    binding = a_cluster_role_binding(a_subject("alice"), role="r")
    return load([role, binding], revision=Revision(1))


def refusal(
    snapshot: Snapshot, user: User, token: Token, *, ends_at: datetime | None = None
) -> str:
    try:
        require_may_mint(snapshot, Minter(user=user, ends_at=ends_at), token)
    except Forbidden as refused:
        return refused.message
    return ""


def impersonate(resources: str, *names: str) -> PolicyRule:
    return a_rule("impersonate", resources, names=" ".join(names))


def test_prefixes_and_groups_follow_from_the_user() -> None:
    replica = "system:serviceaccount:kube-system:waypost-dns"
    assert token_kind_of("system:node:n1") is TokenKind.NODE
    assert token_kind_of(replica) is TokenKind.REPLICA
    assert token_kind_of("alice") is token_kind_of("system:serviceaccount:prod:bot")
    assert token_kind_of("alice") is TokenKind.USER
    assert groups_following("alice") == ()
    assert groups_following("system:node:n1") == ("system:nodes",)
    assert groups_following(replica)[1] == "system:serviceaccounts:kube-system"


def test_the_user_and_every_group_need_the_right_to_impersonate() -> None:
    bob = a_token(user="bob", groups=("dev", "admins"))
    users, dev, admins = (
        impersonate("users", "bob"),
        impersonate("groups", "dev"),
        impersonate("groups", "admins"),
    )
    assert refusal(state(users, dev, admins), ALICE, bob) == ""
    assert refusal(state(dev, admins), ALICE, bob) == (
        'users "bob" is forbidden: User "alice" cannot impersonate resource "users" in API group '
        '"" at the cluster scope'
    )
    assert 'groups "admins" is forbidden: User "alice" cannot impersonate' in refusal(
        state(users, dev), ALICE, bob
    )


def test_a_service_account_is_asked_in_its_namespace_and_brings_its_groups() -> None:
    bot = a_token(user="system:serviceaccount:prod:bot")
    assert refusal(state(impersonate("serviceaccounts", "bot")), ALICE, bot) == ""
    assert 'resource "serviceaccounts" in API group "" in the namespace "prod"' in refusal(
        state(impersonate("users")), ALICE, bot
    )


def test_the_group_of_agents_is_asked_though_it_is_not_named() -> None:
    agent = a_token(user="system:node:n1")
    users = impersonate("users", "system:node:n1")
    assert 'groups "system:nodes" is forbidden' in refusal(state(users), ALICE, agent)
    assert refusal(state(users, impersonate("groups", "system:nodes")), ALICE, agent) == ""


def test_the_group_of_masters_is_for_members_alone() -> None:
    everything = a_rule("*", "*", group="*")
    token = a_token(user="bob", groups=(MASTERS,))
    assert refusal(state(everything), ALICE, token) == (
        LEAD + 'user "alice" (groups=["dev" "ops" "system:authenticated"]) is no member of '
        '"system:masters", and may not create tokens of that group'
    )
    assert refusal(state(), User(name="root", groups=(MASTERS,)), token) == ""
    assert refusal(state(), UNSECURED, token) == ""


def test_users_mint_for_themselves_with_fewer_groups_and_no_later_end() -> None:
    own = a_token(user="alice", groups=("ops",), expires_at=NOON + DAY)
    assert refusal(state(), ALICE, own) == ""
    assert refusal(state(), ALICE, replace(own, groups=()), ends_at=NOON + DAY) == ""
    assert refusal(state(), ALICE, own, ends_at=NOON + DAY - timedelta(seconds=1)) == (
        LEAD + 'user "alice" may not create tokens for itself that end after its own credential, '
        "at 2026-01-02T11:59:59Z"
    )
    assert "own credential" in refusal(
        state(), ALICE, replace(own, expires_at=None), ends_at=NOON + DAY
    )
    more = replace(own, groups=("ops", "admins"))
    assert 'users "alice" is forbidden' in refusal(state(), ALICE, more)


def test_an_agent_has_its_own_group_in_a_token_for_itself() -> None:
    agent = User(name="system:node:n1", groups=("system:nodes", AUTHENTICATED))
    own = a_token(user=agent.name, expires_at=NOON)
    assert refusal(state(), agent, own) == ""
    impostor = User(name="system:node:n1", groups=(AUTHENTICATED,))
    assert "is forbidden" in refusal(state(), impostor, own)


impersonations = st.builds(
    PolicyRule,
    verbs=st.just(("impersonate",)),
    api_groups=st.just(("",)),
    resources=st.sampled_from((("users",), ("groups",), ("serviceaccounts",))),
    resource_names=st.sampled_from(((), ("alice",), ("bob",), ("dev",), ("bot",))),
)
minters = worlds.users | st.builds(User, name=st.just("root"), groups=st.just((MASTERS,)))
groups = st.lists(st.sampled_from(("dev", "ops", MASTERS)), max_size=2, unique=True).map(tuple)
tokens = st.builds(
    Token,
    metadata=st.just(a_token().metadata),
    user=st.sampled_from(("alice", "bob", "system:serviceaccount:prod:bot", "system:node:n1")),
    groups=groups,
    expires_at=st.sampled_from((None, NOON, NOON + DAY)),
)


def narrowed(drawn: tuple[User, Token, bool]) -> tuple[User, Token]:
    """Some tokens are for the minter itself."""
    minter, token, is_own = authenticated(drawn[0]), drawn[1], drawn[2]
    if is_own:
        token = replace(token, user=minter.name, groups=minter.groups[:1])
    return minter, token


@given(
    held=st.lists(
        worlds.stored, max_size=8, unique_by=lambda each: (type(each), each.metadata.key)
    ),
    rules=st.lists(impersonations, max_size=2),
    wish=st.tuples(minters, tokens, st.booleans()).map(narrowed),
    requests=st.lists(worlds.requests, min_size=1, max_size=10),
)
def test_a_minted_token_may_do_nothing_that_its_minter_may_not_become(
    held: list[Object],
    rules: list[PolicyRule],
    wish: tuple[User, Token],
    requests: list[Attributes],
) -> None:
    minter, token = wish
    role = a_cluster_role(*rules, name="imp")
    binding = a_cluster_role_binding(a_subject(minter.name), name="imp", role="imp")
    snapshot = load([*held, role, binding], revision=Revision(1))
    if refusal(snapshot, minter, token, ends_at=NOON):
        return
    groups = token.groups or groups_following(token.user)
    bearer = authenticated(User(name=token.user, groups=groups))
    asked = become_attributes(token.user, token.groups)
    assert minter.is_master or not bearer.is_master
    if all(may(snapshot, minter, each) for each in asked):
        return
    assert (token.expires_at, bearer.name) == (NOON, minter.name)
    gained = [each for each in (*requests, *asked) if may(snapshot, bearer, each)]
    assert [each for each in gained if not may(snapshot, minter, each)] == []


def may(snapshot: Snapshot, user: User, request: Attributes) -> bool:
    return not isinstance(authorize(snapshot, user, request), Refused)
