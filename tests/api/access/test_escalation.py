"""Nobody grants more than they have, over HTTP, whichever way a role or a binding is written."""

from typing import Any

import httpx
import pytest

from app.domain.objects.resource import AnyResource
from app.domain.resources import RESOURCES_BY_KIND
from tests.api.access.guarded import (
    MERGE,
    RBAC,
    Guarded,
    Wire,
    a_binding,
    a_role,
    a_rule,
)
from tests.domain.access.vectors import Case, cases_of

# What a case gives its user a right to write with differs; this is a right to every way, and to
# nothing that a case grants.
WAYS = ("POST", "PUT", "PATCH", "apply")
WRITER = a_role(
    "writes-rbac",
    a_rule(
        "create update patch get",
        "roles",
        "rolebindings",
        "clusterroles",
        "clusterrolebindings",
        group=RBAC,
    ),
)
# `escalate` with a name counts for changes of that name, and a creation has none.
NAMED = "rbac-esc-role-create-escalate-named"


@pytest.fixture
async def place(running: Guarded) -> Guarded:
    """That registry with nothing in it but what is built in."""
    await running.forget()
    return running


def ways_of(case: Case) -> list[str]:
    """The ways of writing for which the expectation of a case holds."""
    if case["request"]["method"] == "PUT":
        return ["PUT", "PATCH", "apply"]
    return [way for way in WAYS if way != "PATCH" or case["id"] != NAMED]


CASES = [
    pytest.param(case, way, id=f"{case['id']}-{way}")
    for case in cases_of("escalation")
    for way in ways_of(case)
]


@pytest.mark.parametrize(("case", "way"), CASES)
async def test_what_is_not_held_is_refused_in_kubernetes_words_and_nothing_is_written(
    place: Guarded, case: Case, way: str
) -> None:
    user, desired, expect = case["user"], case["request"]["object"], case["expect"]
    is_there = case["request"]["method"] == "PUT"
    await place.hold(*in_order(case["objects"]), WRITER, a_binding("writes-rbac", user["name"]))
    if way == "PATCH" and not is_there:
        await place.hold(harmless(desired))
        is_there = True
    groups = [group for group in user["groups"] if group != "system:authenticated"]
    headers = await place.as_(user["name"], *groups)
    before = place.revision

    answer = await written(place.client, way, desired, headers)

    if expect["allowed"]:
        is_new = way != "apply" and not is_there
        assert answer.status_code == (201 if is_new else 200), answer.text
        assert place.revision > before
        return
    assert (answer.status_code, answer.json()["message"]) == (expect["code"], expect["message"])
    assert place.revision == before
    assert place.registry.view.snapshot.revision == before
    if expect["code"] == 403:
        assert answer.json()["reason"] == "Forbidden"
        assert answer.json()["details"]["kind"] == resource_of(desired).plural
        assert answer.json()["details"]["group"] == RBAC


async def test_every_refusal_is_the_same_for_a_dry_run(place: Guarded) -> None:
    headers = await place.as_("alice")
    await place.hold(WRITER, a_binding("writes-rbac", "alice"))
    desired = a_role("x", a_rule("get", "pods"))
    for way in ("POST", "PUT", "apply"):
        real = await written(place.client, way, desired, headers)
        dry = await written(place.client, way, desired, headers, query="?dryRun=All")
        assert (dry.status_code, dry.json()) == (real.status_code, real.json())
        assert real.status_code == 403


async def test_a_put_that_creates_needs_the_rights_to_update_and_to_create(
    place: Guarded,
) -> None:
    await place.hold(a_role("updates", a_rule("update", "services", "pods")))
    await place.hold(a_role("creates", a_rule("create", "services", "pods")))
    headers = await place.as_("alice")
    url = "/services/default/ent"
    body = {"spec": {"ports": [{"port": 80}]}}

    async def put(*roles: str) -> httpx.Response:
        bindings = [a_binding(role, "alice", namespace="default") for role in roles]
        await place.hold(*bindings)
        answer = await place.client.put(url, json=body, headers=headers)
        for each in bindings:
            gone = f"/rolebindings/default/{each['metadata']['name']}"
            assert (await place.client.delete(gone, headers=place.admin)).is_success
        return answer

    words = 'User "alice" cannot {} resource "services" in API group "" in the namespace "default"'
    only_update, only_create = await put("updates"), await put("creates")
    assert only_update.status_code == only_create.status_code == 403
    assert only_update.json()["message"].endswith(words.format("create"))
    assert only_create.json()["message"].endswith(words.format("update"))
    assert (await put("updates", "creates")).status_code == 201
    assert (await put("updates")).status_code == 200


async def written(
    client: httpx.AsyncClient, way: str, desired: Wire, headers: dict[str, str], *, query: str = ""
) -> httpx.Response:
    """Write a document in one of the ways."""
    meta, collection = desired["metadata"], f"/{resource_of(desired).plural}"
    path = "/".join([collection, *filter(None, (meta.get("namespace"), meta["name"]))]) + query
    match way:
        case "POST":
            return await client.post(collection + query, json=desired, headers=headers)
        case "PUT":
            return await client.put(path, json=desired, headers=headers)
        case "PATCH":
            return await client.patch(path, json=desired, headers={**headers, **MERGE})
        case _:
            return await client.post("/apply" + query, json=desired, headers=headers)


def harmless(desired: Wire) -> Wire:
    """What the document would be, granting nothing to anybody."""
    kept = {
        name: value
        for name, value in desired.items()
        if name not in ("rules", "subjects", "aggregationRule")
    }
    return {**kept, ("subjects" if "roleRef" in desired else "rules"): []}


def in_order(objects: list[Wire]) -> list[Wire]:
    return sorted(objects, key=lambda each: each["kind"].endswith("Binding"))


def resource_of(document: dict[str, Any]) -> AnyResource:
    return RESOURCES_BY_KIND[document["kind"]]
