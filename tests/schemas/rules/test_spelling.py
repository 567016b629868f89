"""Spellings: constants, renamed and nested fields, choices."""

import json
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from app.schemas.base import FailFastTuple, Output
from app.schemas.rules.spelling import Spelling, attributes, choice, record, row


class PointShape(Output):
    op: Literal["Point"]
    pod_ip: str
    unit: Literal["m"]
    weight: int


class LineShape(Output):
    """A line."""

    op: Literal["Line"]
    ends: FailFastTuple[Annotated[tuple[str, int], row(PointShape)]]
    middle: Annotated[tuple[str, int], row(PointShape)] | None
    side: Literal["left", "right"]


@dataclass(frozen=True, kw_only=True)
class Line:
    points: tuple[tuple[str, int], ...]
    middle: tuple[str, int] | None = None
    side: str = "left"


LINE: Final = record(LineShape, Line, ends="points")
A, B = ("10.0.0.1", 1), ("10.0.0.2", 2)
LINES = [Line(points=()), Line(points=(A, B), side="right"), Line(points=(A,), middle=B)]


@pytest.mark.parametrize("line", LINES)
def test_an_encoded_value_decodes_to_itself(line: Line) -> None:
    written = json.loads(json.dumps(LINE.write(line)))
    assert TypeAdapter(Annotated[Line, LINE]).validate_python(written) == line


def test_fields_are_encoded_in_the_order_of_the_shape_with_constants() -> None:
    assert json.dumps(row(PointShape).write(A)) == (
        '{"op": "Point", "podIP": "10.0.0.1", "unit": "m", "weight": 1}'
    )
    assert list(LINE.write(LINES[0])) == ["op", "ends", "middle", "side"]


def test_a_value_with_too_few_fields_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="shorter"):
        row(PointShape).write(("10.0.0.1",))


def test_a_single_attribute_is_a_tuple_too() -> None:
    assert attributes("side")(LINES[0]) == ("left",)
    assert attributes("side", "middle")(LINES[0]) == ("left", None)


def test_a_choice_decodes_by_op() -> None:
    either = choice("Figure", "A figure.", {"Point": row(PointShape), "Line": LINE})
    read = TypeAdapter(Annotated[object, either]).validate_python
    assert [read(LINE.write(LINES[1])), read(row(PointShape).write(B))] == [LINES[1], B]


def _refusing(*_: object) -> tuple[str, int]:
    raise ValueError("there is no such point")


def test_an_impossible_value_is_refused_with_its_path() -> None:
    none = Spelling(PointShape, iter, _refusing)
    read = TypeAdapter(list[Annotated[object, none]]).validate_python
    with pytest.raises(ValidationError) as refusal:
        read([row(PointShape).write(A)])
    (error,) = refusal.value.errors()
    assert (error["loc"], error["msg"]) == ((0,), "Value error, there is no such point")


def test_the_shape_is_documented() -> None:
    documented = TypeAdapter(Annotated[Line, LINE]).json_schema()
    assert documented == TypeAdapter(LineShape).json_schema()
    assert documented["description"] == "A line."
