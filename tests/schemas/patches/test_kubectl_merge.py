"""Merges equal those of Kubernetes' own library, except for intended differences."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import BadRequest
from app.schemas.patches.object_merge import three_way_merge
from app.schemas.patches.strategic_merge import Inapplicable, strategic_merge

Case = Mapping[str, Any]
RECORDED = Path(__file__).parents[2] / "vectors" / "kubectl_merge.json"
CASES: list[Case] = json.loads(RECORDED.read_text())["cases"]

ON_PURPOSE: Mapping[str, str] = {
    "second-protocol-added": "kubectl loses one of two ports that share a number",
    "second-protocol-left-out": "kubectl deletes both of two ports that share a number",
    "one-of-two-protocols-changed": "kubectl changes one of two ports that share a number",
    "two-protocols-of-a-container": "the same, of containers",
    "two-protocols-second-is-named": "a protocol that is named is meant",
    "two-addresses-of-one-type": "kubectl makes one of two addresses of a Node the other",
    "addresses-of-a-pod-never-applied": "a registrar reports the addresses of a Pod whole",
    "drawn-apply-073": "the same: what is reported is all there is",
    "map-merged-by-name": "the directive `merge` says what happens without it",
}
LOSES_A_NEW_MAP = "a map to be replaced that is not there yet: Kubernetes drops what is to be in it"
KINDER = ("no elements in any of the given slices",)
"""Refusals of the library without a reason that a user could see."""

applied = pytest.mark.parametrize(
    "case", [case for case in CASES if case["does"] == "apply"], ids=lambda case: case["id"]
)
patched = pytest.mark.parametrize(
    "case", [case for case in CASES if case["does"] == "patch"], ids=lambda case: case["id"]
)


@applied
def test_an_apply_equals_that_of_kubectl(case: Case) -> None:
    made = three_way_merge(case["kind"], case["live"], case.get("last", {}), case["wanted"])
    assert (made == case["result"]) is (case["id"] not in ON_PURPOSE)


@patched
def test_a_patch_equals_that_of_an_api_server(case: Case) -> None:
    made = _patched(case)
    if case.get("error") in KINDER:
        assert made is not None
    elif case["id"] in ON_PURPOSE:
        assert made != case.get("result")
    elif replaced := _maps_not_there(case["live"], case["patch"]):
        assert made is not None, LOSES_A_NEW_MAP
        assert _without(made, replaced) == _without(case["result"], replaced)
    else:
        assert made == case.get("result")


@applied
def test_applying_again_changes_nothing(case: Case) -> None:
    kind, wanted = case["kind"], case["wanted"]
    made = three_way_merge(kind, case["live"], case.get("last", {}), wanted)
    assert three_way_merge(kind, made, wanted, wanted) == made


@applied
def test_the_whole_applied_document_is_in_the_result(case: Case) -> None:
    made = three_way_merge(case["kind"], case["live"], case.get("last", {}), case["wanted"])
    assert _holds(made, case["wanted"])


def _patched(case: Case) -> Any | None:  # noqa: ANN401  JSON
    try:
        return strategic_merge(case["kind"], case["live"], case["patch"])
    except (BadRequest, Inapplicable):
        return None


def _maps_not_there(live: Case, patch: Case) -> list[tuple[str, str]]:
    return [
        (part, name)
        for part, fields in patch.items()
        if isinstance(fields, dict)
        for name, value in fields.items()  # pyright: ignore[reportUnknownVariableType]  JSON
        if isinstance(value, dict) and value.get("$patch") == "replace"  # pyright: ignore[reportUnknownMemberType]
        if name not in live.get(part, {})
    ]


def _without(made: Case, places: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        part: {name: value for name, value in fields.items() if (part, name) not in places}
        for part, fields in made.items()
    }


def _holds(made: Any, wanted: Any) -> bool:  # noqa: ANN401  JSON
    """Whether all wanted values are present: elements in any position, and no nulls."""
    if isinstance(wanted, dict) and isinstance(made, dict):
        return all(
            key not in made if value is None else key in made and _holds(made[key], value)
            for key, value in wanted.items()  # pyright: ignore[reportUnknownVariableType]  JSON
        )
    if isinstance(wanted, list) and isinstance(made, list):
        return all(any(_holds(have, each) for have in made) for each in wanted)  # pyright: ignore[reportUnknownVariableType]
    return bool(made == wanted)
