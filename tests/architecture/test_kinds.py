"""Every kind is complete: a value, its rules and its wire shape, in each of the three tables."""

from dataclasses import fields

import pytest

from app.domain.objects.resource import AnyResource
from app.domain.registration.derivation import AnyDerivation
from app.domain.registration.strategies import DERIVATIONS, STRATEGIES
from app.domain.resources import RESOURCES
from app.schemas.objects.wire import Wire
from app.schemas.objects.wires import WIRES

derived: dict[AnyResource, AnyDerivation] = {each.resource: each for each in DERIVATIONS}


def test_every_kind_is_in_each_table_once() -> None:
    assert len({resource.name for resource in RESOURCES}) == len(RESOURCES)
    assert sorted(wire.resource.name for wire in WIRES) == sorted(each.name for each in RESOURCES)
    assert {*STRATEGIES, *derived} == set(RESOURCES)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
def test_a_kind_has_rules_or_follows_from_others(resource: AnyResource) -> None:
    assert (resource in derived) == resource.is_derived
    assert (resource in STRATEGIES) != resource.is_derived


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
def test_a_resource_names_attributes_of_its_value(resource: AnyResource) -> None:
    assert set(resource.status_fields) <= {each.name for each in fields(resource.type)}
    assert resource.plural == resource.plural_name.lower()
    assert set(resource.field_aliases.values()) <= set(resource.fields)


@pytest.mark.parametrize("wire", WIRES, ids=lambda each: each.resource.name)
def test_a_wire_shape_is_of_its_kind(wire: Wire) -> None:
    assert wire.model.of_kind == wire.resource.name
    assert set(wire.stored_only.values()) <= {each.name for each in fields(wire.resource.type)}
