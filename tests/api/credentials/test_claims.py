"""Claims: for us, in time, and whom they name."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.credentials.claims import (
    CREDENTIAL_ID,
    LATEST,
    Issuer,
    Mapped,
    Rule,
    end_of,
    fault_of,
    user_of,
)
from app.api.credentials.outcomes import Failure, Method, Refused
from app.domain.access.subjects import User
from tests.api.credentials.expressions import Computed
from tests.api.credentials.signing import AT, ISSUER, NOW, claims

LEEWAY_S = 30
PLAIN = Issuer(
    url=ISSUER,
    audiences=frozenset({"waypost", "other"}),
    username=Mapped(claim="username", prefix="oidc:"),
    groups=Mapped(claim="groups", prefix="oidc:"),
)


def fault(leeway_s: int = LEEWAY_S, **others: object) -> Failure | None:
    found = fault_of(claims(**others), PLAIN, now=NOW, leeway_s=leeway_s)
    return None if found is None else found.failure


async def user(
    issuer: Issuer = PLAIN, values: Mapping[str, object] | None = None, **others: object
) -> User | Failure:
    found = await user_of(claims(**others), issuer, Computed(values or {}))
    if isinstance(found, Refused):
        assert found.method is Method.JWT
        return found.failure
    return found


@given(st.integers(-1_000, 1_000), st.integers(0, 300))
def test_a_token_is_in_force_until_its_end_and_the_leeway(seconds: int, leeway_s: int) -> None:
    is_over = seconds + leeway_s <= 0
    assert fault(leeway_s, exp=AT + seconds) == (Failure.EXPIRED if is_over else None)
    end = end_of({"exp": AT + seconds}, leeway_s=leeway_s)
    assert (end <= NOW) == is_over, "the end that is told is the end that is kept"


@pytest.mark.parametrize("name", ["nbf", "iat"])
@given(seconds=st.integers(-1_000, 1_000), leeway_s=st.integers(0, 300))
def test_a_token_is_in_force_from_its_beginning_less_the_leeway(
    name: str, seconds: int, leeway_s: int
) -> None:
    expected = Failure.NOT_YET_VALID if seconds > leeway_s else None
    assert fault(leeway_s, **{name: AT + seconds}) == expected


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["1796040600", True, False, [], {}, float("inf"), float("nan")])
def test_times_are_finite_numbers(name: str, value: object) -> None:
    assert fault(LEEWAY_S, **{name: value}) is Failure.CLAIM


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_a_time_that_is_null_is_no_number(name: str) -> None:
    given = {**claims(), name: None}
    found = fault_of(given, PLAIN, now=NOW, leeway_s=LEEWAY_S)
    assert found is not None
    assert found.failure is Failure.CLAIM


def test_an_end_is_needed_and_may_have_a_fraction_or_lie_very_far_away() -> None:
    assert fault(exp=None) is Failure.CLAIM
    assert fault(exp=AT + 0.5) is None
    for far in (10**400, 1e300):
        assert fault(exp=far) is None
        assert end_of({"exp": far}, leeway_s=0) == LATEST
    assert fault(exp=-(10**400)) is Failure.EXPIRED


def test_an_end_says_when_the_token_is_no_longer_accepted() -> None:
    assert end_of({"exp": AT + 1.5}, leeway_s=30) == NOW + timedelta(seconds=31.5)


@pytest.mark.parametrize(
    ("audience", "is_ours"),
    [
        ("waypost", True),
        (["waypost"], True),
        (["else", "other"], True),
        ("way", False),
        ("waypost2", False),
        ("Waypost", False),
        (["else"], False),
        ([], False),
        ("", False),
        (5, False),
        ({"waypost": 1}, False),
        (["waypost", 5], False),
        (None, False),
    ],
)
def test_the_audience_is_one_of_ours(audience: object, *, is_ours: bool) -> None:
    assert fault(aud=audience) == (None if is_ours else Failure.AUDIENCE)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "system:x", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
NAMES = ["aud", "exp", "nbf", "iat", "username", "groups", "email", "email_verified", "sub", "hd"]


@given(st.dictionaries(st.sampled_from([*NAMES, "jti", "_claim_names"]), ANY))
async def test_any_claims_name_a_user_or_are_refused_in_a_word(given_: dict[str, Any]) -> None:
    issuer = replace(PLAIN, uid=Mapped(claim="sub"), groups=Mapped(claim="groups"))
    fault_ = fault_of(given_, issuer, now=NOW, leeway_s=LEEWAY_S)
    assert fault_ is None or fault_.method is Method.JWT
    found = await user_of(given_, issuer, Computed({}))
    if isinstance(found, User):
        assert found.name.startswith("oidc:")
        assert not any(group.startswith("system:") for group in found.groups)
    else:
        assert found.method is Method.JWT


async def test_claims_name_a_user_and_groups_with_prefixes() -> None:
    assert await user() == User(name="oidc:alice", groups=("oidc:dev",))


async def test_the_name_of_the_token_is_an_extra_for_audit() -> None:
    found = await user(jti="j1")
    assert isinstance(found, User)
    assert found.extra == {CREDENTIAL_ID: ("JTI=j1",)}
    assert await user(jti=5) == await user(jti="") == await user()


@pytest.mark.parametrize("name", [None, "", 5, ["alice"], {}, True])
async def test_a_user_name_is_a_text_that_is_not_empty(name: object) -> None:
    assert await user(username=name) is Failure.CLAIM


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("dev", ("oidc:dev",)),
        (["dev", "ops"], ("oidc:dev", "oidc:ops")),
        ([], ()),
        (None, ()),
        (5, Failure.CLAIM),
        ({"dev": 1}, Failure.CLAIM),
        (["dev", 5], Failure.CLAIM),
        ([["dev"]], Failure.CLAIM),
        (True, Failure.CLAIM),
    ],
)
async def test_groups_are_a_text_or_texts(
    groups: object, expected: tuple[str, ...] | Failure
) -> None:
    found = await user(groups=groups)
    assert (found.groups if isinstance(found, User) else found) == expected


async def test_groups_that_are_distributed_are_not_believed_to_be_none() -> None:
    sources = {"groups": "graph"}
    assert await user(groups=None, _claim_names=sources) is Failure.CLAIM
    assert isinstance(await user(_claim_names=sources), User)
    without = replace(PLAIN, groups=Mapped())
    assert isinstance(await user(without, groups=None, _claim_names=sources), User)


@pytest.mark.parametrize("verified", [False, "true", 1, {}])
async def test_an_e_mail_address_that_is_not_verified_is_nobody(verified: object) -> None:
    issuer = replace(PLAIN, username=Mapped(claim="email"))
    given: dict[str, Any] = {"email": "a@example.org", "email_verified": verified}
    assert await user(issuer, **given) is Failure.CLAIM
    assert isinstance(await user(**given), User), "it is not the name here"


@pytest.mark.parametrize("verified", [None, True])
async def test_an_e_mail_address_may_be_verified_or_say_nothing_of_it(verified: object) -> None:
    issuer = replace(PLAIN, username=Mapped(claim="email"))
    found = await user(issuer, email="a@example.org", email_verified=verified)
    assert isinstance(found, User)
    assert found.name == "a@example.org"


@pytest.mark.parametrize("name", ["system:admin", "system:", "system:node:n1"])
async def test_no_issuer_names_what_kubernetes_reserves(name: str) -> None:
    bare = replace(PLAIN, username=Mapped(claim="username"), groups=Mapped(claim="groups"))
    assert await user(bare, username=name) is Failure.RESERVED
    assert await user(bare, groups=["dev", name]) is Failure.RESERVED
    assert isinstance(await user(username=name, groups=[name]), User), "the prefix makes another"
    half = replace(PLAIN, username=Mapped(claim="username", prefix="system"))
    assert await user(half, username=name.removeprefix("system")) is Failure.RESERVED


@pytest.mark.parametrize(("uid", "expected"), [("u-1", "u-1"), ("", ""), (5, None), (None, None)])
async def test_a_uid_is_a_text(uid: object, expected: str | None) -> None:
    found = await user(replace(PLAIN, uid=Mapped(claim="sub")), sub=uid)
    assert (found.uid if isinstance(found, User) else None) == expected


@pytest.mark.parametrize("value", ["example.com", None, True, ["example.org"]])
async def test_a_required_claim_has_that_text(value: object) -> None:
    issuer = replace(PLAIN, required_claims={"hd": "example.org"})
    assert await user(issuer, hd=value) is Failure.CLAIM
    assert isinstance(await user(issuer, hd="example.org"), User)


MAPPED = replace(
    PLAIN,
    username=Mapped(expression="N"),
    groups=Mapped(expression="G"),
    uid=Mapped(expression="U"),
    extra={"example.org/team": "E"},
)
VALUES = {"N": "alice", "G": ["a", "", "b"], "U": "u-1", "E": "blue"}


async def test_expressions_name_every_part_of_a_user() -> None:
    assert await user(MAPPED, VALUES) == User(
        name="alice", groups=("a", "b"), uid="u-1", extra={"example.org/team": ("blue",)}
    )


@pytest.mark.parametrize(
    ("changed", "failure"),
    [
        ({"N": ""}, Failure.CLAIM),
        ({"N": None}, Failure.CLAIM),
        ({"N": ["alice"]}, Failure.CLAIM),
        ({"N": "system:x"}, Failure.RESERVED),
        ({"G": ["system:x"]}, Failure.RESERVED),
        ({"G": [5]}, Failure.CLAIM),
        ({"G": 5}, Failure.CLAIM),
        ({"G": {"a": 1}}, Failure.CLAIM),
        ({"U": 5}, Failure.CLAIM),
        ({"E": 5}, Failure.CLAIM),
        ({"E": [["blue"]]}, Failure.CLAIM),
    ],
)
async def test_values_of_other_types_name_nobody(
    changed: dict[str, object], failure: Failure
) -> None:
    assert await user(MAPPED, {**VALUES, **changed}) is failure


@pytest.mark.parametrize("nothing", [None, "", [], [""]])
async def test_empty_values_are_left_out(nothing: object) -> None:
    found = await user(MAPPED, {**VALUES, "G": nothing, "E": nothing})
    assert isinstance(found, User)
    assert (found.groups, found.extra) == ((), {})


@pytest.mark.parametrize("value", [False, None, "true", 1])
async def test_every_rule_must_be_true(value: object) -> None:
    rules = (Rule(expression="A"), Rule(expression="B", message="no"))
    for issuer in (replace(PLAIN, claim_rules=rules), replace(PLAIN, user_rules=rules)):
        assert isinstance(await user(issuer, {"A": True, "B": True}), User)
        assert await user(issuer, {"A": True, "B": value}) is Failure.RULE
        assert await user(issuer, {"A": value, "B": True}) is Failure.RULE


async def test_rules_see_the_claims_and_then_the_user() -> None:
    rule = (Rule(expression="A"),)
    issuer = replace(PLAIN, claim_rules=rule, user_rules=rule)
    expressions = Computed({"A": True})
    await user_of(claims(jti="j1"), issuer, expressions)
    assert expressions.seen == [
        ("claims", {"claims": claims(jti="j1")}),
        (
            "user",
            {
                "user": {
                    "username": "oidc:alice",
                    "uid": "",
                    "groups": ["oidc:dev"],
                    "extra": {CREDENTIAL_ID: ["JTI=j1"]},
                }
            },
        ),
    ]


async def test_an_expression_that_fails_names_nobody() -> None:
    issuer = replace(PLAIN, claim_rules=(Rule(expression="A"),))
    assert await user(issuer) is Failure.RULE
