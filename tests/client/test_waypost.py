"""The client of programs, against a real registry."""

import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client.relay import Relay
from tests.registries import an_api
from waypost.client import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Endpoint,
    Invalid,
    InvalidToken,
    InvalidURL,
    NoSuchPath,
    NotFound,
    Waypost,
)
from waypost.client.models import Pod, Service

ENT: Service = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "ent"},
    "spec": {"selector": {"app": "ent"}, "ports": [{"port": 80, "targetPort": "http"}]},
}

GIVEN = "wpu_given"


@pytest.fixture
async def api(database_url: str) -> AsyncGenerator[httpx.AsyncClient]:
    async with an_api(database_url) as client:
        yield client


@pytest.fixture
async def waypost(api: httpx.AsyncClient) -> AsyncGenerator[Waypost]:
    async with Waypost("http://localhost", token="", transport=Relay(api)) as client:
        yield client


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "status": {"podIPs": [{"ip": "10.0.0.5"}]},
    }


async def test_an_object_is_created_read_replaced_patched_and_deleted(waypost: Waypost) -> None:
    created = await waypost.create(ENT)
    assert created.get("spec", {}).get("clusterIP", "").startswith("10.96.0.")
    read = await waypost.get(Service, "ent")
    assert read == created

    replaced = await waypost.replace(
        {**read, "metadata": {**read["metadata"], "labels": {"a": "b"}}}
    )
    assert replaced["metadata"].get("labels") == {"a": "b"}
    patched = await waypost.patch("Service", "ent", {"metadata": {"labels": {"c": "d"}}})
    assert patched["metadata"]["labels"] == {"a": "b", "c": "d"}
    operations = [{"op": "remove", "path": "/metadata/labels/a"}]
    patched = await waypost.patch("Service", "ent", operations)
    assert patched["metadata"]["labels"] == {"c": "d"}

    await waypost.delete("Service", "ent")
    with pytest.raises(NotFound, match="ent"):
        await waypost.get("Service", "ent")


async def test_a_kind_without_namespaces_has_none_in_its_path(waypost: Waypost) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    await waypost.create(node)
    assert (await waypost.get("Node", "n1", namespace="dev"))["metadata"]["name"] == "n1"
    assert [each["metadata"]["name"] for each in await waypost.list("Node")] == ["n1"]


async def test_a_dry_run_writes_nothing(waypost: Waypost) -> None:
    await waypost.create(ENT, dry_run=True)
    assert len(await waypost.list(Service)) == 0


async def test_a_status_is_replaced_and_patched_by_itself(waypost: Waypost) -> None:
    await waypost.create(pod("ent-1"))
    not_ready = {"conditions": [{"type": "Ready", "status": "False"}]}
    patched = await waypost.patch("Pod", "ent-1", {"status": not_ready}, subresource="status")
    (condition,) = patched["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Ready", "False")


