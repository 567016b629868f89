"""Messages of violations."""

from app.domain.errors import CauseReason
from app.domain.violations import (
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)


def test_each_reason_has_its_phrase() -> None:
    assert [
        str(violation)
        for violation in (
            invalid("f", "x", "must be y"),
            required("f"),
            required("f", "or else"),
            not_supported("f", "x", ["b", "a"]),
            duplicate("f", 80),
            forbidden("f", "not here"),
            too_long("f", 10),
            too_many("f", 11, 10),
        )
    ] == [
        'f: Invalid value: "x": must be y',
        "f: Required value",
        "f: Required value: or else",
        'f: Unsupported value: "x": supported values: "a", "b"',
        "f: Duplicate value: 80",
        "f: Forbidden: not here",
        "f: Too long: may not be more than 10 bytes",
        "f: Too many: 11: must have at most 10 items",
    ]


def test_a_value_is_refused_once_for_each_problem() -> None:
    assert [v.reason for v in each_invalid("f", "x", ("a", "b"))] == [CauseReason.INVALID] * 2


def test_lone_surrogates_are_escaped_and_long_values_shortened() -> None:
    assert "\\ud800" in invalid("f", "\ud800", "x").message
    assert len(invalid("f", "x" * 100_000, "y").message) < 300
