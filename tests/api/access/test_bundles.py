"""Bundles of which one document is not allowed: refused as a whole, and nothing of them happens."""

import httpx
import pytest

from app.domain.names import NamespacedName
from app.registry.leases.lease_tracker import pod_lease
from app.store.leases import PostgresLeases
from tests.api.access.guarded import (
    Guarded,
    Wire,
    a_binding,
    a_namespace,
    a_pod,
    a_role,
    a_rule,
    a_service,
)
from tests.databases import connected

WORDS = 'User "alice" cannot {} resource "{}" in API group "" in the namespace "{}"'


@pytest.fixture
async def place(running: Guarded) -> Guarded:
    """That registry, where alice may edit in one namespace."""
    await running.forget()
    await running.hold(a_namespace("prod"), a_namespace("other"))
    await running.hold(a_binding("edit", "alice", namespace="prod"))
    return running


async def applied(place: Guarded, *documents: Wire, query: str = "") -> httpx.Response:
    """Apply documents as alice."""
    body = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
    headers = await place.as_("alice")
    return await place.client.post(f"/apply{query}", json=body, headers=headers)


def causes_of(answer: httpx.Response) -> list[tuple[str, str, str]]:
    assert answer.json()["reason"] == "Forbidden", answer.text
    return [
        (cause["reason"], cause["field"], cause["message"])
        for cause in answer.json()["details"]["causes"]
    ]


async def test_one_refused_document_refuses_all_and_nothing_is_written(place: Guarded) -> None:
    await place.as_("alice")
    before = place.revision
    for query in ("", "?dryRun=All"):
        answer = await applied(
            place, a_service("a"), a_service("b", "other"), a_service("c"), query=query
        )
        message = "services is forbidden: " + WORDS.format("create", "services", "other")
        assert (answer.status_code, answer.json()["message"]) == (403, message)
        assert causes_of(answer) == [("FieldValueForbidden", "documents[1]", message)]
        assert place.revision == before


async def test_every_refused_document_is_named_in_the_order_of_the_bundle(place: Guarded) -> None:
    await place.hold(a_service("b", "other"), a_service("d"))
    bundle = (
        a_pod("p", "other"),
        a_service("a"),
        a_service("b", "other"),
        a_namespace("fresh"),
        a_service("d"),
    )
    await place.as_("alice")
    before = place.revision
    answer = await applied(place, *bundle)
    first = WORDS.format("create", "pods", "other")
    assert answer.status_code == 403
    assert answer.json()["message"] == f"apply is forbidden: {first}"
    makes = (
        'namespaces is forbidden: User "alice" cannot create resource "namespaces" in API '
        'group "" at the cluster scope'
    )
    named = [
        ("documents[0]", f"pods is forbidden: {first}"),
        (
            "documents[2]",
            'services "b" is forbidden: ' + WORDS.format("patch", "services", "other"),
        ),
        ("documents[3]", makes),
    ]
    assert causes_of(answer) == [("FieldValueForbidden", *each) for each in named]
    assert place.revision == before


async def test_rights_are_asked_for_before_anything_is_validated(place: Guarded) -> None:
    invalid = {**a_service("Not A Name"), "spec": {"ports": [{"port": 0}]}}
    answer = await applied(place, invalid, a_service("b", "other"))
    assert answer.status_code == 403
    assert [field for _, field, _ in causes_of(answer)] == ["documents[1]"]
    assert (await applied(place, invalid)).status_code == 422


async def test_a_refused_bundle_renews_no_lease(place: Guarded, module_database_url: str) -> None:
    lasting = a_pod("p")
    lasting["spec"]["leaseDurationSeconds"] = 60
    await place.hold(lasting)
    lease = pod_lease(NamespacedName("prod", "p"))
    async with connected(module_database_url) as engine:
        stored = PostgresLeases(engine)
        refused = await applied(place, lasting, a_service("b", "other"))
        assert refused.status_code == 403
        await place.registry.leases.save()
        assert lease not in await stored.load([lease])
        assert (await applied(place, lasting)).is_success
        await place.registry.leases.save()
        assert lease in await stored.load([lease])


