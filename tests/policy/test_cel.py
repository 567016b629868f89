"""The library for CEL as we use it: what is checked, and what values come out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.cel import check, evaluate
from app.policy.expressions import EXPRESSION_CHARACTERS_MAX, Environment

CLAIMS, USER = Environment.CLAIMS, Environment.USER


def value(text: str, claims: dict[str, Any] | None = None) -> object:
    (outcome,) = evaluate(CLAIMS, [text], {"claims": claims or {}})
    return outcome.get("value", outcome)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("claims.sub", "s"),
        ("claims.n + 1", 3),
        ("claims.?none.orValue('x')", "x"),
        ("has(claims.none)", False),
        ("claims.roles.split(',').map(r, 'role:' + r)", ["role:a", "role:b"]),
        ("claims.roles.lowerAscii().contains('a')", True),
        ("sets.contains(['a', 'b'], ['a'])", True),
        ("[3, 1, 2].sort()", [1, 2, 3]),
        ("['a', 'a'].distinct()", ["a"]),
        ("[?claims.?none]", []),
        ("'ent-1'.matches('^[a-z]+-[0-9]$')", True),
        ("claims.deep.list[1]", None),
        ("claims.deep", {"list": [1, None]}),
        ("claims.half * 2.0", 1.0),
        ("null", None),
        ("claims.half < 1 && claims.n > 1.5 && claims.n == 2.0", True),
    ],
)
def test_values(text: str, expected: object) -> None:
    claims = {"sub": "s", "n": 2, "roles": "a,b", "deep": {"list": [1, None]}, "half": 0.5}
    assert value(text, claims) == expected


@pytest.mark.parametrize(
    "text",
    [
        "claims.none",
        "1 / 0",
        "claims.sub + 1",
        "[1][5]",
        "9223372036854775807 + 1",
        "timestamp('2026-01-01T00:00:00Z')",
        "duration('1s')",
        "b'octets'",
        "type(1)",
        "{1: 2}",
        "claims.?none",
        "1.0 / 0.0",
        "claims.(",
        "other",
    ],
)
def test_an_error_or_a_value_that_json_has_not_is_an_error(text: str) -> None:
    (outcome,) = evaluate(CLAIMS, [text], {"claims": {"sub": "s"}})
    assert outcome.keys() == {"error"}
    assert outcome["error"]


def test_one_error_leaves_the_other_values() -> None:
    outcomes = evaluate(CLAIMS, ["1", "1/0", "2"], {"claims": {}})
    assert [outcome.get("value") for outcome in outcomes] == [1, None, 2]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_a_claim_comes_out_as_it_went_in(claim: object) -> None:
    out = value("claims.c", {"c": claim})
    assert out == claim
    assert type(out) is type(claim)


@pytest.mark.parametrize("claim", ["a\0b", ["\0"], {"\0": 1}, {"k": [{"k": "\0"}]}])
def test_a_text_with_nul_is_an_error_rather_than_its_beginning(claim: object) -> None:
    assert value("claims.c", {"c": claim}) == {"error": "a text has the character NUL"}
    assert value("true\0 && false") == {"error": "a text has the character NUL"}
    assert "NUL" in check(CLAIMS, "true\0 && false").problem


@given(st.text(max_size=30))
def test_any_text_is_checked_without_failing(text: str) -> None:
    verdict = check(CLAIMS, text)
    assert bool(verdict.problem) != bool(verdict.type)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("claims.a == 'x'", "BOOL"),
        ("claims.a", "DYN"),
        ("'a'", "STRING"),
        ("1", "INT"),
        ("has(claims.a)", "BOOL"),
    ],
)
def test_a_verdict_has_the_type(text: str, kind: str) -> None:
    verdict = check(CLAIMS, text)
    assert (verdict.problem, verdict.type) == ("", kind)


@pytest.mark.parametrize(
    "text",
    [
        *("claims.(", "", "x", "user.username", "'a' + 1", "has(claims)", "math.greatest([1])"),
        *("1" + "+1" * 20_000, "'" + "x" * EXPRESSION_CHARACTERS_MAX + "'", "a" * 100),
    ],
)
def test_what_does_not_compile_says_why(text: str) -> None:
    verdict = check(CLAIMS, text)
    assert verdict.problem
    assert len(verdict.problem) < 500


@pytest.mark.parametrize("field", ["username", "uid", "groups", "extra"])
def test_a_user_has_four_fields(field: str) -> None:
    assert check(USER, f"user.{field} == dyn(1)").problem == ""
    assert check(USER, f"has(user.{field})").problem == ""


@pytest.mark.parametrize("text", ["user.name == 'x'", "has(user.email)", "user.?name.hasValue()"])
def test_a_user_has_no_other_field(text: str) -> None:
    assert "undefined field" in check(USER, text).problem


def test_a_user_is_seen_by_its_rules() -> None:
    user = {"username": "oidc:a", "uid": "", "groups": ["g"], "extra": {"k": ["v"]}}
    rules = ["!user.username.startsWith('system:')", "'g' in user.groups", "user.extra.k[0] == 'v'"]
    assert evaluate(USER, rules, {"user": user}) == [{"value": True}] * 3


@pytest.mark.parametrize(
    ("text", "selects"),
    [
        ("claims.email", True),
        ("claims.?email.orValue('')", True),
        ("has(claims.email)", True),
        ("(claims).email", True),
        ("claims . email", True),
        ("claims.email.endsWith('@x')", True),
        ("[claims.email][0]", True),
        ("{'k': claims.email}.k", True),
        ("{claims.email: 1}.size()", True),
        ("[1].all(x, claims.email == 'a')", True),
        ("claims.sub == claims.email ? 'a' : 'b'", True),
        ("optional.of(claims.email).orValue('')", True),
        ("claims['email']", False),
        ("'claims.email'", False),
        ("claims.sub // claims.email", False),
        ("claims.user.email", False),
        ("claims.email_verified", False),
        ("[{'email': 1}].map(c, c.email)[0]", False),
    ],
)
def test_selections_are_those_of_the_syntax_tree(text: str, *, selects: bool) -> None:
    verdict = check(CLAIMS, text)
    assert verdict.problem == ""
    assert (("claims", "email") in verdict.selected) == selects
