"""Patches: the effect of each language, and limits against hostile patches."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadRequest, Invalid
from app.schemas.patches.patch import COPIED_MAX, OPERATIONS_MAX, PatchType, apply_patch
from tests.schemas.wire_strategies import json_values, texts

MERGE, JSON, STRATEGIC = PatchType.MERGE, PatchType.JSON, PatchType.STRATEGIC
VECTORS = Path(__file__).parents[2] / "vectors"


def a_wire(**parts: object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, **parts}


def patched(how: PatchType, current: dict[str, Any], patch: object) -> dict[str, Any]:
    return apply_patch(how, current, patch)


@pytest.mark.parametrize(
    ("current", "patch", "result"),
    [
        # RFC 7386, appendix A, the cases with objects.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_the_rfc_says(
    current: dict[str, Any], patch: object, result: dict[str, Any]
) -> None:
    assert patched(MERGE, a_wire(spec=current), {"spec": patch}) == a_wire(spec=result)


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"op": "add", "path": "/spec/b", "value": [1]}, {"a": [1, 2], "b": [1]}),
        ({"op": "add", "path": "/spec/a/-", "value": 3}, {"a": [1, 2, 3]}),
        ({"op": "add", "path": "/spec/a/1", "value": 3}, {"a": [1, 3, 2]}),
        ({"op": "remove", "path": "/spec/a/0"}, {"a": [2]}),
        ({"op": "replace", "path": "/spec/a", "value": None}, {"a": None}),
        ({"op": "move", "from": "/spec/a", "path": "/spec/c"}, {"c": [1, 2]}),
        ({"op": "copy", "from": "/spec/a/0", "path": "/spec/x~1y"}, {"a": [1, 2], "x/y": 1}),
        ({"op": "test", "path": "/spec/a", "value": [1, 2]}, {"a": [1, 2]}),
    ],
)
def test_a_json_patch_does_what_the_rfc_says(
    operation: dict[str, Any], result: dict[str, Any]
) -> None:
    assert patched(JSON, a_wire(spec={"a": [1, 2]}), [operation]) == a_wire(spec=result)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/a", "value": [1]},
        {"op": "test", "path": "/spec/a/0", "value": True},
        {"op": "test", "path": "/spec/z", "value": None},
        {"op": "remove", "path": "/spec/z"},
        {"op": "replace", "path": "/spec/a/7", "value": 1},
        {"op": "add", "path": "/spec/a/01", "value": 1},
        {"op": "add", "path": "/spec/z/y", "value": 1},
        {"op": "add", "path": "spec", "value": 1},
        {"op": "copy", "from": "/nowhere", "path": "/spec/b"},
        {"op": "move", "from": "/spec", "path": "/spec/a"},
        {"op": "replace", "path": "", "value": 7},
        {"op": "test", "path": "", "value": "x" * 10_000},
    ],
)
def test_a_json_patch_that_does_not_apply_is_invalid_without_causes(
    operation: dict[str, Any],
) -> None:
    with pytest.raises(Invalid) as refused:
        patched(JSON, a_wire(spec={"a": [1, 2]}), [operation])

    assert refused.value.causes == ()
    assert (refused.value.kind, refused.value.name) == ("Service", "web")
    assert len(refused.value.message) < 1_000


@pytest.mark.parametrize(
    ("how", "patch"),
    [
        (MERGE, [1]),
        (MERGE, None),
        (STRATEGIC, "x"),
        (JSON, {"op": "test"}),
        (JSON, [7]),
        (JSON, [{"path": "/a"}]),
        (JSON, [{"op": "add"}]),
        (JSON, [{"op": "grow", "path": "/a"}]),
        (JSON, [{"op": [1], "path": "/a"}]),
        (JSON, [{"op": "add", "path": 7, "value": 1}]),
        (JSON, [{"op": "add", "path": "/a"}]),
        (JSON, [{"op": "copy", "path": "/a"}]),
        (JSON, [{"op": "copy", "path": "/a", "from": 7}]),
        (JSON, [{"op": "test", "path": "", "value": 1}] * (OPERATIONS_MAX + 1)),
        (JSON, [{"op": "replace", "path": "/kind", "value": "Pod"}]),
        (MERGE, {"kind": "Pod"}),
        (MERGE, {"apiVersion": None}),
        (STRATEGIC, {"$patch": "delete"}),
    ],
)
def test_a_malformed_patch_is_a_bad_request(how: PatchType, patch: object) -> None:
    with pytest.raises(BadRequest):
        patched(how, a_wire(), patch)


def test_exponential_copies_are_refused() -> None:
    doubling = [{"op": "copy", "from": "/spec", "path": f"/spec/{n}"} for n in range(64)]

    with pytest.raises(BadRequest, match=f"copies more than {COPIED_MAX} values"):
        patched(JSON, a_wire(spec={"a": [1, 2]}), doubling)


@pytest.mark.parametrize(
    "last",
    [
        {"op": "test", "path": "/spec/a", "value": 1},
        {"op": "test", "path": "/spec/a", "value": {"a": {"a": {}}}},
        {"op": "copy", "from": "/spec", "path": "/b"},
    ],
)
def test_moves_that_nest_without_end_are_refused(last: dict[str, Any]) -> None:
    deeper: list[dict[str, Any]] = [
        {"op": "add", "path": "/spec/b", "value": {}},
        {"op": "move", "from": "/spec/a", "path": "/spec/b/a"},
        {"op": "move", "from": "/spec/b", "path": "/spec/a"},
    ] * 1_500

    with pytest.raises((BadRequest, Invalid)):
        patched(JSON, a_wire(spec={"a": {}}), [*deeper, last])
    with pytest.raises(BadRequest, match="nests too deep"):
        patched(JSON, a_wire(spec={"a": {}}), deeper)


def test_pointers_deeper_than_the_limit_are_refused() -> None:
    with pytest.raises(BadRequest, match="operation 0 points deeper"):
        patched(JSON, a_wire(), [{"op": "add", "path": "/a" * 100_000, "value": 1}])


def test_a_patch_does_not_alter_the_current_object() -> None:
    current = a_wire(spec={"ports": [{"port": 80}], "a": {"b": 1}})
    before = json.dumps(current)

    patched(MERGE, current, {"spec": {"a": {"b": 2}}})
    patched(JSON, current, [{"op": "add", "path": "/spec/ports/0/port", "value": 1}])
    patched(STRATEGIC, current, {"spec": {"ports": [{"port": 80, "name": "x"}], "a": {"c": 1}}})

    assert json.dumps(current) == before


operations = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]) | json_values,
        "path": st.sampled_from(["", "/", "/spec", "/spec/a/0", "/spec/-", "/~2"]) | json_values,
        "from": st.sampled_from(["", "/spec", "/spec/a", "/metadata/name"]) | json_values,
        "value": json_values,
    },
)
WORDS = ("ports", "finalizers", "port", "conditions", "type", "selector", "spec", "metadata")
DIRECTIVES = ("$patch", "$retainKeys", "$setElementOrder/ports", "$deleteFromPrimitiveList/x")
directives: st.SearchStrategy[object] = st.recursive(
    st.sampled_from(["delete", "replace", "merge", 80, "a", None]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS + DIRECTIVES), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(PatchType),
    st.dictionaries(texts, json_values, max_size=3),
    json_values | st.lists(operations, max_size=4) | directives,
)
def test_any_patch_is_applied_or_refused(
    how: PatchType, spec: dict[str, object], patch: object
) -> None:
    ports = [{"port": 80}, {"port": 443, "name": "tls"}]
    current = a_wire(spec={**spec, "a": [1], "ports": ports}, metadata={"finalizers": ["x"]})
    try:
        result = patched(how, current, patch)
    except (BadRequest, Invalid):
        return
    assert json.loads(json.dumps(result)) == result


@given(
    st.dictionaries(texts, json_values, max_size=4), st.dictionaries(texts, json_values, max_size=4)
)
def test_a_merge_patch_is_idempotent(spec: dict[str, object], change: dict[str, object]) -> None:
    once = patched(MERGE, a_wire(spec=spec), {"spec": change})

    assert patched(MERGE, once, {"spec": change}) == once


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ({"op": "test", "path": "/metadata/name", "value": "x"}, "is not the one tested for"),
        ({"op": "remove", "path": "/metadata/labels/a"}, "path /metadata/labels/a"),
        ({"op": "move", "from": "/spec/a", "path": "/spec/b"}, "from /spec/a"),
    ],
)
def test_a_refusal_does_not_contain_the_object(operation: dict[str, object], words: str) -> None:
    with pytest.raises(Invalid) as refused:
        patched(JSON, a_wire(spec={"secret": "s3cret"}), [operation])
    assert words in refused.value.message
    assert "s3cret" not in refused.value.message
    assert "{" not in refused.value.message