async def test_refusals_are_errors_of_their_own(waypost: Waypost) -> None:
    first = await waypost.create(ENT)
    with pytest.raises(AlreadyExists):
        await waypost.create(ENT)
    await waypost.patch("Service", "ent", {"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(Conflict):
        await waypost.replace(first)
    with pytest.raises(Conflict):
        await waypost.delete("Service", "ent", uid="another")
    with pytest.raises(NotFound):
        await waypost.get("Service", "ent", namespace="elsewhere")
    with pytest.raises(BadRequest):
        await waypost.list("Service", label_selector="a in")


async def test_every_violation_is_told_with_its_field(waypost: Waypost) -> None:
    wrong = {**ENT, "spec": {"ports": [{"port": 80}, {"port": 99_999, "name": "Web"}]}}
    with pytest.raises(Invalid) as refusal:
        await waypost.create(wrong)
    fields = {cause.field for cause in refusal.value.causes}
    assert {"spec.ports[0].name", "spec.ports[1].port", "spec.ports[1].name"} <= fields


async def test_an_unknown_field_is_warned_of_or_refused(
    waypost: Waypost, caplog: pytest.LogCaptureFixture
) -> None:
    mistyped = {**ENT, "spec": {"selecter": {"app": "ent"}, "ports": [{"port": 80}]}}
    await waypost.create(mistyped)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert 'unknown field "spec.selecter"' in caplog.text
    with pytest.raises(BadRequest, match="selecter"):
        await waypost.replace(mistyped, strict=True)


async def test_what_is_gone_may_be_deleted_when_that_is_wanted(waypost: Waypost) -> None:
    await waypost.delete("Service", "ent", missing_ok=True)
    with pytest.raises(NotFound):
        await waypost.delete("Service", "ent")


async def test_objects_are_listed_by_namespace_labels_and_fields(waypost: Waypost) -> None:
    for name, app in (("a", "one"), ("b", "two")):
        await waypost.create(pod(name, app=app))
    elsewhere = pod("c", app="one")
    elsewhere["metadata"]["namespace"] = "dev"
    last = await waypost.create(elsewhere)

    everything = await waypost.list(Pod)
    assert everything.revision == last["metadata"]["resourceVersion"]
    assert [each["metadata"].get("name") for each in everything] == ["a", "b", "c"]
    some = await waypost.list("Pod", namespace="default", label_selector="app=one")
    assert [each["metadata"]["name"] for each in some] == ["a"]
    one = await waypost.list("Pod", field_selector="metadata.name=b")
    assert [each["metadata"]["name"] for each in one] == ["b"]


async def test_pages_show_every_object_once_at_one_revision(waypost: Waypost) -> None:
    names = [f"p{number}" for number in range(7)]
    for name in names:
        await waypost.create(pod(name))
    found: list[str] = []
    async for each in waypost.each("Pod", page_size=3):
        found.append(each["metadata"]["name"])
        await waypost.delete("Pod", "p6", grace_period_s=0, missing_ok=True)
    assert found == names


async def test_several_objects_are_applied_at_once(waypost: Waypost) -> None:
    result = await waypost.apply([ENT, pod("ent-1", app="ent")])
    assert [each["operation"] for each in result["results"]] == ["created", "created"]
    result = await waypost.apply(ENT)
    assert [each["operation"] for each in result["results"]] == ["unchanged"]
    manifest = "kind: Service\napiVersion: v1\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"
    result = await waypost.apply(manifest, dry_run=True)
    assert [(each["name"], each["operation"]) for each in result["results"]] == [("web", "created")]


async def test_names_are_resolved_one_or_many(waypost: Waypost) -> None:
    created = await waypost.create(ENT)
    address = created.get("spec", {}).get("clusterIP", "")
    answer = await waypost.resolve("ent")
    assert (answer["status"], answer["addresses"]) == ("NOERROR", [address])
    nowhere = "nowhere.default.svc.cluster.local"
    assert (await waypost.resolve(nowhere))["status"] == "NXDOMAIN"
    answer = await waypost.resolve("ent", namespace="dev", search=["default.svc.cluster.local"])
    assert answer["addresses"] == [address]
    assert (await waypost.resolve("ent", qtype="AAAA"))["status"] == "NODATA"

    many = [*["ent"] * 300, nowhere]
    answers = await waypost.resolve_all([*many, {"name": "ent.default", "namespace": "dev"}])
    statuses = [answer["status"] for answer in answers]
    assert statuses == [*["NOERROR"] * 300, "NXDOMAIN", "NOERROR"]
    assert await waypost.resolve_all([]) == ()


async def test_rules_explanations_and_the_user_are_read(waypost: Waypost) -> None:
    await waypost.apply([ENT, pod("ent-1", app="ent")])
    await waypost.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    assert (await waypost.rules("n1"))["kind"] == "NodeRules"
    assert (await waypost.rules("n1", mode="nftables"))["node"] == "n1"
    assert "ipset" in await waypost.rules_text("n1")
    assert "COMMIT" in await waypost.rules_text("n1", "iptables")
    explanation = await waypost.explain("ent")
    assert [each["pod"]["name"] for each in explanation["pods"]] == ["ent-1"]
    assert "username" in (await waypost.whoami())["status"]["userInfo"]


async def test_rules_are_followed_and_rendered(waypost: Waypost) -> None:
    node = await waypost.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    since = (await waypost.rules("n1", mode="nftables"))["resourceVersion"]
    service = await waypost.create(ENT)
    changes = await waypost.rules_changes("n1", since, mode="nftables", wait_s=5)
    assert changes["since"] == since
    assert "ent" in changes["text"]
    operations = await waypost.rules_changes("n1", since)
    assert operations["kind"] == "NodeRulesChanges"
    rendered = await waypost.render(
        {"node": {"apiVersion": "v1", "kind": "Node", "metadata": node["metadata"]}}
    )
    assert rendered["kind"] == "NodeRules"
    assert service["metadata"].get("name") == "ent"


async def test_what_the_user_may_do_can_be_asked(waypost: Waypost) -> None:
    assert await waypost.can_i("create", "Service")
    assert await waypost.can_i("get", Pod, "ent-1", namespace="", subresource="status")
    assert await waypost.can_i("delete", "Node", "n1")


async def test_a_wrong_path_is_no_missing_object(api: httpx.AsyncClient) -> None:
    async with Waypost("http://localhost/api", token="", transport=Relay(api)) as waypost:
        with pytest.raises(NoSuchPath, match="no path"):
            await waypost.delete("Pod", "ent-1", missing_ok=True)
        with pytest.raises(NoSuchPath, match="no path"):
            await waypost.get("Service", "ent")


async def test_a_named_port_that_an_endpoint_lacks_is_warned_of(
    waypost: Waypost, caplog: pytest.LogCaptureFixture
) -> None:
    await waypost.create(ENT)
    async with waypost.register(Endpoint(service="ent", address="10.0.0.7", ports={"http": 80})):
        assert caplog.messages == []
    async with waypost.register(Endpoint(service="ent", address="10.0.0.7")):
        (line,) = caplog.messages
    assert line.endswith(
        "the Service ent calls ports by names that its endpoint at 10.0.0.7 does not state: http"
    )


async def test_two_addresses_are_two_endpoints(waypost: Waypost) -> None:
    await waypost.create(ENT)
    one, other = (
        Endpoint(service="ent", address=address, ports={"http": 80})
        for address in ("fd00::1:2", "fd00:1::2")
    )
    async with waypost.register(one) as first, waypost.register(other) as second:
        assert first.name != second.name
        assert len(await waypost.list("Pod")) == 2


async def test_an_endpoint_that_ends_does_not_delete_what_another_has_registered(
    waypost: Waypost,
) -> None:
    await waypost.create(ENT)
    endpoint = Endpoint(service="ent", address="10.0.0.7", ports={"http": 80})
    ending = waypost.register(endpoint)
    await ending.__aenter__()
    async with waypost.register(endpoint) as registered:
        await ending.__aexit__(None, None, None)
        assert registered.name == "default/ent.10-0-0-7.80"
        assert len(await waypost.list("Pod")) == 1
    assert len(await waypost.list("Pod")) == 0


async def test_anything_else_can_be_asked(waypost: Waypost) -> None:
    assert "ranges" in await waypost.ask("GET", "/clusterips")


async def test_a_pod_is_registered_during_a_block(waypost: Waypost) -> None:
    await waypost.create(ENT)
    async with waypost.register(pod("ent-1", app="ent")) as registered:
        found = await waypost.get("Pod", "ent-1")
        assert found["spec"]["leaseDurationSeconds"] == 15
        assert (registered.name, registered.problem) == ("default/ent-1", "")
    with pytest.raises(NotFound):
        await waypost.get("Pod", "ent-1")


async def test_a_pod_that_is_gone_already_is_left_alone(waypost: Waypost) -> None:
    async with waypost.register(pod("ent-1", app="ent")):
        await waypost.delete("Pod", "ent-1", grace_period_s=0)
    with pytest.raises(NotFound):
        await waypost.get("Pod", "ent-1")


async def test_a_pod_may_serve_open_connections_when_its_block_ends(waypost: Waypost) -> None:
    async with waypost.register(pod("ent-1", app="ent"), grace_period_s=60):
        pass
    left = await waypost.get("Pod", "ent-1")
    assert left["metadata"]["deletionGracePeriodSeconds"] == 60


async def test_an_endpoint_is_a_pod_that_its_service_selects(waypost: Waypost) -> None:
    await waypost.create(ENT)
    endpoint = Endpoint(service="ent", address="10.0.0.7", ports={"http": 8080})
    async with waypost.register(endpoint):
        explanation = await waypost.explain("ent")
        (found,) = explanation["pods"]
        assert (found["pod"]["name"], found["verdict"]) == ("ent.10-0-0-7.8080", "Ready")
        (slice_,) = await waypost.list("EndpointSlice")
        assert slice_["ports"][0]["port"] == 8080


async def test_a_pod_of_that_name_is_taken_over(waypost: Waypost) -> None:
    await waypost.create(pod("ent-1", app="old"))
    async with waypost.register(pod("ent-1", app="ent")):
        assert (await waypost.get("Pod", "ent-1"))["metadata"]["labels"] == {"app": "ent"}


async def test_a_registration_that_is_refused_does_not_begin(waypost: Waypost) -> None:
    entered = False
    with pytest.raises(Invalid):
        async with waypost.register(pod("Not A Name")):
            entered = True
    assert not entered
    with pytest.raises(NotFound):
        async with waypost.register(Endpoint(service="nowhere", address="10.0.0.7")):
            entered = True
    assert not entered


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8053", "ftp://a", "http://[::1", "http://a,nonsense"]
)
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidURL):
        Waypost(url)


