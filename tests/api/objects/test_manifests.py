"""Documents of an apply that are read once: equal to reading again what is merged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.objects.manifests import read_manifest
from app.domain.copies import replace
from app.domain.names import NamespacedName
from app.domain.objects.meta import LAST_APPLIED_ANNOTATION
from app.domain.objects.resource import Object
from app.domain.registration.validation.metadata import LAST_APPLIED_SIZE_MAX_BYTES
from app.domain.resources import resource_of
from app.schemas.documents.read import Document
from app.schemas.objects.codec import decode_known, encode_object
from app.schemas.patches.three_way import apply_document
from tests.builders import a_service
from tests.strategies import nodes, pods, services

SERVER_OWNED = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


def amended(document: dict[str, object], like: Object) -> Object:
    """Read a document of an object that is not there, as an apply does."""
    kind, key = resource_of(like), NamespacedName("team", "web")
    manifest = read_manifest(0, kind, key, Document(document), "Ignore")
    manifest.prepare(None)
    return manifest.item().amend(None)


def read_again(document: dict[str, object]) -> Object:
    """Decode what is merged: the oracle."""
    read = decode_known(apply_document(None, document))
    return replace(read, metadata=replace(read.metadata, namespace="team"))


@given(
    st.one_of(services(), pods(), nodes()),
    st.sets(st.sampled_from(SERVER_OWNED)),
    st.dictionaries(
        st.sampled_from(["a", "b/c", LAST_APPLIED_ANNOTATION]), st.text(max_size=9), max_size=3
    ),
    st.sampled_from([{}, {"unknown": {"field": [1]}}]),
)
def test_a_new_object_is_the_document_with_a_record_of_it(
    drawn: Object, dropped: set[str], annotations: dict[str, str], unknown: dict[str, object]
) -> None:
    stamped = replace(drawn.metadata, annotations=annotations)
    document = {**encode_object(replace(drawn, metadata=stamped)), **unknown}
    metadata = document["metadata"]
    assert isinstance(metadata, dict)
    document["metadata"] = {name: metadata[name] for name in metadata if name not in dropped}  # pyright: ignore[reportUnknownVariableType]  of a wire

    assert amended(document, drawn) == read_again(
        {name: value for name, value in document.items() if name not in unknown}
    )


@pytest.mark.parametrize("owned", [None, *SERVER_OWNED])
def test_metadata_of_the_server_is_dropped_from_a_new_object(owned: str | None) -> None:
    given: dict[str, object] = {"uid": "u", "resourceVersion": "7", "generation": 9}
    metadata: dict[str, object] = {"name": "web"}
    if owned in given:
        metadata[owned] = given[owned]
    document: dict[str, object] = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}

    found = amended(document, a_service()).metadata

    assert (found.uid, found.resource_version, found.generation) == ("", "", 0)
    assert LAST_APPLIED_ANNOTATION in found.annotations


def test_a_document_too_large_to_be_recorded_loses_an_old_record() -> None:
    annotations = {LAST_APPLIED_ANNOTATION: "{}", "a": "x" * LAST_APPLIED_SIZE_MAX_BYTES}
    metadata: dict[str, object] = {"name": "web", "annotations": annotations}
    document: dict[str, object] = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}

    found = amended(document, a_service())

    assert found == read_again(document)
    assert set(found.metadata.annotations) == {"a"}
