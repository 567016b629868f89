"""YAML text: values of scalars, and that the cost is proportional to the length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadRequest
from app.schemas.documents.body_bounds import DEPTH_MAX
from app.schemas.documents.yaml_text import REPEATED_MAX, plain_value, read_yaml


def value_of(text: str) -> object:
    return next(read_yaml(text)).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80", 80),
        ("+80", 80),
        ("-80", -80),
        ("0", 0),
        ("010", 8),
        ("0o17", 15),
        ("08", 8),
        ("0x1F", 31),
        ("-0b101", -5),
        ("1_000", 1000),
        ("_1", "_1"),
        ("80.0", 80),
        ("1e3", 1000),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e400x", "1e400x"),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2**64),
        ("1.5e300", 1.5e300),
        ("9" * 65, "9" * 65),
        ("12:30:45", "12:30:45"),
        ("190:20:30", "190:20:30"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("1.2.3.4", "1.2.3.4"),
        ("10.96.0.0/12", "10.96.0.0/12"),
        ("::1", "::1"),
        ("yes", True),
        ("On", True),
        ("y", True),
        ("TRUE", True),
        ("no", False),
        ("OFF", False),
        ("n", False),
        ("yEs", "yEs"),
        ("tRUE", "tRUE"),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("=", "="),
        (".", "."),
        ("+", "+"),
        ("...5", "...5"),
        ("0x", "0x"),
        ("'80'", "80"),
        ('"yes"', "yes"),
        ("!!str 80", "80"),
        ("! 80", "80"),
        ("!!int 80", 80),
        ("!!float 80", 80),
        ("!!bool yes", True),
        ("!!null ~", None),
        ("|\n  80\n", "80\n"),
    ],
)
def test_scalars_have_the_same_values_as_in_kubernetes(text: str, value: object) -> None:
    found = value_of(f"a: {text}")

    assert found == {"a": value}
    assert repr(found) == repr({"a": value})


def test_keys_are_texts() -> None:
    assert value_of("{80: a, yes: b, 0.5: c, 'x': d, 1.0: e}") == {
        "80": "a",
        "true": "b",
        "0.5": "c",
        "x": "d",
        "1": "e",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [1, 2\nc: 3", "line 3, column 2"),
        ("a: 1\n~: 2", "line 2, column 1: a key must be"),
        ("? [1]\n: 2", "a key must be"),
        ("a: .nan", "line 1, column 4: the number is not finite"),
        ("a: 1e999", "the number is not finite"),
        ("a: !!timestamp 2026-01-02", "line 1, column 4: the tag is not supported"),
        ("a: !!int x", "the tag is not supported, or not for this value"),
        ("a: !Ref x", "the tag is not supported"),
        ("a: !!set {b}", "the tag is not supported"),
        ("a: !!python/name:os.system ''", "the tag is not supported"),
        ('a: "\\0"', "line 1, column 4: it holds a NUL character"),
        ('"\\0": 1', "it holds a NUL character"),
        ("a: *b", "line 1, column 4: the alias stands for nothing yet"),
        ("a: &a {b: *a}", "the alias stands for nothing yet"),
        ("a: &a 1\n---\nb: *a", "the alias stands for nothing yet"),
        ("<<: [1]", "only mappings can be merged"),
        ("[" * (DEPTH_MAX + 1), f"column {DEPTH_MAX + 1}: it nests deeper than"),
        ("a: \x01", "the YAML cannot be read"),
        ('a: "\\ud800"', "the YAML cannot be read"),
    ],
)
def test_line_column_and_problem_are_named(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        list(read_yaml(text))

    assert message in refused.value.message


def test_aliases_and_merge_keys_are_expanded() -> None:
    text = """
base: &base {a: 1, b: 2}
other: &other {b: 3, c: 4}
one: {<<: *base, b: 0}
two: {<<: [*base, *other], d: *base}
three: {"<<": 1}
"""

    found = value_of(text)

    assert isinstance(found, dict)
    assert found["one"] == {"a": 1, "b": 0}
    assert found["two"] == {"a": 1, "b": 2, "c": 4, "d": {"a": 1, "b": 2}}
    assert found["three"] == {"<<": 1}


def test_duplicate_keys_are_listed_by_path() -> None:
    parsed = next(read_yaml("a: [{b: 1, b: 2}]\nc: {d: {e: 1, e: 2}}\na: 3\n"))

    assert parsed.duplicates == ("a[0].b", "c.d.e", "a")


def test_a_key_repeated_many_times_is_listed_once() -> None:
    assert next(read_yaml("a: 1\na: 2\na: 3\nb: {}\nb: {c: 1, c: 2}\n")).duplicates == (
        "a",
        "b",
        "b.c",
    )


def test_exponential_aliases_are_refused_before_expansion() -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)
    )
    for text in (laughs, laughs.replace("[", "{k: [").replace("]", "]}")):
        with pytest.raises(BadRequest, match=r"line \d+, .*more than 500000 values"):
            list(read_yaml(text))


def test_aliases_cannot_nest_deeper_than_the_bound() -> None:
    text = "a0: &a0 []\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, DEPTH_MAX + 1))

    with pytest.raises(BadRequest, match="it nests deeper"):
        list(read_yaml(text))


def test_more_values_than_the_bound_are_refused() -> None:
    assert len(list(read_yaml("[1, 2, 3]", nodes_max=4))) == 1
    with pytest.raises(BadRequest, match="more than 4 values"):
        list(read_yaml("[1, 2]\n---\n[3, 4]", nodes_max=4))


def test_aliases_that_repeat_more_text_than_the_bound_are_refused() -> None:
    text = "x" * 1_000_000
    fits = ", ".join(["*a"] * (REPEATED_MAX // len(text)))
    assert len(list(read_yaml(f"a: &a {text}\nb: [{fits}]"))) == 1
    for repeated in (f"[{fits}, *a]", f"{{b: &b [*a, *a, *a], c: [{', '.join(['*b'] * 5)}]}}"):
        with pytest.raises(BadRequest, match="aliases repeat more than"):
            list(read_yaml(f"a: &a {text}\nb: {repeated}"))


@given(st.text("0123456789+-._eExXoObB", max_size=12))
def test_text_that_looks_like_a_number_is_a_number_or_text(text: str) -> None:
    assert isinstance(plain_value(text), int | float | str | None)


@pytest.mark.parametrize("text", ["a:\n\tb: 1\n", "a: 1\nb:\n  - 1\n\t- 2\n"])
def test_an_error_at_a_tab_has_a_hint(text: str) -> None:
    with pytest.raises(BadRequest, match=r"indented with spaces, not with tabs$"):
        list(read_yaml(text))
