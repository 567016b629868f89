"""Addresses and prefixes in text form: lenient reading, strict acceptance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.registration.validation.addresses import (
    address_violations,
    is_canonical_address,
    is_canonical_prefix,
    prefix_violations,
    special_address_violations,
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("10.96.0.10", 0),
        ("010.096.000.010", 1),
        ("fd00::1", 0),
        ("FD00:0:0::1", 0),
        ("::ffff:10.96.0.10", 1),
        ("::ffff:010.96.0.10", 1),
        ("10.96.0", 1),
        ("10.96.0.256", 1),
        ("fe80::1%eth0", 1),
        ("", 1),
        ("None", 1),
        ("10.96.0.1\n", 1),
        ("10.96.0.1\0", 1),
        ("\u0661.\u0661.\u0661.\u0661", 1),
        ("1" * 100_000, 1),
    ],
)
def test_an_address_is_validated(text: str, count: int) -> None:
    assert len(address_violations("x", text)) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("10.0.0.0/8", 0),
        ("2001:db8::/32", 0),
        ("10.0.0.1/8", 1),
        ("010.0.0.0/8", 1),
        ("10.0.0.0/08", 1),
        ("::ffff:10.0.0.1/104", 2),
        ("10.0.0.0/33", 1),
        ("10.0.0.0", 1),
        ("10.0.0.0/", 1),
        ("10.0.0.0/-1", 1),
        ("10.0.0.0/8 ", 1),
    ],
)
def test_a_prefix_is_validated(text: str, count: int) -> None:
    assert len(prefix_violations("x", text)) == count


def test_stored_values_stay_valid() -> None:
    assert not address_violations("x", "010.0.0.1", accepted=("010.0.0.1",))
    assert not prefix_violations("x", "10.0.0.1/8", accepted=("10.0.0.1/8",))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104  nothing is bound
        "::",
        "127.0.0.1",
        "::1",
        "169.254.1.1",
        "fe80::1",
        "224.0.0.5",
        "ff02::1",
        "x",
    ],
)
def test_an_address_that_reaches_no_other_machine_is_refused(text: str) -> None:
    assert len(special_address_violations("x", text)) == 1


@pytest.mark.parametrize("text", ["192.0.2.1", "2001:db8::1", "224.0.1.1", "ff05::1"])
def test_an_ordinary_address_is_not_special(text: str) -> None:
    assert not special_address_violations("x", text)


@pytest.mark.parametrize(
    ("text", "is_canonical"), [("fd00::1", True), ("FD00::1", False), ("x", True)]
)
def test_a_spelling_is_canonical_or_not(text: str, *, is_canonical: bool) -> None:
    assert is_canonical_address(text) == is_canonical
    assert is_canonical_prefix(f"{text}/128") == is_canonical


@given(st.text(max_size=30))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    address_violations("x", text)
    prefix_violations("x", text)
