"""Documents of every kind: linked fields take effect, and long lists are refused."""

# ruff: noqa: ANN401  JSON
from typing import Any, cast

import pytest

from app.domain.errors import BadRequest, CauseReason
from app.domain.objects.endpoint_slice import ENDPOINT_SLICE
from app.domain.objects.pod import POD
from app.schemas.objects.codec import decode_object
from app.schemas.objects.wires import LIST_MAX, require_short_lists
from app.schemas.patches.patch import PatchType, apply_patch
from app.schemas.patches.three_way import apply_document

Wire = dict[str, Any]
PORT: Wire = {"port": 80}
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


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"spec": {"ports": [PORT] * LIST_MAX}}, "spec.ports"),
        ({"metadata": {"finalizers": ["a/b"] * LIST_MAX}}, "metadata.finalizers"),
        ({"spec": {"containers": [{"ports": [PORT] * LIST_MAX}]}}, "spec.containers[0].ports"),
        ({"unknown": [[0] * LIST_MAX]}, "unknown[0]"),
    ],
)
def test_a_list_over_the_limit_is_refused_with_its_path(
    document: dict[str, object], path: str
) -> None:
    require_short_lists(document, POD)
    longer = _with_one_more(document)
    with pytest.raises(BadRequest) as refused:
        require_short_lists(longer, POD)
    (cause,) = refused.value.causes
    assert (cause.field, cause.reason) == (path, CauseReason.TOO_MANY)


def test_all_lists_over_the_limit_are_listed() -> None:
    document = {"a": [0] * (LIST_MAX + 1), "b": {"c": ["x"] * (LIST_MAX + 2)}}
    with pytest.raises(BadRequest) as refused:
        require_short_lists(document, POD)
    assert {cause.field for cause in refused.value.causes} == {"a", "b.c"}


def test_slices_have_their_own_limits() -> None:
    require_short_lists({"endpoints": [PORT] * (LIST_MAX + 1)}, ENDPOINT_SLICE)


def _with_one_more(value: Any) -> Any:
    """Add a member to each list that has the maximal length."""
    if isinstance(value, dict):
        return {key: _with_one_more(below) for key, below in cast("Wire", value).items()}
    if isinstance(value, list):
        members = cast("list[Any]", value)
        grown = len(members) == LIST_MAX
        return [*members, members[0]] if grown else [_with_one_more(each) for each in members]
    return value
