"""Impersonation: every shared case, and how headers are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.impersonation import (
    Impersonation,
    become_attributes,
    impersonated,
    parse_impersonation,
)
from app.domain.access.refusals import Refused
from app.domain.access.subjects import ANONYMOUS, AUTHENTICATED, MASTERS, UNAUTHENTICATED, User
from app.domain.errors import BadRequest
from app.domain.names import Revision
from app.domain.snapshot import load
from tests.domain.access.vectors import Case, a_state, a_user, cases_of

NAMES = (
    "Impersonate-User",
    "impersonate-group",
    "Impersonate-Uid",
    "Impersonate-Extra-x",
    "Impersonate-Extra-%",
    "Accept",
)


@pytest.mark.parametrize("case", cases_of("impersonate"), ids=lambda case: case["id"])
def test_the_shared_cases_are_decided_as_by_kubernetes(case: Case) -> None:
    wish = parse_impersonation((name, value) for name, value in case["request"]["headers"])
    assert wish is not None
    found = impersonated(a_state(case["objects"]), a_user(case), wish)
    if isinstance(found, Refused):
        assert (case["expect"]["code"], case["expect"]["message"]) == (403, found.message)
        return
    shown = {
        "name": found.name,
        "uid": found.uid,
        "groups": list(found.groups),
        "extra": {key: list(values) for key, values in found.extra.items()},
    }
    assert {key: value for key, value in shown.items() if value} == case["expect"]["user"]


def wish_of(*headers: tuple[str, str]) -> Impersonation:
    wish = parse_impersonation(headers)
    assert wish is not None
    return wish


def test_without_a_user_nothing_may_be_impersonated() -> None:
    assert parse_impersonation([("host", "x"), ("accept", "*/*")]) is None
    assert parse_impersonation([("Impersonate-User", "")]) is None
    for alone in ("Group", "Uid", "Extra-Team"):
        with pytest.raises(BadRequest):
            parse_impersonation([(f"Impersonate-{alone}", "x")])
        with pytest.raises(BadRequest):
            parse_impersonation([("Impersonate-User", ""), (f"Impersonate-{alone}", "x")])


def test_everything_that_is_impersonated_is_asked_for() -> None:
    wish = wish_of(
        ("IMPERSONATE-USER", "bob"),
        ("impersonate-group", "dev"),
        ("impersonate-group", "ops"),
        ("impersonate-extra-team", "x"),
        ("impersonate-extra-TEAM", "y"),
        ("impersonate-uid", "5"),
    )
    assert wish.user == User(
        name="bob", groups=("dev", "ops", AUTHENTICATED), uid="5", extra={"team": ("x", "y")}
    )
    assert [(each.resource, each.subresource, each.name) for each in wish.asked] == [
        ("users", "", "bob"),
        ("groups", "", "dev"),
        ("groups", "", "ops"),
        ("userextras", "team", "x"),
        ("userextras", "team", "y"),
        ("uids", "", "5"),
    ]
    assert {each.verb for each in wish.asked} == {"impersonate"}


def test_a_service_account_has_its_groups_unless_others_are_named() -> None:
    name = "system:serviceaccount:prod:bot"
    wish = wish_of(("Impersonate-User", name))
    assert wish.user.groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:prod",
        AUTHENTICATED,
    )
    (account,) = wish.asked
    assert (account.resource, account.namespace, account.name) == ("serviceaccounts", "prod", "bot")
    assert wish_of(("Impersonate-User", name), ("Impersonate-Group", "dev")).user.groups == (
        "dev",
        AUTHENTICATED,
    )


def test_the_anonymous_user_is_never_authenticated() -> None:
    anonymous = ("Impersonate-User", "system:anonymous")
    assert wish_of(anonymous).user == ANONYMOUS
    assert wish_of(anonymous, ("Impersonate-Group", UNAUTHENTICATED)).user == ANONYMOUS
    assert wish_of(anonymous, ("Impersonate-Group", "dev")).user.groups == ("dev", UNAUTHENTICATED)


def test_the_first_of_two_users_counts() -> None:
    assert wish_of(("Impersonate-User", "bob"), ("Impersonate-User", "eve")).user.name == "bob"


@pytest.mark.parametrize(
    ("header", "key"),
    [("A%2fB", "a/b"), ("%C3%A9", "é"), ("bad%zz", "bad%zz"), ("bad%2", "bad%2"), ("a+b", "a+b")],
)
def test_keys_of_extras_are_decoded_where_they_can_be(header: str, key: str) -> None:
    wish = wish_of(("Impersonate-User", "bob"), (f"Impersonate-Extra-{header}", "x"))
    assert [*wish.user.extra] == [key]


def test_becoming_a_user_by_a_token_asks_what_impersonating_asks() -> None:
    wish = wish_of(("Impersonate-User", "bob"), ("Impersonate-Group", "dev"))
    assert become_attributes("bob", ["dev"]) == wish.asked


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=4)), max_size=6))
def test_any_headers_are_read_or_refused(headers: list[tuple[str, str]]) -> None:
    try:
        wish = parse_impersonation(headers)
    except BadRequest:
        return
    if wish is None:
        users = [value for name, value in headers if name == "Impersonate-User"]
        assert users[:1] in ([], [""])
        return
    # Nobody without rights becomes anybody, and a master becomes everybody.
    assert isinstance(impersonated(load((), revision=Revision(1)), User(name="eve"), wish), Refused)
    master = User(name="root", groups=(MASTERS,))
    assert impersonated(load((), revision=Revision(1)), master, wish) is wish.user
