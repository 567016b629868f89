"""Explain prints why Pods are, or are not, endpoints."""

import json

import pytest

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, run

EXPLANATION: Json = {
    "summary": "1 of 2 Pods is ready",
    "pods": [
        {
            "pod": {"namespace": "default", "name": "ent-2"},
            "verdict": "NotAnEndpoint",
            "reasons": [{"message": "wants app=ent, has app=etn"}, {"message": "has no address"}],
        },
        {"pod": "ent-1", "verdict": "Ready"},
    ],
    "podsOmitted": 7,
    "slices": [{"slice": "by-hand", "managedBy": "me", "reasons": ["written by hand"]}],
}


def a_server() -> FakeServer:
    return FakeServer({("GET", "/services/dev/ent/explain"): EXPLANATION})


@pytest.mark.parametrize("words", [["service", "ent"], ["svc/ent"], ["ent"]])
def test_the_summary_comes_first_then_each_pod_with_its_reasons(words: list[str]) -> None:
    lines = run("explain", *words, "-n", "dev", server=a_server()).out.splitlines()
    assert lines == [
        "1 of 2 Pods is ready",
        "",
        "POD     VERDICT         WHY",
        "ent-2   NotAnEndpoint   wants app=ent, has app=etn",
        "                        has no address",
        "ent-1   Ready",
        "",
        "SLICE     MANAGED BY   WHY",
        "by-hand   me           written by hand",
        "7 more Pods are not shown",
    ]


def test_programs_get_the_document() -> None:
    ended = run("explain", "svc/ent", "-n", "dev", "-o", "json", server=a_server())
    assert json.loads(ended.out) == EXPLANATION


@pytest.mark.parametrize("words", [["pod", "ent-1"], ["service"]])
def test_only_services_are_explained(words: list[str]) -> None:
    ended = run("explain", *words, server=a_server())
    assert ended.code == 2
    assert "only Services are explained" in ended.err
