"""Paths name places in documents as their authors would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.schemas.paths import (
    UNKNOWN_MAX,
    VIOLATIONS_MAX,
    join_path,
    name_type,
    type_violations,
    unknown_fields,
)
from app.schemas.service import ServiceWrite


@pytest.mark.parametrize(
    ("path", "segment", "joined"),
    [
        ("", "spec", "spec"),
        ("spec", "ports", "spec.ports"),
        ("spec.ports", 1, "spec.ports[1]"),
        ("", 0, "[0]"),
        ("metadata.labels", "example.com/a", "metadata.labels[example.com/a]"),
        ("a", "", "a[]"),
        ("a", "x" * 200, f"a.{'x' * 128}…"),
    ],
)
def test_segments_are_joined(path: str, segment: str | int, joined: str) -> None:
    assert join_path(path, segment) == joined


@given(st.lists(st.text() | st.integers(0, 9), max_size=5))
def test_any_path_is_bounded(segments: list[str | int]) -> None:
    path = ""
    for segment in segments:
        path = join_path(path, segment)
    assert len(path) <= len(segments) * 140


def test_unknown_fields_are_bounded() -> None:
    model = ServiceWrite.model_validate({f"x{n}": n for n in range(UNKNOWN_MAX + 5)})

    assert unknown_fields(model) == tuple(f"x{n}" for n in range(UNKNOWN_MAX))


def test_violations_are_bounded() -> None:
    document = {"spec": {"ports": [7] * (VIOLATIONS_MAX + 5)}}
    with pytest.raises(ValidationError) as error:
        ServiceWrite.model_validate(document)

    assert len(type_violations(error.value, document)) == VIOLATIONS_MAX


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "an integer"),
        (1.5, "a number"),
        ("", "a string"),
        ([1], "a list"),
        ({"a": 1}, "an object"),
    ],
)
def test_types_have_names(value: object, name: str) -> None:
    assert name_type(value) == name
