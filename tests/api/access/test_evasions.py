"""Requests that access control and their routes might read in two ways, so that one is deceived.

Each means the same to both, or is refused.
"""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from tests.api.access.guarded import (
    MERGE,
    Guarded,
    Wire,
    a_binding,
    a_namespace,
    a_node,
    a_pod,
    a_role,
    a_rule,
    a_service,
    guarded,
)
from tests.api.sockets import said, serving

FOR_A_MOMENT = "timeoutSeconds=1"
ONE_ONLY: Wire = {**a_rule("get watch list", "services"), "resourceNames": ["one"]}


@pytest.fixture(scope="module")
async def running(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Guarded, None]:
    """A registry that the tests of this module share."""
    async with guarded(module_database_url, tmp_path_factory.mktemp("evasions")) as made:
        yield made


@pytest.fixture
async def place(running: Guarded) -> Guarded:
    """That registry, with two namespaces, of which alice edits one."""
    await running.forget()
    await running.hold(
        a_namespace("dev"),
        a_namespace("prod"),
        a_service("one", "dev"),
        a_service("two", "prod"),
        a_binding("edit", "alice", namespace="dev"),
    )
    return running


async def answer(place: Guarded, path: str, user: str = "alice", *groups: str) -> httpx.Response:
    return await place.client.get(path, headers=await place.as_(user, *groups))


def names(answer: httpx.Response) -> list[str]:
    """Name the objects of a list, or of the events of a stream."""
    assert answer.status_code == 200, answer.text
    if "ndjson" in answer.headers["content-type"]:
        objects = [json.loads(line)["object"] for line in answer.text.splitlines()]
        return [each["metadata"]["name"] for each in objects if "name" in each["metadata"]]
    found: list[dict[str, Any]] = answer.json()["items"]
    return [each["metadata"]["name"] for each in found]


async def test_a_field_selector_narrows_a_right_only_where_it_narrows_the_answer(
    place: Guarded,
) -> None:
    await place.hold(a_role("one-only", ONE_ONLY), a_binding("one-only", "bob"))
    selector = "fieldSelector=metadata.name%3Done"
    for path in (f"/services?{selector}", f"/services?watch=true&{selector}&{FOR_A_MOMENT}"):
        assert names(await answer(place, path, "bob")) == ["one"]
    # This route has no field selector, and would answer with every Service.
    for query, code in (("", 403), ("visible=true&", 400)):
        path = f"/watch?kinds=Service&{query}{selector}&{FOR_A_MOMENT}"
        assert (await answer(place, path, "bob")).status_code == code


async def test_a_node_follows_its_own_pods_and_no_others(place: Guarded) -> None:
    await place.hold(
        a_node("n1"),
        a_node("n2"),
        a_pod("mine", node="n1"),
        a_pod("other", node="n2", ip="10.244.1.6"),
    )
    agent = "system:node:n1", "system:nodes"
    own_pods, own_node = "fieldSelector=spec.nodeName%3Dn1", "fieldSelector=metadata.name%3Dn1"
    for kind, selector, found in (("pods", own_pods, "mine"), ("nodes", own_node, "n1")):
        path = f"/{kind}?watch=true&{selector}&{FOR_A_MOMENT}"
        assert names(await answer(place, path, *agent)) == [found]
    for kind, selector in (("Pod", own_pods), ("Node", own_node)):
        refused = await answer(place, f"/watch?kinds={kind}&{selector}&{FOR_A_MOMENT}", *agent)
        assert refused.status_code == 403


@pytest.mark.parametrize(
    ("verb", "word", "code"),
    [
        ("watch", "true", 200),
        ("watch", "1", 200),
        ("watch", "TRUE", 200),
        ("watch", "false", 403),
        ("watch", "0", 403),
        ("list", "true", 403),
        ("list", "false", 200),
        *((verb, word, 400) for verb in ("list watch",) for word in ("no", "off", "n", "2", "")),
    ],
)
async def test_a_list_is_a_watch_for_both_or_for_neither(
    place: Guarded, verb: str, word: str, code: int
) -> None:
    await place.hold(a_role("reads", a_rule(verb, "services")), a_binding("reads", "bob"))
    path = f"/services?watch={word}&{FOR_A_MOMENT}"
    assert (await answer(place, path, "bob")).status_code == code