async def test_a_missing_namespace_is_not_found_without_the_right_to_make_it(
    place: Guarded,
) -> None:
    await place.hold(
        a_role("writes", a_rule("create update patch", "services", "pods")),
        a_binding("writes", "alice"),
    )
    headers = await place.as_("alice")
    before = place.revision
    for path, document in (
        ("/services", a_service("a", "fresh")),
        ("/pods", a_pod("a", "fresh")),
        ("/services/fresh/a", a_service("a", "fresh")),
        ("/pods/fresh/a", a_pod("a", "fresh")),
    ):
        method = "POST" if path.count("/") == 1 else "PUT"
        answer = await place.client.request(method, path, json=document, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (404, "NotFound"), answer.text
        assert answer.json()["message"] == 'namespaces "fresh" not found'
    assert place.revision == before
    await place.hold(a_role("makes", a_rule("create", "namespaces")), a_binding("makes", "alice"))
    assert (await applied(place, a_service("a", "fresh"))).is_success
    assert (await place.client.get("/namespaces/fresh", headers=place.admin)).is_success


async def test_a_bundle_makes_no_namespace_that_its_writer_may_not_make(place: Guarded) -> None:
    await place.hold(
        a_role("writes", a_rule("create patch", "services")), a_binding("writes", "alice")
    )
    await place.as_("alice")
    before = place.revision
    answer = await applied(place, a_service("a"), a_service("b", "fresh"), a_pod("c", "prod"))
    assert answer.status_code == 404, answer.text
    assert answer.json()["message"] == 'namespaces "fresh" not found'
    causes = answer.json()["details"]["causes"]
    assert [(cause["field"], cause["message"]) for cause in causes] == [
        ("documents[1]", 'namespaces "fresh" not found')
    ]
    both = await applied(place, a_service("Not A Name"), a_service("b", "fresh"))
    assert both.status_code == 422, both.text
    assert place.revision == before


async def test_pruning_needs_the_right_to_delete_each(place: Guarded) -> None:
    await place.hold(
        a_role("writes", a_rule("create patch get", "services")),
        a_binding("writes", "bob", namespace="prod"),
        a_service("old", app="x"),
        a_service("elsewhere", "other", app="x"),
    )
    headers = await place.as_("bob")
    query = "/apply?prune=true&labelSelector=app%3Dx"
    before = place.revision
    refused = await place.client.post(query, json=a_service("new", app="x"), headers=headers)
    assert refused.status_code == 403
    assert 'User "bob" cannot delete resource "services"' in refused.json()["message"]
    assert place.revision == before
    # edit, which alice has, may delete the one but not the other
    answer = await applied(place, a_service("new", app="x"), query=query.partition("/apply")[2])
    message = 'services "elsewhere" is forbidden: ' + WORDS.format("delete", "services", "other")
    assert (answer.status_code, answer.json()["message"]) == (403, message)
    assert place.revision >= before
    await place.hold(a_binding("edit", "alice", namespace="other"))
    done = await applied(place, a_service("new", app="x"), query=query.partition("/apply")[2])
    operations = [(each["name"], each["operation"]) for each in done.json()["results"]]
    assert sorted(operations) == [
        ("elsewhere", "deleted"),
        ("new", "created"),
        ("old", "deleted"),
    ]


async def test_an_unchanged_document_needs_the_right_to_patch(place: Guarded) -> None:
    await place.hold(a_service("a"), a_binding("view", "carol", namespace="prod"))
    headers = await place.as_("carol")
    stored = (await place.client.get("/services/prod/a", headers=headers)).json()
    for document in (stored, a_service("a")):
        answer = await place.client.post("/apply", json=document, headers=headers)
        assert answer.status_code == 403
        words = WORDS.replace("alice", "carol").format("patch", "services", "prod")
        assert answer.json()["message"] == f'services "a" is forbidden: {words}'


async def test_endpoints_need_rights_on_endpoint_slices(place: Guarded) -> None:
    endpoints = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"namespace": "prod", "name": "db"},
        "subsets": [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 5432}]}],
    }
    await place.hold(a_service("db"))
    words = 'User "alice" cannot {} resource "endpointslices" in API group "discovery.k8s.io" in'
    refused = await applied(place, endpoints)
    assert refused.status_code == 403
    assert words.format("create") in refused.json()["message"]
    slices = a_rule("create patch", "endpointslices", group="discovery.k8s.io")
    await place.hold(a_role("slices", slices), a_binding("slices", "alice", namespace="prod"))
    done = await applied(place, endpoints)
    assert done.json()["results"][0]["operation"] == "created", done.text
    create_only = a_rule("create", "endpointslices", group="discovery.k8s.io")
    await place.hold(a_role("slices", create_only))
    again = await applied(place, endpoints)
    assert again.status_code == 403
    assert words.format("patch") in again.json()["message"]
