"""Rights on what only a body, an answer or a stream names, over HTTP and for one limited user."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from app.domain.access.subjects import User
from app.domain.objects.resource import Object
from app.domain.objects.role_binding import ROLE_BINDING
from app.domain.work import Work
from app.registry.writes import lifecycle
from tests.api.access.acting import Place, a_place
from tests.builders import (
    a_cluster_role,
    a_headless_service,
    a_namespace,
    a_pod,
    a_role_binding,
    a_rule,
    a_service,
)
from tests.waiting import until

ALICE = User(name="alice", groups=("system:authenticated",))
EDITOR = a_cluster_role(
    a_rule("get list watch create patch update", "services pods"),
    a_rule("create", "pods/heartbeat"),
    name="edits",
)
FORBIDDEN = (
    'User "alice" cannot {verb} resource "{resource}" in API group "" in the namespace "dev"'
)


@pytest.fixture
async def place(database_url: str) -> AsyncGenerator[Place, None]:
    """Run a registry in which alice edits the namespace prod, and nothing in dev."""
    async with a_place(database_url) as made:
        await written(
            made,
            a_namespace("prod"),
            a_namespace("dev"),
            EDITOR,
            a_role_binding(namespace="prod", kind="ClusterRole", role="edits"),
            a_service("web", "prod"),
            a_headless_service("web", "dev"),
            a_pod("p", "prod", lease_duration_s=60),
            a_pod("p", "dev", lease_duration_s=60),
        )
        made.acting.as_(ALICE)
        yield made


async def written(place: Place, *objects: Object) -> None:
    def decide(work: Work) -> None:
        for each in objects:
            lifecycle.create(work, each)

    await place.registry.writer.write(decide)


def forbidden(verb: str, resource: str) -> str:
    return FORBIDDEN.format(verb=verb, resource=resource)


def service(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"port": 80}]},
    }


async def test_an_object_is_created_where_its_body_says_if_that_is_allowed(place: Place) -> None:
    assert (await place.api.post("/services", json=service("a", "prod"))).status_code == 201
    refused = await place.api.post("/services", json=service("a", "dev"))
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        f"services is forbidden: {forbidden('create', 'services')}",
    )


async def test_a_put_that_creates_also_needs_the_right_to_create(place: Place) -> None:
    await written(
        place,
        a_cluster_role(a_rule("update", "pods"), name="updates"),
        a_role_binding(namespace="dev", kind="ClusterRole", role="updates"),
    )
    document = {"apiVersion": "v1", "kind": "Pod", "status": {"podIP": "10.0.0.9"}}
    refused = await place.api.put("/pods/dev/new", json=document)
    assert (refused.status_code, "cannot create" in refused.json()["message"]) == (403, True)
    assert (await place.api.put("/pods/prod/new", json=document)).status_code == 201


async def test_a_namespace_is_made_on_first_use_only_with_the_right_to(place: Place) -> None:
    await written(place, a_role_binding(namespace="default", kind="ClusterRole", role="edits"))
    missing = await place.api.post("/services", json=service("a", "nowhere"))
    assert missing.status_code == 403
    place.acting.as_(User(name="root", groups=("system:masters",)))
    assert (await place.api.post("/services", json=service("a", "nowhere"))).status_code == 201


async def test_one_refused_heartbeat_refuses_all_of_them(place: Place) -> None:
    both = [{"namespace": space, "name": "p"} for space in ("prod", "dev")]
    refused = await place.api.post("/heartbeats", json={"pods": both})
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        f'pods "p" is forbidden: {forbidden("create", "pods/heartbeat")}',
    )
    renewed = await place.api.post("/heartbeats", json={"pods": both[:1]})
    assert renewed.json()["renewed"] == both[:1]


async def test_one_refused_document_refuses_an_apply(place: Place) -> None:
    documents = [service("new", "prod"), service("new", "dev"), service("web", "dev")]
    body = {"apiVersion": "v1", "kind": "List", "items": documents}
    refused = await place.api.post("/apply", json=body)
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        f"apply is forbidden: {forbidden('create', 'services')}",
    )
    causes = refused.json()["details"]["causes"]
    assert [(cause["field"], cause["reason"]) for cause in causes] == [
        ("documents[1]", "FieldValueForbidden"),
        ("documents[2]", "FieldValueForbidden"),
    ]
    assert (await place.api.get("/services/prod/new")).status_code == 404
    alone = await place.api.post("/apply", json=documents[2])
    assert alone.json()["message"] == (
        f'services "web" is forbidden: {forbidden("patch", "services")}'
    )
    assert (await place.api.post("/apply", json=documents[0])).status_code == 200


async def test_a_name_is_resolved_in_the_place_of_a_readable_pod_only(place: Place) -> None:
    for space, code in (("prod", 200), ("dev", 403)):
        question = {"name": "web", "pod": f"{space}/p"}
        answer = await place.api.post("/resolve", json={"questions": [question]})
        assert answer.status_code == code, answer.text


async def test_endpoints_of_an_answer_need_the_right_to_list_slices(place: Place) -> None:
    path = "/resolve?name=web.prod.svc.cluster.local.&explain=true"
    without = await place.api.get(path)
    assert "endpoints" not in without.json()
    assert "endpoints are left out" in without.headers["warning"]
    await written(
        place,
        a_cluster_role(a_rule("list", "endpointslices", group="discovery.k8s.io"), name="slices"),
        a_role_binding(namespace="prod", kind="ClusterRole", role="slices", name="slices"),
    )
    with_them = await place.api.get(path)
    assert "endpoints" in with_them.json()
    assert "warning" not in with_them.headers


async def test_a_limited_list_has_what_its_caller_may_see(place: Place) -> None:
    answer = await place.api.get("/services?visible=true")
    assert answer.headers["waypost-namespaces"] == "prod"
    assert {each["metadata"]["namespace"] for each in answer.json()["items"]} == {"prod"}
    place.acting.as_(User(name="bob"))
    assert (await place.api.get("/services?visible=true")).status_code == 403
    place.acting.as_(User(name="root", groups=("system:masters",)))
    everything = await place.api.get("/services?visible=true")
    assert "waypost-namespaces" not in everything.headers
    assert len({each["metadata"]["namespace"] for each in everything.json()["items"]}) > 1


async def events_until_the_end(place: Place, path: str) -> list[dict[str, Any]]:
    answer = await place.api.get(path)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_watch_ends_when_its_caller_loses_the_right(place: Place) -> None:
    path = "/watch?namespace=prod&timeoutSeconds=60"
    following = asyncio.create_task(events_until_the_end(place, path))
    await until(lambda: place.registry.watching.watchers == 1)
    (binding,) = place.snapshot.of(ROLE_BINDING).values()
    await place.registry.writer.write(lambda work: work.remove(binding))
    await written(place, a_headless_service("late", "prod"))
    events = await following
    kinds = {each["object"]["kind"] for each in events if each["type"] == "ADDED"}
    assert kinds == {"Service", "Pod"}
    assert (events[-1]["type"], events[-1]["object"]["code"]) == ("ERROR", 403)
    assert "late" not in json.dumps(events)


async def test_a_limited_watch_ends_when_a_namespace_becomes_visible(place: Place) -> None:
    path = "/watch?kinds=Service&visible=true&timeoutSeconds=60"
    following = asyncio.create_task(events_until_the_end(place, path))
    await until(lambda: place.registry.watching.watchers == 1)
    await written(place, a_role_binding(namespace="dev", kind="ClusterRole", role="edits"))
    events = await following
    added = [each["object"]["metadata"] for each in events if each["type"] == "ADDED"]
    assert {each["namespace"] for each in added} == {"prod"}
    assert (events[-1]["type"], events[-1]["object"]["code"]) == ("ERROR", 410)


async def test_a_watch_of_nothing_that_is_allowed_is_refused(place: Place) -> None:
    for path in ("/watch?namespace=dev", "/watch"):
        assert (await place.api.get(path)).status_code == 403, path
    place.acting.as_(User(name="bob"))
    for path in ("/watch?visible=true", "/watch?kinds=Service&visible=true"):
        assert (await place.api.get(path)).status_code == 403, path


async def test_can_i_answers_and_asks_for_the_right_to_ask_for_others(place: Place) -> None:
    def review(namespace: str, **spec: object) -> dict[str, object]:
        asked = {"verb": "list", "resource": "services", "namespace": namespace}
        return {"spec": {"resourceAttributes": asked, **spec}}

    refused = await place.api.post("/can-i", json=review("prod"))
    assert (refused.status_code, "selfsubjectaccessreviews" in refused.json()["message"]) == (
        403,
        True,
    )
    place.acting.as_(User(name="root", groups=("system:masters",)))
    many = await place.api.post(
        "/can-i",
        json={"reviews": [review(space, user="alice") for space in ("prod", "dev")]},
    )
    assert [each["status"]["allowed"] for each in many.json()["reviews"]] == [True, False]
    assert many.json()["reviews"][0]["status"]["reason"] == (
        'RBAC: allowed by RoleBinding "b/prod" of ClusterRole "edits" to User "alice"'
    )
