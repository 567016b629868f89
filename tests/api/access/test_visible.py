"""Lists and watches of what a caller may see: ``visible=true``."""

import asyncio
import json

import pytest

from tests.api.access.guarded import (
    Guarded,
    a_binding,
    a_namespace,
    a_pod,
    a_role,
    a_rule,
    a_service,
    streaming,
)
from tests.waiting import WITHIN_S

SPACES = ("dev", "other", "prod")
WATCHES = ("/services?watch=true&visible=true", "/watch?kinds=Service&visible=true")


@pytest.fixture
async def place(running: Guarded) -> Guarded:
    """That registry with a Service and a Pod in three namespaces; alice may look at two."""
    await running.forget()
    looks = a_role("looks", a_rule("get list watch", "services"))
    await running.hold(*(a_namespace(name) for name in SPACES), looks)
    await running.hold(*(a_service(f"in-{name}", name) for name in SPACES))
    await running.hold(
        *(a_pod("p", name, ip=f"10.244.9.{number}") for number, name in enumerate(SPACES, 1))
    )
    bindings = [a_binding("looks", "alice", namespace=name) for name in ("dev", "prod")]
    await running.hold(*bindings)
    return running


async def test_a_list_has_the_namespaces_that_may_be_listed_and_names_them(
    place: Guarded,
) -> None:
    headers = await place.as_("alice")
    assert (await place.client.get("/services", headers=headers)).status_code == 403
    answer = await place.client.get("/services?visible=true", headers=headers)
    assert answer.headers["waypost-namespaces"] == "dev,prod"
    names = [item["metadata"]["name"] for item in answer.json()["items"]]
    assert names == ["in-dev", "in-prod"]


async def test_pages_of_a_limited_list_hold_no_more_than_the_list(place: Guarded) -> None:
    headers, names, token = await place.as_("alice"), list[str](), ""
    while True:
        path = f"/services?visible=true&limit=1&continue={token}"
        page = (await place.client.get(path, headers=headers)).json()
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert names == ["in-dev", "in-prod"]


async def test_a_page_is_judged_anew(place: Guarded) -> None:
    headers = await place.as_("alice")
    first = await place.client.get("/services?visible=true&limit=1", headers=headers)
    token = first.json()["metadata"]["continue"]
    await place.client.delete("/rolebindings/prod/alice-looks", headers=place.admin)
    path = f"/services?visible=true&limit=1&continue={token}"
    answer = await place.client.get(path, headers=headers)
    assert "in-prod" not in answer.text


async def test_who_sees_no_namespace_is_refused(place: Guarded) -> None:
    for user, kind in (("bob", "services"), ("alice", "pods")):
        headers = await place.as_(user)
        for path in (f"/{kind}?visible=true", f"/{kind}?visible=true&watch=true"):
            answer = await place.client.get(path, headers=headers)
            assert answer.status_code == 403, answer.text
            assert answer.json()["message"].endswith("at the cluster scope")


async def test_who_may_see_everything_is_not_limited(place: Guarded) -> None:
    answer = await place.client.get("/services?visible=true", headers=place.admin)
    assert "waypost-namespaces" not in answer.headers
    names = {item["metadata"]["name"] for item in answer.json()["items"]}
    assert names >= {"in-dev", "in-other", "in-prod"}


async def test_a_role_that_is_not_there_makes_nothing_visible(place: Guarded) -> None:
    await place.hold(a_binding("gone", "bob", namespace="dev"))
    headers = await place.as_("bob")
    assert (await place.client.get("/services?visible=true", headers=headers)).status_code == 403


@pytest.mark.parametrize("path", WATCHES)
@pytest.mark.parametrize("change", ["more", "all", "less", "none"])
async def test_a_watch_ends_where_the_namespaces_change(
    place: Guarded, path: str, change: str
) -> None:
    headers = await place.as_("alice")
    stream = await streaming(place, f"{path}&resourceVersion={place.revision}", headers)
    await place.hold(*(a_service(f"new-{name}", name) for name in SPACES))
    match change:
        case "more":
            await place.hold(a_binding("looks", "alice", namespace="other"))
        case "all":
            await place.hold(a_binding("looks", "alice"))
        case "less":
            await place.client.delete("/rolebindings/prod/alice-looks", headers=place.admin)
        case _:
            await place.hold(a_role("looks"))
    await place.hold(*(a_service(f"late-{name}", name) for name in SPACES))

    answer = await asyncio.wait_for(stream, WITHIN_S)

    assert answer.headers["waypost-namespaces"] == "dev,prod"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    shown = [line["object"]["metadata"]["name"] for line in lines if line["type"] == "ADDED"]
    assert shown == ["new-dev", "new-prod"]
    assert lines[-1]["type"] == "ERROR"
    assert lines[-1]["object"]["code"] == (403 if change == "none" else 410)


@pytest.mark.parametrize("path", WATCHES)
async def test_a_watch_of_all_namespaces_ends_where_they_become_some(
    place: Guarded, path: str
) -> None:
    await place.hold(a_binding("looks", "alice"))
    headers = await place.as_("alice")
    stream = await streaming(place, f"{path}&resourceVersion={place.revision}", headers)
    await place.client.delete("/clusterrolebindings/alice-looks", headers=place.admin)
    answer = await asyncio.wait_for(stream, WITHIN_S)
    assert "waypost-namespaces" not in answer.headers
    last = json.loads(answer.text.splitlines()[-1])
    assert (last["type"], last["object"]["code"]) == ("ERROR", 410)


@pytest.mark.parametrize("path", WATCHES)
async def test_a_watch_begins_with_the_visible_objects(place: Guarded, path: str) -> None:
    headers = await place.as_("alice")
    answer = await place.client.get(f"{path}&timeoutSeconds=1", headers=headers)
    assert answer.headers["waypost-namespaces"] == "dev,prod"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    shown = [line["object"]["metadata"]["name"] for line in lines if line["type"] == "ADDED"]
    assert shown == ["in-dev", "in-prod"]
