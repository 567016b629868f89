"""Words describe objects as they do for kubectl."""

import click
import pytest

from app.cli.changing.generated import Given, generated


def test_a_namespace_has_only_its_name() -> None:
    kind, document = generated(["ns", "dev"], Given())
    assert kind.plural == "namespaces"
    assert document == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dev"}}


def test_a_service_selects_by_its_name() -> None:
    _, document = generated(
        ["service", "clusterip", "ent"], Given(tcp=("80:web", "53"), udp=("53",))
    )
    assert document["spec"] == {
        "type": "ClusterIP",
        "selector": {"app": "ent"},
        "ports": [
            {"name": "80-web", "port": 80, "protocol": "TCP", "targetPort": "web"},
            {"name": "53", "port": 53, "protocol": "TCP", "targetPort": 53},
            {"name": "53", "port": 53, "protocol": "UDP", "targetPort": 53},
        ],
    }


def test_a_service_may_be_headless_or_stand_for_a_name() -> None:
    _, headless = generated(["svc", "clusterip", "ent"], Given(cluster_ip="None"))
    assert headless["spec"] == {
        "type": "ClusterIP", "selector": {"app": "ent"}, "clusterIP": "None",
    }  # fmt: skip
    _, outside = generated(["svc", "externalname", "db"], Given(external_name="db.example.com"))
    assert outside["spec"] == {"type": "ExternalName", "externalName": "db.example.com"}


def test_a_role_groups_resources_by_their_api_group() -> None:
    given = Given(verbs=("get,list",), resources=("svc", "roles,pods/status"))
    _, document = generated(["role", "reader"], given)
    assert document["rules"] == [
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["services", "pods/status"]},
        {
            "verbs": ["get", "list"],
            "apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["roles"],
        },
    ]


def test_a_binding_names_its_subjects() -> None:
    given = Given(cluster_role="view", users=("ann",), service_accounts=("dev:ci",))
    _, document = generated(["rolebinding", "readers"], given)
    group = "rbac.authorization.k8s.io"
    assert document["roleRef"] == {"apiGroup": group, "kind": "ClusterRole", "name": "view"}
    assert document["subjects"] == [
        {"kind": "User", "apiGroup": group, "name": "ann"},
        {"kind": "ServiceAccount", "namespace": "dev", "name": "ci"},
    ]


@pytest.mark.parametrize(
    ("words", "given", "problem"),
    [
        ([], Given(), "which object?"),
        (["ns"], Given(), "exactly one NAME is required, got 0"),
        (["ns", "a", "b"], Given(), "exactly one NAME is required, got 2"),
        (["pod", "x"], Given(), "pods are created from manifests"),
        (["service", "ent"], Given(), "of which type? One of clusterip"),
        (["service", "clusterip", "ent"], Given(), "at least one --tcp or --udp"),
        (["service", "clusterip", "ent"], Given(tcp=("web",)), "is not PORT or PORT:TARGET"),
        (["service", "externalname", "db"], Given(), "--external-name is required"),
        (["role", "r"], Given(verbs=("get",)), "at least one --verb and one --resource"),
        (["rolebinding", "r"], Given(), "exactly one of --clusterrole or --role"),
        (
            ["rolebinding", "r"],
            Given(role="x", service_accounts=("ci",)),
            "must be <namespace>:<name>",
        ),
    ],
)
def test_incomplete_words_are_refused(words: list[str], given: Given, problem: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        generated(words, given)
    assert problem in caught.value.message
