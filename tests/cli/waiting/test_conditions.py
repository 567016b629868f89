"""What is waited for holds, or does not, of an object and of a missing one."""

import click
import pytest

from app.cli.fields import Json
from app.cli.waiting.conditions import awaited_of

POD: Json = {
    "metadata": {"name": "ent", "generation": 2},
    "spec": {"nodeName": "n1", "replicas": 2},
    "status": {
        "phase": "Running",
        "conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "Old", "status": "True", "observedGeneration": 1},
        ],
    },
}


@pytest.mark.parametrize(
    ("given", "of_pod", "of_nothing"),
    [
        ("delete", False, True),
        ("create", True, False),
        ("condition=Ready", True, False),
        ("condition=ready=true", True, False),
        ("condition=Ready=False", False, False),
        ("condition=Old", False, False),  # of an earlier generation
        ("condition=Other", False, False),
        ("jsonpath={.status.phase}=Running", True, False),
        ("jsonpath=.status.phase=Running", True, False),
        ("jsonpath={.status.phase}='Running'", True, False),
        ("jsonpath={.status.phase}=Pending", False, False),
        ("jsonpath={.spec.replicas}=2", True, False),
        ("jsonpath={.spec.nodeName}", True, False),
        ("jsonpath={.spec.other}", False, False),
        ('jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', True, False),
    ],
)
def test_it_holds(given: str, *, of_pod: bool, of_nothing: bool) -> None:
    awaited = awaited_of(given)
    assert awaited.holds(POD) is of_pod
    assert awaited.holds(None) is of_nothing


@pytest.mark.parametrize(
    "given",
    ["", "gone", "condition=", "jsonpath=", "jsonpath={.a}x", "jsonpath={.a}=", "jsonpath={"],
)
def test_other_words_are_refused(given: str) -> None:
    with pytest.raises(click.BadParameter):
        awaited_of(given)
