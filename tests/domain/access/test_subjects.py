"""Users, and the names that Kubernetes reserves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.subjects import (
    ANONYMOUS,
    AUTHENTICATED,
    UNAUTHENTICATED,
    UNSECURED,
    User,
    authenticated,
    node_user_name,
    parse_service_account,
    service_account_groups,
    service_account_name,
)

names = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


@given(names, names)
def test_the_name_of_a_service_account_is_parsed_as_it_is_made(namespace: str, name: str) -> None:
    assert parse_service_account(service_account_name(namespace, name)) == (namespace, name)


@pytest.mark.parametrize(
    "name",
    [
        "alice",
        "system:serviceaccount:prod",
        "system:serviceaccount::bot",
        "system:serviceaccount:prod:",
        "system:serviceaccount:prod:bot:more",
        "system:serviceaccount:Prod:bot",
        "system:serviceaccount:prod:Bot!",
        "system:serviceaccounts:prod:bot",
    ],
)
def test_other_names_are_no_service_accounts(name: str) -> None:
    assert parse_service_account(name) is None


def test_the_groups_of_a_service_account_name_its_namespace() -> None:
    assert service_account_groups("prod") == (
        "system:serviceaccounts",
        "system:serviceaccounts:prod",
    )


@pytest.mark.parametrize(
    ("user", "node"),
    [
        (User(name=node_user_name("n1"), groups=("system:nodes",)), "n1"),
        (User(name=node_user_name("n1"), groups=("dev",)), None),
        (User(name=node_user_name(""), groups=("system:nodes",)), None),
        (User(name="eve", groups=("system:nodes",)), None),
    ],
)
def test_an_agent_has_the_name_and_the_group(user: User, node: str | None) -> None:
    assert user.node_name == node


def test_every_authenticated_user_is_in_its_group_once() -> None:
    once = authenticated(User(name="alice", groups=("dev",)))
    assert once.groups == ("dev", AUTHENTICATED)
    assert authenticated(once) == once
    assert authenticated(ANONYMOUS) == ANONYMOUS
    odd = User(name="alice", groups=(UNAUTHENTICATED,))
    assert authenticated(odd) == odd


def test_who_asks_while_authentication_is_off_may_do_everything() -> None:
    assert UNSECURED.is_master
    assert not ANONYMOUS.is_master
