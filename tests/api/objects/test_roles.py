"""Roles and bindings over HTTP, where they differ from other kinds."""

import json
from typing import Any

import httpx
import pytest
import yaml

Wire = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
RULE = {"verbs": ["get"], "apiGroups": [""], "resources": ["services"]}
FOR_A_MOMENT = {"timeoutSeconds": "1"}


def a_document(kind: str, name: str, **parts: object) -> Wire:
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name}, **parts}


ROLE = a_document("Role", "r", rules=[RULE])
CLUSTER_ROLE = a_document("ClusterRole", "cr", rules=[RULE])
BINDING = a_document(
    "RoleBinding",
    "b",
    roleRef={"kind": "Role", "name": "r"},
    subjects=[
        {"kind": "User", "name": "alice"},
        {"kind": "ServiceAccount", "name": "bot", "namespace": "prod"},
    ],
)


async def test_what_is_left_out_of_a_binding_is_filled_in(api: httpx.AsyncClient) -> None:
    answer = await api.post("/rolebindings", json=BINDING)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    assert answer.json()["roleRef"] == {"apiGroup": GROUP, "kind": "Role", "name": "r"}
    assert answer.json()["subjects"] == [
        {"kind": "User", "apiGroup": GROUP, "name": "alice"},
        {"kind": "ServiceAccount", "name": "bot", "namespace": "prod"},
    ]


async def test_the_role_of_a_binding_cannot_be_changed(api: httpx.AsyncClient) -> None:
    await api.post("/rolebindings", json=BINDING)
    other = {**BINDING, "roleRef": {"kind": "Role", "name": "other"}}
    answer = await api.put("/rolebindings/default/b", json=other)
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert [cause["field"] for cause in answer.json()["details"]["causes"]] == ["roleRef"]


@pytest.mark.parametrize("name", ["system:node", "Viewer", "a b?c#d", "é"])
async def test_a_role_is_found_where_its_location_says(api: httpx.AsyncClient, name: str) -> None:
    answer = await api.post("/clusterroles", json=a_document("ClusterRole", name, rules=[RULE]))
    assert answer.status_code == httpx.codes.CREATED, answer.text
    read = await api.get(answer.headers["location"])
    assert read.json() == answer.json()
    assert read.json()["metadata"]["name"] == name


async def test_an_aggregate_shows_the_rules_of_others(api: httpx.AsyncClient) -> None:
    labelled = {**CLUSTER_ROLE, "metadata": {"name": "part", "labels": {"x": "y"}}}
    selector = {"clusterRoleSelectors": [{"matchLabels": {"x": "y"}}]}
    await api.post("/clusterroles", json=labelled)
    made = await api.post(
        "/clusterroles", json=a_document("ClusterRole", "all", rules=[], aggregationRule=selector)
    )
    assert made.json()["rules"] == [RULE]
    assert made.json()["aggregationRule"] == selector
    assert (await api.get("/clusterroles/all")).json() == made.json()
    await api.delete("/clusterroles/part")
    assert (await api.get("/clusterroles/all")).json()["rules"] == []


async def test_a_watch_has_roles_only_where_it_names_them(api: httpx.AsyncClient) -> None:
    await api.post("/roles", json=ROLE)
    await api.post(
        "/services", json={"metadata": {"name": "ent"}, "spec": {"ports": [{"port": 80}]}}
    )
    for kinds, expected in (("", {"Namespace", "Service", "ServiceCIDR"}), ("Role", {"Role"})):
        answer = await api.get("/watch", params={**FOR_A_MOMENT, "kinds": kinds})
        events = [json.loads(line) for line in answer.text.splitlines()]
        found = {event["object"]["kind"] for event in events if event["type"] == "ADDED"}
        assert expected <= found
        assert ("Role" in found) == ("Role" in expected)


async def test_apply_writes_roles_and_bindings_in_any_order(api: httpx.AsyncClient) -> None:
    cluster_binding = {
        **BINDING,
        "kind": "ClusterRoleBinding",
        "roleRef": {"kind": "ClusterRole", "name": "cr"},
    }
    documents = [cluster_binding, BINDING, CLUSTER_ROLE, ROLE]
    for expected in ("created", "unchanged"):
        answer = await api.post(
            "/apply",
            content=yaml.safe_dump_all(documents),
            headers={"content-type": "application/yaml"},
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        assert {each["operation"] for each in answer.json()["results"]} == {expected}


async def test_rules_of_a_role_are_replaced_as_a_whole_by_a_strategic_patch(
    api: httpx.AsyncClient,
) -> None:
    await api.post("/roles", json=ROLE)
    patch = {"rules": [{**RULE, "verbs": ["list"]}]}
    answer = await api.patch(
        "/roles/default/r",
        content=json.dumps(patch),
        headers={"content-type": "application/strategic-merge-patch+json"},
    )
    assert answer.json()["rules"] == patch["rules"]


async def test_a_namespace_takes_its_roles_with_it(api: httpx.AsyncClient) -> None:
    role = {**ROLE, "metadata": {"name": "r", "namespace": "shop"}}
    assert (await api.post("/roles", json=role)).status_code == httpx.codes.CREATED
    await api.delete("/namespaces/shop")
    assert (await api.get("/roles", params={"namespace": "shop"})).json()["items"] == []


async def test_a_mistyped_field_of_a_rule_is_named(api: httpx.AsyncClient) -> None:
    odd = {**ROLE, "rules": [{**RULE, "resource": ["pods"]}]}
    answer = await api.post("/roles", json=odd)
    assert answer.status_code == httpx.codes.CREATED
    assert 'unknown field \\"rules[0].resource\\"' in answer.headers["warning"]