@pytest.mark.parametrize("word", ["yes", "on", "t"])
async def test_a_list_is_limited_for_both_or_refused(place: Guarded, word: str) -> None:
    await place.hold(a_role("reads", a_rule("list", "services")), a_binding("reads", "bob"))
    assert (await answer(place, f"/services?visible={word}", "bob")).status_code == 400


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("namespace=prod&namespace=dev", 400),
        ("namespace=dev&namespace=prod", 403),
        ("namespace=dev&namespace=", 403),
        ("namespace=dev%00", 403),
        ("Namespace=dev", 403),
    ],
)
async def test_a_parameter_that_is_given_twice_is_refused_whichever_is_read(
    place: Guarded, query: str, code: int
) -> None:
    assert (await answer(place, f"/services?{query}")).status_code == code


async def test_kinds_that_are_given_twice_are_refused_whichever_are_read(place: Guarded) -> None:
    query = f"namespace=dev&{FOR_A_MOMENT}"
    assert names(await answer(place, f"/watch?kinds=Service&{query}")) == ["one"]
    assert (await answer(place, f"/watch?kinds=Node&kinds=Service&{query}")).status_code == 400
    assert (await answer(place, f"/watch?kinds=Service&kinds=Node&{query}")).status_code == 403
    assert (await answer(place, f"/watch?kinds=Token&{query}")).status_code == 403


@pytest.mark.parametrize(
    ("query", "code"), [("pod=dev/x&pod=prod/y", 403), ("pod=/y", 403), ("pod=prod/y", 403)]
)
async def test_a_pod_of_a_query_is_the_one_whose_place_is_taken(
    place: Guarded, query: str, code: int
) -> None:
    assert (await answer(place, f"/resolve?name=a&{query}")).status_code == code


@pytest.mark.parametrize(
    "path",
    ["/services%0a", "/tokens%0a", "/tokens%0a?x=1", "/services%0a/prod/two", "/whoami%0a"],
)
async def test_a_path_is_no_other_than_that_of_its_route(place: Guarded, path: str) -> None:
    paths: Wire = {"verbs": ["get"], "nonResourceURLs": ["/*"]}
    await place.hold(a_role("paths", paths), a_binding("paths", "bob"))
    assert (await answer(place, path, "bob")).status_code == 404
    assert (await place.client.get(path, headers=place.admin)).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_body_names_the_object_of_the_path_or_nothing_happens(
    place: Guarded, method: str
) -> None:
    headers = await place.as_("alice")
    if method == "PATCH":
        headers |= MERGE
    for other in (a_service("one", "prod"), a_service("two", "dev"), a_service("two", "prod")):
        refused = await place.client.request(
            method, "/services/dev/one", json=other, headers=headers
        )
        assert refused.status_code == 400
    assert (await place.client.get("/services/prod/one", headers=place.admin)).status_code == 404


async def test_an_object_is_created_where_the_body_says_for_both(place: Guarded) -> None:
    headers = {**await place.as_("alice"), "content-type": "application/json"}
    twice = (
        b'{"metadata":{"namespace":"dev","name":"x"},"metadata":{"namespace":"prod","name":"x"}}'
    )
    for query, content, code in (
        ("?namespace=dev", json.dumps(a_service("x", "prod")).encode(), 400),
        ("", json.dumps(a_service("x", "prod")).encode(), 403),
        ("", twice, 403),
    ):
        refused = await place.client.post(f"/services{query}", content=content, headers=headers)
        assert refused.status_code == code


async def test_the_method_is_that_of_the_request_line(place: Guarded) -> None:
    headers = {**await place.as_("bob"), "X-HTTP-Method-Override": "GET"}
    assert (await place.client.post("/services/dev/one", headers=headers)).status_code == 405
    await place.hold(a_role("reads", a_rule("get", "services")), a_binding("reads", "bob"))
    headers["X-HTTP-Method-Override"] = "DELETE"
    assert (await place.client.get("/services/dev/one", headers=headers)).status_code == 200
    assert (await place.client.get("/services/dev/one", headers=place.admin)).status_code == 200


