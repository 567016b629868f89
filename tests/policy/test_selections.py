"""Reading of a syntax tree: only what is needed of protobuf."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.selections import selections_of


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def identifier(name: str) -> bytes:
    return field(4, field(1, name.encode()))


def selecting(operand: bytes, name: str) -> bytes:
    return field(5, field(1, operand) + field(2, name.encode()))


def checked(expression: bytes, before: bytes = b"") -> bytes:
    return field(1, b"type.googleapis.com/x") + field(2, before + field(4, expression))


names = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=5)


@given(names, names)
def test_a_selection_is_found(variable: str, name: str) -> None:
    tree = checked(selecting(identifier(variable), name))
    assert selections_of(tree) == {(variable, name)}


@given(names, names, names)
def test_only_the_first_field_of_a_variable_is_its_own(variable: str, one: str, two: str) -> None:
    tree = checked(selecting(selecting(identifier(variable), one), two))
    assert selections_of(tree) == {(variable, one)}


@pytest.mark.parametrize(
    "skipped",
    [
        bytes([2 << 3 | 0, 0x96, 0x01]),  # a varint of two octets
        bytes([2 << 3 | 1, *range(8)]),  # 64 bits
        bytes([2 << 3 | 5, *range(4)]),  # 32 bits
        field(15, b"text"),
    ],
)
def test_other_fields_are_skipped(skipped: bytes) -> None:
    tree = skipped + selecting(skipped + identifier("claims"), "email") + skipped
    assert selections_of(checked(tree, before=skipped)) == {("claims", "email")}


def test_nothing_is_selected_of_nothing() -> None:
    assert selections_of(checked(identifier("claims"))) == set()
    assert selections_of(b"") == set()
