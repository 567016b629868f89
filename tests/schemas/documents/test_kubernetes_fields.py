"""The table of Kubernetes' fields has every field that the wire models have from Kubernetes."""

from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel

from app.schemas.documents.kubernetes_fields import PLAIN, SET, Held, fields_of
from app.schemas.objects.wires import WIRES

MODELS = [wire.model for wire in WIRES if fields_of(wire.resource.name)]
"""Those of the kinds that Kubernetes has, too."""
EXTENSIONS = {
    "Pod.spec.leaseDurationSeconds",
    "Pod.spec.weight",
    "Service.spec.scheduler",
    "Service.spec.selectorExpressions",
    "EndpointSlice.endpoints.weight",
}
SHARED = {"lastProbeTime", "observedGeneration"}
"""Fields of a condition that only some kinds have; one model serves them all."""


def test_a_kind_of_kubernetes_has_its_fields() -> None:
    assert {"Service", "Pod", "Node", "Namespace"} <= {model.of_kind for model in MODELS}
    for model in MODELS:
        assert {"apiVersion", "kind", "metadata"} <= set(fields_of(model.of_kind))


def unlisted(model: type[BaseModel], type_name: str, path: str) -> Iterator[str]:
    known = fields_of(type_name)
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if alias not in known and alias not in SHARED:
            yield f"{path}.{alias}"
            continue
        for inner in models_in(field.annotation):
            yield from unlisted(inner, known.get(alias, PLAIN).type, f"{path}.{alias}")


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def test_every_field_of_a_model_is_kubernetes_own_or_a_known_extension() -> None:
    found = {path for model in MODELS for path in unlisted(model, model.of_kind, model.of_kind)}
    assert found == EXTENSIONS


@pytest.mark.parametrize(
    ("type_name", "field", "held"),
    [
        ("ServiceSpec", "ports", Held("ServicePort", "port")),
        ("ServiceSpec", "externalIPs", PLAIN),
        ("ObjectMeta", "finalizers", Held("", SET)),
        ("ObjectMeta", "ownerReferences", Held("OwnerReference", "uid")),
        ("PodSpec", "containers", Held("Container", "name")),
        ("PodSpec", "tolerations", Held("Toleration")),
        ("Container", "env", Held("EnvVar", "name")),
        ("NodeStatus", "addresses", Held("NodeAddress", "type")),
        ("EndpointSlice", "endpoints", Held("SliceEndpoint")),
    ],
)
def test_lists_are_merged_by_the_keys_of_the_specification(
    type_name: str, field: str, held: Held
) -> None:
    assert fields_of(type_name)[field] == held


@pytest.mark.parametrize("type_name", ["", "Deployment"])
def test_other_types_have_no_fields(type_name: str) -> None:
    assert fields_of(type_name) == {}
