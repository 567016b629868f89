"""Agents of nodes, DNS replicas and impersonated users, over HTTP as the shared cases say."""

from typing import Any

import httpx
import pytest

from app.domain.resources import RESOURCES
from tests.api.access.guarded import (
    MERGE,
    RBAC,
    Guarded,
    Wire,
    a_binding,
    a_node,
    a_pod,
    a_role,
    a_rule,
)
from tests.domain.access.vectors import Case, cases_of

KINDS = {kind.plural: kind for kind in RESOURCES}
METHODS = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}
PATHS = {"rules": "ipvs", "observed": "ipvs/observed"}  # of subresources that are no path
REPLICA = "system:serviceaccount:kube-system:waypost-dns"


@pytest.fixture
async def place(running: Guarded) -> Guarded:
    """That registry with two Nodes."""
    await running.forget()
    await running.hold(a_node("n1"), a_node("n2"))
    return running


async def credentials(place: Guarded, case: Case) -> list[tuple[str, str]]:
    """Those of the user of a case, impersonated where no token is made for such a user."""
    name = case["user"]["name"]
    groups = [group for group in case["user"]["groups"] if group != "system:authenticated"]
    if name.startswith("system:node:") and (name == "system:node:" or not groups):
        given = [("Impersonate-Group", group) for group in groups]
        return [*place.admin.items(), ("Impersonate-User", name), *given]
    return [*(await place.as_(name, *groups)).items()]


def path_of(request: dict[str, Any]) -> str:
    """The route that asks for the attributes of a case."""
    subresource = request.get("subresource", "")
    words = (
        request["resource"],
        request.get("namespace") if request.get("name") else "",
        request.get("name"),
        PATHS.get(subresource, subresource),
    )
    path = "/" + "/".join(word for word in words if word)
    if selector := request.get("fieldSelector"):
        path += f"?fieldSelector={selector}&timeoutSeconds=1"
        path += "&watch=true" if request["verb"] == "watch" else ""
    return path


@pytest.mark.parametrize("case", cases_of("node"), ids=lambda case: case["id"])
async def test_agents_are_answered_as_by_kubernetes(place: Guarded, case: Case) -> None:
    await place.hold(*case["objects"])
    request = case["request"]
    if request["verb"] == "create" and request["resource"] == "nodes" and "body" in request:
        gone = await place.client.delete("/nodes/n1", headers=place.admin)
        assert gone.is_success
    headers = await credentials(place, case)
    before = place.revision

    answer = await sent(place.client, request, headers)

    if case["expect"]["allowed"]:
        assert answer.is_success, answer.text
        return
    assert (answer.status_code, answer.json()["reason"]) == (403, "Forbidden")
    if "message" in case["expect"]:
        assert answer.json()["message"] == case["expect"]["message"]
    assert place.revision == before


async def sent(
    client: httpx.AsyncClient, request: dict[str, Any], headers: list[tuple[str, str]]
) -> httpx.Response:
    """Make the request of a case."""
    method, path = METHODS[request["verb"]], path_of(request)
    if request.get("subresource") == "observed":
        return await client.put(path, headers=[*headers, ("Content-Type", "text/plain")])
    extra = MERGE if method == "PATCH" else {}
    return await client.request(
        method, path, json=request.get("body"), headers=[*headers, *extra.items()]
    )


async def test_one_pod_of_another_node_refuses_all_heartbeats(place: Guarded) -> None:
    await place.hold(a_pod("here", node="n1"), a_pod("there", node="n2", ip="10.244.2.5"))
    headers = await place.as_("system:node:n1", "system:nodes")

    async def beat(*names: str) -> httpx.Response:
        pods = [{"namespace": "prod", "name": name} for name in names]
        return await place.client.post("/heartbeats", json={"pods": pods}, headers=headers)

    known = await beat("here", "gone")
    assert known.status_code == 200, known.text
    assert [each["name"] for each in known.json()["unknown"]] == ["gone"]
    refused = await beat("here", "there")
    assert refused.status_code == 403
    assert "no relationship found between node 'n1' and this object" in refused.json()["message"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"podIPs": [{"ip": "10.244.1.9"}]}, "can only update status.conditions of pods"),
        ({"phase": "Failed"}, "can only update status.conditions of pods"),
    ],
)
async def test_an_agent_moves_no_addresses_and_no_phase(
    place: Guarded, status: Wire, said: str
) -> None:
    await place.hold(a_pod("here", node="n1"))
    headers = await place.as_("system:node:n1", "system:nodes")
    before = place.revision
    answer = await place.client.patch(
        "/pods/prod/here/status", json={"status": status}, headers={**headers, **MERGE}
    )
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        f'pods "here" is forbidden: node "n1" {said}',
    )
    assert place.revision == before