async def test_each_request_of_a_connection_is_its_own_users(place: Guarded) -> None:
    alice, bob = await place.as_("alice"), await place.as_("bob")
    wanted: list[tuple[dict[str, str], str]] = [
        (alice, "alice"),
        (bob, "bob"),
        ({}, ""),
        (alice, "alice"),
        ({"Authorization": "Bearer wpu_bad"}, ""),
        ({**place.admin, "Impersonate-User": "bob"}, "bob"),
        (dict(place.admin), "system:admin"),
    ]
    lines = [
        f"GET /whoami HTTP/1.1\r\nHost: localhost\r\n{fields_of(headers)}\r\n"
        for headers, _ in wanted
    ]
    last = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with serving(place.app) as port:
        answers = (await said(port, "".join((*lines, last)).encode())).split(b"HTTP/1.1 ")[1:]
    seen = [
        json.loads(each.partition(b"\r\n\r\n")[2])["status"]["userInfo"]["username"]
        if each.startswith(b"200")
        else each[:3].decode().replace("401", "")
        for each in answers[:-1]
    ]
    assert seen == [user for _, user in wanted]


def fields_of(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


async def test_metrics_name_no_user_no_object_and_no_token(place: Guarded) -> None:
    headers = await place.as_("alice-of-the-metrics", "a-group-of-hers")
    for path in ("/services/dev/one", "/services/dev/nothing", "/whoami?token=x"):
        await place.client.get(path, headers=headers)
        await place.client.get(path, headers={"Authorization": "Bearer a.b.c"})
    shown = (await place.client.get("/metrics", headers=place.admin)).text
    token = await place.token("alice-of-the-metrics", "a-group-of-hers")
    for name in ("alice", "a-group", "dev", "nothing", "token=x", token["metadata"]["name"]):
        assert name not in shown, name


async def test_no_answer_tells_whether_a_forbidden_object_is_there(place: Guarded) -> None:
    headers = await place.as_("alice")
    told = set[str]()
    for name in ("two", "nothing"):
        for condition in ({}, {"If-None-Match": "*"}, {"If-Match": '"1"'}):
            refused = await place.client.get(
                f"/services/prod/{name}", headers={**headers, **condition}
            )
            assert refused.status_code == 403
            told.add(refused.text.replace(name, "NAME"))
            assert "etag" not in refused.headers
    assert len(told) == 1


async def test_a_conflict_names_no_object_of_another_namespace(place: Guarded) -> None:
    held = a_service("secret-name", "prod")
    held["spec"] |= {"type": "NodePort", "clusterIP": "10.96.0.77"}
    held["spec"]["ports"][0]["nodePort"] = 30_123
    await place.hold(held)
    by_address, by_port = a_service("a", "dev"), a_service("b", "dev")
    by_address["spec"]["clusterIP"] = "10.96.0.77"
    by_port["spec"] |= {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30_123}]}
    headers = await place.as_("alice")
    for wanted in (by_address, by_port):
        for path in ("/services", "/apply"):
            refused = await place.client.post(path, json=wanted, headers=headers)
            assert refused.status_code == 422
            assert "already allocated" in refused.text
            assert not {word for word in ("secret-name", "prod") if word in refused.text}


async def test_an_editor_gives_a_service_no_address_of_a_load_balancer(place: Guarded) -> None:
    headers = await place.as_("alice")
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.66"}]}}
    wanted: Wire = {**a_service("lb", "dev"), "status": status}
    wanted["spec"]["type"] = "LoadBalancer"
    path = "/services/dev/lb"
    writes: list[tuple[str, str, Wire, dict[str, str]]] = [
        ("POST", "/services", wanted, {}),
        ("PUT", path, wanted, {}),
        ("PATCH", path, {"status": status}, MERGE),
        ("POST", "/apply", wanted, {}),
        ("POST", "/apply", {**wanted, "metadata": {**wanted["metadata"], "labels": {}}}, {}),
    ]
    for method, where, body, more in writes:
        written = await place.client.request(method, where, json=body, headers={**headers, **more})
        assert written.is_success, written.text
        shown = await place.client.get(path, headers=headers)
        assert shown.json()["status"] == {"loadBalancer": {}}
    for method, more in (("PUT", {}), ("PATCH", MERGE)):
        refused = await place.client.request(
            method, f"{path}/status", json=wanted, headers={**headers, **more}
        )
        assert refused.status_code == 403
