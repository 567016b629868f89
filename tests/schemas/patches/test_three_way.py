"""The annotation of the last apply, and the apply of a dump."""

import json
from typing import Any

import pytest

from app.domain.objects.meta import LAST_APPLIED_ANNOTATION
from app.domain.registration.validation.metadata import LAST_APPLIED_SIZE_MAX_BYTES
from app.schemas.patches.three_way import apply_document, is_remembered

Wire = dict[str, Any]
LIVE: Wire = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "labels": {"x": "1"}},
    "spec": {"type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP"}]},
}


def a_document(**metadata: object) -> Wire:
    return {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "a", **metadata}}


def recorded(content: Any) -> Any:  # noqa: ANN401  JSON
    return json.loads(content["metadata"]["annotations"][LAST_APPLIED_ANNOTATION])


def test_the_applied_document_is_recorded_without_server_owned_fields() -> None:
    document = a_document(uid="u", resourceVersion="3", annotations={"a": "1"})
    made: Any = apply_document(None, document)
    assert recorded(made) == a_document(annotations={"a": "1"})


def test_the_annotation_in_a_dump_is_not_recorded() -> None:
    made: Any = apply_document(None, a_document(annotations={LAST_APPLIED_ANNOTATION: "{}"}))
    assert recorded(made) == a_document(annotations={})


def test_a_dump_that_changes_nothing_gives_the_object_itself() -> None:
    assert apply_document(LIVE, {**LIVE}) is LIVE


def test_a_dump_that_changes_something_is_an_apply() -> None:
    edited = {**LIVE, "metadata": {**LIVE["metadata"], "labels": {"x": "2"}}}
    made: Any = apply_document(LIVE, edited)
    assert made["metadata"]["labels"] == {"x": "2"}
    assert is_remembered(made)


def test_a_manifest_that_changes_nothing_is_recorded() -> None:
    assert recorded(apply_document(LIVE, a_document(labels={"x": "1"})))["metadata"]["labels"]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 100_000])
def test_an_unreadable_annotation_is_ignored(text: str) -> None:
    metadata = {**LIVE["metadata"], "annotations": {LAST_APPLIED_ANNOTATION: text}}
    live: Wire = {**LIVE, "metadata": metadata}
    made: Any = apply_document(live, a_document())
    assert made["metadata"]["labels"] == {"x": "1"}


@pytest.mark.parametrize(
    "large",
    [
        "x" * LAST_APPLIED_SIZE_MAX_BYTES,
        "\n" * (LAST_APPLIED_SIZE_MAX_BYTES // 2),
        ["x" * 100_000] * 1_000_000,
        [{"x" * 100_000: 1}] * 1_000_000,
    ],
    ids=["long", "longer when written", "repeated", "repeated keys"],
)
def test_a_document_too_large_for_the_annotation_is_applied_without_one(large: object) -> None:
    made: Any = apply_document(LIVE, {**a_document(), "spec": {"selector": {"a": large}}})
    assert made["spec"]["selector"] == {"a": large}
    assert not is_remembered(made)


def test_a_document_whose_metadata_is_odd_is_left_to_the_decoder() -> None:
    assert apply_document(None, {"kind": "Service", "metadata": 7}) == {
        "kind": "Service",
        "metadata": 7,
    }
