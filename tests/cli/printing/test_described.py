"""Documents for people: every field with its words, values aligned."""

import pytest

from app.cli.fields import Json
from app.cli.printing.described import label_of, lines_of, words_of


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("type", "Type"),
        ("clusterIP", "Cluster IP"),
        ("clusterIPs", "Cluster IPs"),
        ("podCIDR", "Pod CIDR"),
        ("externalTrafficPolicy", "External Traffic Policy"),
        ("kubernetes.io/name", "kubernetes.io/name"),
    ],
)
def test_fields_become_words(field: str, label: str) -> None:
    assert label_of(field) == label


def test_a_document_becomes_lines() -> None:
    document: Json = {
        "spec": {
            "type": "NodePort",
            "ready": True,
            "clusterIPs": ["a", "b"],
            "selector": {"app": "ent", "x": "y"},
            "labels": {},
            "ports": [{"port": 80}, {"port": 81}],
            "none": [],
        }
    }
    assert list(words_of(list(lines_of(document)))) == [
        "Spec:",
        "  Type:         NodePort",
        "  Ready:        true",
        "  Cluster IPs:  a, b",
        "  Selector:     app=ent, x=y",
        "  Labels:       <none>",
        "  Ports:",
        "    Port:  80",
        "    -",
        "    Port:  81",
        "  None:         <none>",
    ]
