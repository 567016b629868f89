"""What is decoded without models equals what the models make, or is left to them."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.copies import replace
from app.domain.objects.pod import POD
from app.domain.objects.resource import Object
from app.domain.objects.service import SERVICE
from app.domain.resources import resource_of
from app.schemas.documents.paths import ignored_fields, named_members_of
from app.schemas.objects.codec import encode_object
from app.schemas.objects.direct import Unusual, decode_directly, decode_kept
from app.schemas.objects.shapes import decode
from app.schemas.objects.wires import wire_of
from tests.builders import a_pod
from tests.schemas.wire_strategies import json_values, objects

_ODD: list[object] = ["\ud800", "ä", "", 2**31, -(2**70), 1.0, True, None, {}, [], [None], [[]]]
ODD = st.sampled_from(_ODD)
NAMES = st.sampled_from(["name", "labels", "spec", "managedFields", "selfLink", "ports", "odd"])


def steps_in(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """List the paths of all members."""
    found: list[tuple[str | int, ...]] = []
    for key, below in named_members_of(value):
        found += [(*path, key), *steps_in(below, (*path, key))]
    return found


@st.composite
def mangled(draw: st.DrawFn) -> tuple[Object, dict[str, Any]]:
    """Draw an object, and its document with some values replaced, removed or added."""
    drawn = draw(objects)
    document = copy.deepcopy(encode_object(drawn))
    for _ in range(draw(st.integers(0, 3))):
        steps = draw(st.sampled_from(steps_in(document)))
        holder: Any = document
        for step in steps[:-1]:
            holder = holder[step]
        match draw(st.integers(0, 2)):
            case 0:
                holder[steps[-1]] = draw(json_values | ODD)
            case 1 if isinstance(holder, dict):
                holder[draw(NAMES)] = draw(json_values | ODD)
            case _:
                del holder[steps[-1]]
    return drawn, document


@given(objects)
def test_a_document_of_ours_needs_no_models(drawn: Object) -> None:
    """Every object's own document is decoded directly, and has no unknown fields."""
    unknown: list[str] = []
    model = wire_of(resource_of(drawn)).model
    document = encode_object(drawn)
    assert decode_directly(model, document, unknown) == decode(model.model_validate(document))
    assert not unknown


@given(mangled())
def test_a_document_is_decoded_as_by_the_models_or_not_at_all(
    case: tuple[Object, dict[str, Any]],
) -> None:
    """Whatever a document holds, the models would accept it with the same result."""
    drawn, document = case
    unknown: list[str] = []
    model = wire_of(resource_of(drawn)).model
    try:
        found = decode_directly(model, document, unknown)
    except Unusual:
        return
    assert found == decode(model.model_validate(document))
    assert bool(unknown) == bool(list(ignored_fields(model, document)))


@given(st.lists(objects, max_size=6), st.data())
def test_what_the_store_keeps_is_decoded_as_what_clients_send(
    drawn: list[Object], data: st.DataObject
) -> None:
    """Equal parts of documents that follow each other stand for equal values."""
    for each in data.draw(st.permutations(drawn * 2)):
        model, document = wire_of(resource_of(each)).model, encode_object(each)
        sent = decode_directly(model, document, [])
        unversioned = replace(sent.metadata, resource_version="")
        assert decode_kept(model, document) == replace(sent, metadata=unversioned)


def test_equal_parts_of_what_the_store_keeps_are_one_value() -> None:
    """The Pods of a workload have their labels and conditions once."""
    document = encode_object(a_pod("a", labels={"app": "ent"}))
    first, second = (decode_kept(wire_of(POD).model, copy.deepcopy(document)) for _ in range(2))
    assert first.metadata.labels is second.metadata.labels
    assert first.conditions is second.conditions


@pytest.mark.parametrize("value", [1, 80.0, True, []])
def test_what_the_models_may_refuse_is_left_to_them(value: object) -> None:
    """A text that is none is unusual, and the models refuse it."""
    model = wire_of(SERVICE).model
    document = {"metadata": {"name": value}}
    with pytest.raises(Unusual):
        decode_directly(model, document, [])
    with pytest.raises(Unusual):
        decode_kept(model, document)
    with pytest.raises(ValidationError):
        model.model_validate(document)
