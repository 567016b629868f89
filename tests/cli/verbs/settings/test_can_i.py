"""Whether one may do something: yes or no, and the exit code says it too."""

import json
from typing import Any

import pytest

from tests.cli.fake_server import Ended, FakeServer, run


def asked(*words: str, allowed: bool = True, reason: str = "") -> tuple[Ended, dict[str, Any]]:
    status = {"allowed": allowed, "reason": reason}
    server = FakeServer({("POST", "/can-i"): {"kind": "SelfSubjectAccessReview", "status": status}})
    ended = run("can-i", *words, server=server)
    body: Any = server.last_body
    assert (body["apiVersion"], body["kind"]) == (
        "authorization.k8s.io/v1",
        "SelfSubjectAccessReview",
    )
    return ended, body["spec"]


@pytest.mark.parametrize(
    ("words", "attributes"),
    [
        ("get svc", {"verb": "get", "resource": "services", "namespace": "default"}),
        (
            "get svc/ent -n prod",
            {"verb": "get", "resource": "services", "namespace": "prod", "name": "ent"},
        ),
        (
            "delete Pod p --subresource status",
            {
                "verb": "delete",
                "resource": "pods",
                "namespace": "default",
                "name": "p",
                "subresource": "status",
            },
        ),
        (
            "list eps -A",
            {"verb": "list", "resource": "endpointslices", "group": "discovery.k8s.io"},
        ),
        ("get nodes n1 -n prod", {"verb": "get", "resource": "nodes", "name": "n1"}),
        ("create tokens", {"verb": "create", "resource": "tokens", "group": "access.waypost"}),
        (
            "create tokens.access.waypost",
            {"verb": "create", "resource": "tokens", "group": "access.waypost"},
        ),
        ("impersonate users bob", {"verb": "impersonate", "resource": "users", "name": "bob"}),
        (
            "impersonate serviceaccounts -n prod",
            {"verb": "impersonate", "resource": "serviceaccounts", "namespace": "prod"},
        ),
        ("* *", {"verb": "*", "resource": "*"}),
    ],
)
def test_words_become_attributes(words: str, attributes: dict[str, str]) -> None:
    ended, spec = asked(*words.split())
    assert spec == {"resourceAttributes": attributes}
    assert (ended.code, ended.out) == (0, "yes\n")


def test_a_path_is_no_resource() -> None:
    _, spec = asked("get", "/metrics")
    assert spec == {"nonResourceAttributes": {"path": "/metrics", "verb": "get"}}


def test_a_no_has_its_reason_and_its_exit_code() -> None:
    ended, _ = asked("get", "nodes", allowed=False)
    assert (ended.code, ended.out) == (1, "no\n")
    ended, _ = asked("get", "nodes", allowed=False, reason="RBAC: none\x1b")
    assert (ended.code, ended.out) == (1, "no - RBAC: none\\x1b\n")


def test_programs_get_the_review() -> None:
    ended, _ = asked("get", "nodes", "-o", "json", reason="RBAC: allowed by x")
    assert json.loads(ended.out)["status"] == {"allowed": True, "reason": "RBAC: allowed by x"}
    refused, _ = asked("get", "nodes", "-o", "json", allowed=False)
    assert (refused.code, json.loads(refused.out)["status"]["allowed"]) == (1, False)


def test_a_name_is_said_once() -> None:
    ended = run("can-i", "get", "svc/ent", "ent", server=FakeServer())
    assert ended.code == 2
