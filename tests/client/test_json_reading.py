"""JSON from servers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.errors import RegistryMisbehaved
from app.client.json_reading import parse_json, values_in

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
)


def values(document: object) -> int:
    match document:
        case list():
            return 1 + sum(map(values, document))  # pyright: ignore[reportUnknownArgumentType]  drawn
        case dict():
            return 1 + sum(map(values, document.values()))  # pyright: ignore[reportUnknownArgumentType]  drawn
        case _:
            return 1


@given(documents)
def test_a_document_has_at_most_one_value_more_than_are_counted(document: object) -> None:
    octets = json.dumps(document).encode()
    assert values(document) <= 1 + 2 * values_in(octets)
    assert parse_json(octets, values_max=values_in(octets)) == document


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"<html>", "not JSON"),
        (b"", "not JSON"),
        (b'"\xff"', "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"9" * 100_000, "not JSON"),
        (b"[" + b"0," * 1_000_000 + b"0]", "more than 1000000 values"),
    ],
)
def test_unreadable_json_has_a_reason(octets: bytes, problem: str) -> None:
    with pytest.raises(RegistryMisbehaved, match=problem):
        parse_json(octets, values_max=1_000_000)
