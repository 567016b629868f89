"""Paths in documents, in the spelling of their authors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.schemas.documents.paths import (
    VIOLATIONS_MAX,
    ignored_fields,
    join_path,
    name_type,
    type_violations,
    without,
)
from app.schemas.objects.pod import Pod
from app.schemas.objects.service import Service
from app.schemas.rules.render_request import RenderRequest


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


POD: dict[str, object] = {
    "kind": "Pod",
    "metadata": {"name": "a", "managedFields": [{"x": 1}], "labels": {"image": "kept"}},
    "spec": {
        "containers": [
            {
                "name": "a",
                "image": "x",
                "resources": {"limits": {"cpu": 1}, "limit": {}},
                "ports": [{"containerPort": 1, "hostPort": 1, "containerport": 2}],
            }
        ],
        "volumes": [{"name": "v", "emptyDir": {"medum": ""}, "odd": [7]}, 7],
        "nodeSelector": {"anything": "goes"},
        "weight": 3,
        "extra": {"a": 1},
    },
}
MISTYPED = [
    "spec.extra",
    "spec.volumes[0].emptyDir.medum",
    "spec.volumes[0].odd",
    "spec.containers[0].ports[0].containerport",
    "spec.containers[0].resources.limit",
]
NOT_KEPT = [
    "spec.volumes",
    "spec.nodeSelector",
    "spec.containers[0].image",
    "spec.containers[0].resources",
    "spec.containers[0].ports[0].hostPort",
]


def test_mistyped_fields_are_distinguished_from_known_ones_that_are_not_stored() -> None:
    found = list(ignored_fields(Pod, POD))
    assert sorted(each.path for each in found if not each.is_known) == sorted(MISTYPED)
    assert sorted(each.path for each in found if each.is_known) == sorted(NOT_KEPT)
    beside = {each.path: each.beside for each in found}
    assert {"weight", "hostAliases"} <= set(beside["spec.extra"])
    assert "medium" in beside["spec.volumes[0].emptyDir.medum"]


def test_a_manifest_within_a_request_is_one_of_its_kind() -> None:
    request: dict[str, object] = {
        "node": {"spec": {"configSource": {}, "tains": []}},
        "colour": 1,
        "services": [{"spce": 1}],
    }
    assert [(each.path, each.is_known) for each in ignored_fields(RenderRequest, request)] == [
        ("colour", False),
        ("node.spec.configSource", True),
        ("node.spec.tains", False),
        ("services[0].spce", False),
    ]


def test_ignored_fields_are_removed_from_a_document() -> None:
    kept = without(POD, ignored_fields(Pod, POD))
    assert kept == {
        **POD,
        "spec": {"containers": [{"name": "a", "ports": [{"containerPort": 1}]}], "weight": 3},
    }
    assert not list(ignored_fields(Pod, kept))
    assert without(kept, ()) == kept


def test_violations_are_bounded() -> None:
    document = {"spec": {"ports": [7] * (VIOLATIONS_MAX + 5)}}
    with pytest.raises(ValidationError) as error:
        Service.model_validate(document)

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
