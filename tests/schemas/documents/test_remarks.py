"""Warnings about ignored fields."""

import pytest

from app.schemas.documents.kubernetes_fields import fields_of
from app.schemas.documents.nearest import nearest
from app.schemas.documents.paths import UNKNOWN_MAX, IgnoredField
from app.schemas.documents.remarks import NAMED_MAX, Remarks, not_held_line, not_kept_line

SPEC = fields_of("ServiceSpec")
MISTYPED = IgnoredField(("spec", "selecter"), is_known=False, beside=SPEC)
ODD = IgnoredField(("spec", "ports", 0, "a b"), is_known=False, beside=SPEC)
KNOWN = IgnoredField(("spec", "volumes"), is_known=True)


def test_mistakes_are_worded_as_by_kubernetes_with_the_most_similar_field() -> None:
    remarks = Remarks((KNOWN, MISTYPED, ODD), ("spec.type",))
    assert list(remarks.mistakes("documents[3].")) == [
        'unknown field "documents[3].spec.selecter" (did you mean "selector"?)',
        'unknown field "documents[3].spec.ports[0][a b]"',
        'duplicate field "documents[3].spec.type"',
    ]
    assert remarks.not_kept == ("spec.volumes",)


@pytest.mark.parametrize(
    ("kind", "api_version", "line"),
    [
        ("service", "v1", 'service is not held here (did you mean "Service"?)'),
        ("Pods", "v1", 'Pods is not held here (did you mean "Pod"?)'),
        ("Endpoint", "v1", 'Endpoint is not held here (did you mean "Endpoints"?)'),
        (
            "endpointslice",
            "v1",
            'endpointslice is not held here (did you mean "EndpointSlice" of discovery.k8s.io/v1?)',
        ),
        (
            "EndpointSlice",
            "discovery.k8s.oi/v1",
            (
                "EndpointSlice of discovery.k8s.oi/v1 is not held here "
                '(did you mean "EndpointSlice" of discovery.k8s.io/v1?)'
            ),
        ),
        (
            "EndpointSlice",
            "discovery.k8s.io/v1beta1",
            (
                "EndpointSlice of discovery.k8s.io/v1beta1 is not held here "
                '(did you mean "EndpointSlice" of discovery.k8s.io/v1?)'
            ),
        ),
        ("Service", "V1", 'Service of V1 is not held here (did you mean "Service" of v1?)'),
        ("Service", "serving.knative.dev/v1", "Service of serving.knative.dev/v1 is not held here"),
        ("NodePool", "karpenter.sh/v1", "NodePool is not held here"),
        ("Deployment", "apps/v1", "Deployment is not held here"),
        ("ServiceAccount", "v1", "ServiceAccount is not held here"),
        ("ReplicaSet", "apps/v1", "ReplicaSet is not held here"),
        ("", "v1", "an object without kind is not held here"),
    ],
)
def test_an_unknown_kind_is_named_with_the_most_similar_one(
    kind: str, api_version: str, line: str
) -> None:
    assert not_held_line(kind, api_version) == line


def test_a_refusal_has_all_of_them() -> None:
    found = [str(each) for each in Remarks((KNOWN, MISTYPED), ("spec.type",)).violations()]
    assert found == [
        "spec.volumes: not kept here",
        'spec.selecter: unknown field (did you mean "selector"?)',
        "spec.type: given twice",
    ]


def test_known_fields_do_not_displace_mistakes_and_both_are_bounded() -> None:
    remarks = Remarks((*[KNOWN] * UNKNOWN_MAX, *[ODD] * UNKNOWN_MAX, MISTYPED))
    assert len(list(remarks.mistakes())) == UNKNOWN_MAX
    assert len(list(remarks.violations())) == UNKNOWN_MAX


@pytest.mark.parametrize(
    ("paths", "lines"),
    [
        ([], []),
        (
            ["spec.a[0].b", "spec.c"],
            ["Pod: known fields that are not kept here: spec.a[0].b, spec.c"],
        ),
        (
            ["spec.a[0].b", "spec.a[1].b", "spec.a[1].b"],
            ["Pod: known fields that are not kept here: spec.a[*].b"],
        ),
    ],
)
def test_ignored_fields_of_a_kind_share_one_line(paths: list[str], lines: list[str]) -> None:
    assert list(not_kept_line("Pod", paths)) == lines


def test_a_line_names_some_and_counts_the_rest() -> None:
    (line,) = not_kept_line("Pod", [f"spec.f{number}" for number in range(NAMED_MAX + 3)])
    assert line.endswith(f"spec.f{NAMED_MAX - 1} and 3 more")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("selecter", "selector"),
        ("Selector", "selector"),
        ("clusterIp", "clusterIP"),
        ("clusterIps", "clusterIPs"),
        ("loadbalancerip", "loadBalancerIP"),
        ("port", "ports"),
        ("session_affinity", "sessionAffinity"),
        ("replicas", ""),
        ("image", ""),
        ("", ""),
        ("selector" * 20, ""),
    ],
)
def test_the_most_similar_field_is_found(name: str, meant: str) -> None:
    assert nearest(name, SPEC) == meant