async def test_an_agent_is_restricted_in_a_bundle_as_by_its_routes(place: Guarded) -> None:
    headers = await place.as_("system:node:n1", "system:nodes")
    before = place.revision
    labelled = a_node("n1")
    labelled["metadata"]["labels"] = {"node-restriction.kubernetes.io/x": "y"}
    for document, said in (
        (a_node("n2"), 'node "n1" is not allowed to modify node "n2"'),
        (labelled, "is not allowed to modify labels: node-restriction.kubernetes.io/x"),
        (a_pod("new", node="n1"), 'cannot create resource "pods"'),
    ):
        answer = await place.client.post("/apply", json=document, headers=headers)
        assert answer.status_code == 403, answer.text
        assert said in answer.json()["message"]
    assert place.revision == before


async def test_a_replica_registers_itself_and_nobody_else(place: Guarded) -> None:
    headers = await place.as_(REPLICA)

    def a_replica(name: str, namespace: str = "kube-system", **labels: str) -> Wire:
        pod = a_pod(name, namespace)
        pod["metadata"]["labels"] = {"k8s-app": "kube-dns", **labels}
        return pod

    own = a_replica("waypost-dns-1")
    for method, path in (("POST", "/pods"), ("PUT", "/pods/kube-system/waypost-dns-2")):
        document = own if method == "POST" else a_replica("waypost-dns-2")
        made = await place.client.request(method, path, json=document, headers=headers)
        assert made.is_success, made.text
    before = place.revision
    for pod in (
        a_replica("mine"),
        a_replica("waypost-dns-3", "prod"),
        a_replica("waypost-dns-3", **{"k8s-app": "other"}),
    ):
        for path in ("/pods", "/apply"):
            answer = await place.client.post(path, json=pod, headers=headers)
            assert answer.status_code == 403, answer.text
    assert place.revision == before


@pytest.mark.parametrize("case", cases_of("impersonate"), ids=lambda case: case["id"])
async def test_impersonation_is_decided_as_by_kubernetes(place: Guarded, case: Case) -> None:
    await place.hold(*case["objects"])
    # Whoever is impersonated may ask who they are; the anonymous user may not by default.
    whoever = a_binding("system:basic-user", "unused", name="whoever")
    group = {"kind": "Group", "apiGroup": RBAC, "name": "system:unauthenticated"}
    await place.hold({**whoever, "subjects": [group]})
    headers = await credentials(place, case)
    wish = [(name, value) for name, value in case["request"]["headers"]]

    answer = await place.client.get("/whoami", headers=[*headers, *wish])

    expect = case["expect"]
    assert answer.status_code == expect["code"], answer.text
    if expect["code"] != 200:
        assert answer.json()["message"] == expect["message"]
        return
    shown = answer.json()["status"]["userInfo"]
    wanted = {"username": expect["user"]["name"], **expect["user"]}
    del wanted["name"]
    assert {key: value for key, value in shown.items() if value} == wanted


async def test_impersonation_narrows_what_an_administrator_may_do(place: Guarded) -> None:
    headers = {**place.admin, "Impersonate-User": "alice"}
    refused = await place.client.get("/services", headers=headers)
    assert refused.status_code == 403
    assert 'User "alice" cannot list resource "services"' in refused.json()["message"]
    await place.hold(a_role("lists", a_rule("list", "services")), a_binding("lists", "alice"))
    assert (await place.client.get("/services", headers=headers)).status_code == 200


async def test_a_group_alone_cannot_be_impersonated(place: Guarded) -> None:
    for name in ("Impersonate-Group", "Impersonate-Uid", "Impersonate-Extra-Team"):
        answer = await place.client.get("/whoami", headers={**place.admin, name: "x"})
        assert answer.status_code == 400, answer.text
