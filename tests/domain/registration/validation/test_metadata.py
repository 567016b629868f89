"""Metadata: names and their prefixes, labels, annotations, owners, finalizers."""

from dataclasses import replace

import pytest

from app.domain.errors import CauseReason
from app.domain.names import label_problems
from app.domain.objects.meta import LAST_APPLIED_ANNOTATION, ObjectMeta, OwnerReference
from app.domain.registration.validation.metadata import (
    ANNOTATIONS_SIZE_MAX_BYTES,
    LABELS_MAX,
    LAST_APPLIED_SIZE_MAX_BYTES,
    metadata_update_violations,
    metadata_violations,
)
from tests.builders import NOON
from tests.domain.registration.core import reasons

META = ObjectMeta(name="web", namespace="default")
OWNER = OwnerReference(api_version="v1", kind="Service", name="web", uid="u", is_controller=True)


def found(meta: ObjectMeta, *, is_namespaced: bool = True) -> list[tuple[str, str]]:
    """Field and reason of each violation of new metadata."""
    return reasons(metadata_violations(meta, label_problems, is_namespaced=is_namespaced))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"name": ""}, [("metadata.name", "Required")]),
        ({"name": "A" * 64}, [("metadata.name", "Invalid")] * 2),
        ({"generate_name": "web-"}, []),
        ({"generate_name": "a" * 63}, []),
        ({"generate_name": "Web-"}, [("metadata.generateName", "Invalid")]),
        ({"generate_name": "-"}, [("metadata.generateName", "Invalid")]),
        ({"namespace": ""}, [("metadata.namespace", "Required")]),
        ({"namespace": "a.b"}, [("metadata.namespace", "Invalid")]),
        ({"labels": {"a b": "-"}}, [("metadata.labels", "Invalid")] * 2),
        ({"annotations": {"Example.com/Anything": "any: value\n"}}, []),
        ({"annotations": {"a b": ""}}, [("metadata.annotations", "Invalid")]),
        ({"finalizers": ("example.com/hold", "a b")}, [("metadata.finalizers", "Invalid")]),
        ({"owner_references": (OWNER,)}, []),
        (
            {"owner_references": (replace(OWNER, uid="", kind=""),)},
            [
                ("metadata.ownerReferences.kind", "Invalid"),
                ("metadata.ownerReferences.uid", "Invalid"),
            ],
        ),
        ({"owner_references": (OWNER, OWNER)}, [("metadata.ownerReferences", "Invalid")]),
    ],
)
def test_new_metadata_is_checked(
    fields: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    assert found(ObjectMeta(**{"name": "web", "namespace": "default", **fields})) == expected  # pyright: ignore[reportArgumentType]  fields of ObjectMeta


def test_annotations_have_a_common_limit_in_bytes() -> None:
    fits = "ü" * (ANNOTATIONS_SIZE_MAX_BYTES // 2 - 1)
    assert not found(replace(META, annotations={"a": fits}))
    assert found(replace(META, annotations={"a": f"{fits}üü"})) == [
        ("metadata.annotations", "TooLong")
    ]


def test_too_many_labels_are_one_violation() -> None:
    most = {f"k{number}": "v" for number in range(LABELS_MAX)}
    assert not found(replace(META, labels=most))
    assert found(replace(META, labels={**most, "and one more": "not looked at"})) == [
        ("metadata.labels", "TooMany")
    ]


def test_the_last_applied_object_does_not_count_to_the_annotations_of_users() -> None:
    own = "x" * (ANNOTATIONS_SIZE_MAX_BYTES - 1)
    fits = "ü" * (LAST_APPLIED_SIZE_MAX_BYTES // 2)
    assert not found(replace(META, annotations={"a": own, LAST_APPLIED_ANNOTATION: fits}))
    too_long = replace(META, annotations={LAST_APPLIED_ANNOTATION: f"{fits}."})
    assert found(too_long) == [(f"metadata.annotations[{LAST_APPLIED_ANNOTATION}]", "TooLong")]


def test_a_kind_without_namespaces_has_none() -> None:
    assert found(META, is_namespaced=False) == [("metadata.namespace", "Forbidden")]
    assert not found(replace(META, namespace=""), is_namespaced=False)


def test_a_change_does_not_validate_the_name_again() -> None:
    old = replace(META, name="Old_Name")
    assert not metadata_update_violations(old, replace(old, labels={"a": "b"}))


def test_identity_may_not_change() -> None:
    fields = {
        violation.field
        for violation in metadata_update_violations(
            META, replace(META, name="other", namespace="elsewhere")
        )
    }
    assert fields == {"metadata.name", "metadata.namespace"}


def test_no_finalizer_is_added_once_deletion_has_begun() -> None:
    going = replace(META, deleted_at=NOON, finalizers=("a",))
    assert not metadata_update_violations(going, replace(going, finalizers=()))
    (violation,) = metadata_update_violations(going, replace(going, finalizers=("a", "b")))
    assert (violation.field, violation.reason) == ("metadata.finalizers", CauseReason.FORBIDDEN)