@pytest.mark.parametrize("is_file", [False, True])
def test_a_token_is_not_sent_in_the_clear_to_another_machine(*, is_file: bool) -> None:
    token, file = (None, "token") if is_file else ("wpu_x", None)
    with pytest.raises(InvalidURL, match="in the clear"):
        Waypost("http://waypost.example:8053", token=token, token_file=file)
    Waypost("https://waypost.example:8053", token=token, token_file=file)
    Waypost("http://127.0.0.1:8053", token=token, token_file=file)


def test_what_no_token_is_is_refused() -> None:
    with pytest.raises(InvalidToken):
        Waypost(token="two words")  # noqa: S106  none


async def test_what_is_not_given_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("wpu_file")
    monkeypatch.setenv("WAYPOST_API", "http://127.0.0.1:1053")
    monkeypatch.setenv("WAYPOST_TOKEN_FILE", str(file))
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={})

    async with Waypost(transport=httpx.MockTransport(answer)) as waypost:
        await waypost.ask("GET", "/version")
        file.write_text("wpu_another")
        await waypost.ask("GET", "/version")
    async with Waypost(token=GIVEN, transport=httpx.MockTransport(answer)) as waypost:
        await waypost.ask("GET", "/version")
    assert [str(request.url) for request in asked] == ["http://127.0.0.1:1053/version"] * 3
    tokens = [request.headers["authorization"] for request in asked]
    assert tokens == ["Bearer wpu_file", "Bearer wpu_another", f"Bearer {GIVEN}"]
