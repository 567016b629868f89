"""YAML output is parsed to the encoded values."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.domain.objects.service import Protocol
from app.schemas.documents.yaml_output import encode_yaml
from app.schemas.documents.yaml_text import read_yaml
from tests.schemas.wire_strategies import texts


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | texts | st.just(""),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=10,
    )
)
def test_encoded_values_are_parsed_to_themselves(value: object) -> None:
    assert next(read_yaml(encode_yaml({"a": value}).decode())).value == {"a": value}


@pytest.mark.parametrize("text", ["y", "off", "010", "0o17", "1e3", "08", "~", "", "1_0", ".inf"])
def test_text_that_looks_like_something_else_is_quoted(text: str) -> None:
    written = encode_yaml([text])

    assert next(read_yaml(written.decode())).value == [text]
    assert yaml.safe_load(written) == [text]


def test_fields_keep_their_order_and_words_of_an_enum_are_text() -> None:
    assert encode_yaml({"b": Protocol.TCP, "a": [{"c": 1}]}) == b"b: TCP\na:\n- c: 1\n"


def test_aliases_are_never_written() -> None:
    part = {"a": ["b"]}

    assert b"&" not in encode_yaml([part, part])
