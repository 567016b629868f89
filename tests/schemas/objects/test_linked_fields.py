"""Linked fields: a change of the list or of the singular field takes effect."""

from typing import Any

import pytest

from app.schemas.objects.codec import decode_object
from app.schemas.patches.patch import PatchType, apply_patch
from app.schemas.patches.three_way import apply_document

Wire = dict[str, Any]
FIRST, SECOND = [{"ip": "10.244.1.5"}], [{"ip": "10.244.9.9"}, {"ip": "fd00::9"}]


def a_pod(**status: object) -> Wire:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ent-1"}, "status": status}


HELD = a_pod(podIP="10.244.1.5", podIPs=FIRST)


def addresses(wire: Wire) -> tuple[str, ...]:
    pod = decode_object(wire, "Pod").object
    return getattr(pod, "pod_ips", ())


@pytest.mark.parametrize(
    ("status", "ips"),
    [
        ({"podIPs": SECOND}, ("10.244.9.9", "fd00::9")),
        ({"podIP": "10.244.7.7"}, ("10.244.7.7",)),
        ({"podIP": "10.244.9.9", "podIPs": SECOND}, ("10.244.9.9", "fd00::9")),
        ({"podIP": "10.244.7.7", "podIPs": SECOND}, ("10.244.7.7",)),
        ({"podIPs": None}, ()),
        ({"phase": "Running"}, ("10.244.1.5",)),
    ],
)
def test_a_patch_of_a_pods_addresses_takes_effect(status: Wire, ips: tuple[str, ...]) -> None:
    assert addresses(apply_patch(PatchType.MERGE, HELD, {"status": status})) == ips


def test_a_manifest_with_other_addresses_takes_effect() -> None:
    first = apply_document(None, a_pod(podIPs=FIRST))
    held = {**first, "status": {"podIP": "10.244.1.5", "podIPs": FIRST}}
    assert addresses(apply_document(held, a_pod(podIPs=SECOND))) == ("10.244.9.9", "fd00::9")


def test_the_ranges_of_a_node_are_linked_too() -> None:
    node: Wire = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    held = {**node, "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]}}
    patch = {"spec": {"podCIDRs": ["10.244.1.0/24", "fd00::/64"]}}
    assert apply_patch(PatchType.MERGE, held, patch)["spec"] == patch["spec"]


def test_objects_without_linked_fields_are_unchanged() -> None:
    service: Wire = {"apiVersion": "v1", "kind": "Service", "spec": {"clusterIP": "None"}}
    assert apply_patch(PatchType.MERGE, service, {"spec": {"type": "ClusterIP"}}) == {
        **service,
        "spec": {"clusterIP": "None", "type": "ClusterIP"},
    }
