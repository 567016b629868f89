"""Codecs that are derived from models and classes: what is zero, and what is shown."""

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, ClassVar

import pytest
from pydantic import create_model

from app.schemas.base import Input, IntOrString, Labels, Time
from app.schemas.objects.shapes import decode, encode, first_of, led_by, shape_of


@dataclass(frozen=True, kw_only=True)
class Part:
    number: int
    word: str = "usual"


@dataclass(frozen=True, kw_only=True)
class Whole:
    parts: tuple[Part, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    target: int | str = 0
    weight: int = 1
    chosen: bool | None = None
    labels: dict[str, str] | None = None
    seen_at: datetime | None = None
    wait_s: int = 0


@shape_of(Part)
class PartShape(Input):
    number: int | None = None
    word: str | None = None
    documented_required: ClassVar = ("number",)


def pair(key: str = "", value: str = "") -> tuple[str, str]:
    return key, value


@shape_of(pair, take={"key": itemgetter(0), "value": itemgetter(1)})
class PairShape(Input):
    key: str | None = None
    value: str | None = None


@shape_of(Whole, exact=("target", "weight"), wait_seconds="wait_s", always=("parts",))
class SpecShape(Input):
    parts: list[PartShape] | None = None
    pairs: list[PairShape] | None = None
    target: IntOrString | None = None
    weight: int | None = None
    wait_seconds: int | None = None


@shape_of(
    Whole,
    derived={"names": led_by("name", "names")},
    take={"name": first_of("names")},
    seen_time="seen_at",
)
class WholeShape(Input):
    name: str | None = None
    names: list[str] | None = None
    chosen: bool | None = None
    labels: Labels | None = None
    seen_time: Time | None = None
    spec: SpecShape | None = None


def decoded(**fields: object) -> Whole:
    return decode(WholeShape.model_validate(fields))


def test_missing_null_and_unknown_fields_are_the_defaults_of_the_class() -> None:
    assert decoded() == decoded(name=None, spec=None, other=1) == Whole()
    assert decoded(spec={"parts": [{"word": None}], "pairs": None}) == Whole(
        parts=(Part(number=0),)
    )


@pytest.mark.parametrize(
    ("document", "whole"),
    [
        ({"spec": {"parts": [{"number": 0, "word": ""}]}}, Whole(parts=(Part(number=0),))),
        ({"spec": {"weight": 0, "target": "", "waitSeconds": 0}}, Whole(weight=0, target="")),
        ({"chosen": False, "labels": {}}, Whole(chosen=False, labels={})),
    ],
)
def test_a_zero_is_the_default_unless_it_is_exact_or_the_default_is_none(
    document: dict[str, object], whole: Whole
) -> None:
    assert decoded(**document) == whole


def test_a_field_may_be_in_a_part_of_the_model_and_have_another_name() -> None:
    spec = {"parts": [{"number": 1, "word": "a"}], "pairs": [{"key": "k", "value": "v"}]}
    whole = Whole(
        parts=(Part(number=1, word="a"),),
        pairs=(("k", "v"),),
        wait_s=5,
        seen_at=datetime(2026, 1, 1, tzinfo=UTC),
        labels={"a": ""},
    )

    found = decoded(
        spec={**spec, "waitSeconds": 5}, seenTime="2026-01-01T00:00:00Z", labels={"a": None}
    )

    assert found == whole
    assert encode(WholeShape, whole) == {
        "labels": {"a": ""},
        "seenTime": "2026-01-01T00:00:00Z",
        "spec": {**spec, "waitSeconds": 5},
    }


def test_defaults_are_omitted_except_what_is_always_there() -> None:
    assert encode(WholeShape, Whole()) == {"spec": {"parts": []}}
    assert encode(WholeShape, Whole(weight=0, chosen=False)) == {
        "chosen": False,
        "spec": {"parts": [], "weight": 0},
    }
    assert encode(PartShape, Part(number=0, word="")) == {"number": 0}


def test_fields_are_in_the_order_of_the_model() -> None:
    shown = encode(WholeShape, Whole(names=("a", "b"), chosen=True))

    assert list(shown.items())[:2] == [("name", "a"), ("names", ["a", "b"])]


@pytest.mark.parametrize(
    ("singular", "plural", "names"),
    [
        ("a", None, ("a",)),
        (None, ["a", "b"], ("a", "b")),
        ("a", ["a", "b"], ("a", "b")),
        ("z", ["a", "b"], ("z",)),
    ],
)
def test_the_singular_field_wins_when_its_list_begins_otherwise(
    singular: str | None, plural: list[str] | None, names: tuple[str, ...]
) -> None:
    assert decoded(name=singular, names=plural).names == names


class Bare(Input):
    number: int | None = None


@pytest.mark.parametrize(
    ("fields", "declared", "words"),
    [
        ({"bare": (Bare | None, None)}, {}, "Bare, in Model, needs a shape_of before it"),
        ({"parts": (list[Bare] | None, None)}, {}, "Bare, in Model, needs a shape_of before it"),
        ({"size": (int | None, None)}, {}, "Whole has no size, of Model"),
        ({"weight": (int | None, None)}, {"exact": ("wieght",)}, "Model has no field wieght"),
        ({"weight": (int | None, None)}, {"always": ("parts",)}, "Model has no field parts"),
        ({"weight": (int | None, None)}, {"sizes": "wait_s"}, "Model has no field sizes"),
    ],
)
def test_a_declaration_that_does_not_fit_fails_when_it_is_made(
    fields: dict[str, Any], declared: dict[str, Any], words: str
) -> None:
    model = create_model("Model", __base__=Input, **fields)
    with pytest.raises(TypeError, match=words):
        shape_of(Whole, **declared)(model)
