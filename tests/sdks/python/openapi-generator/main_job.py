"""The main job of a Waypost client, with the client that openapi-generator generates."""

import os
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from waypost_api import (
    AccessApi,
    ApiClient,
    ApiException,
    ApplyResult,
    ChangesApi,
    Configuration,
    IntOrString,
    Manifest,
    ManifestsApi,
    NamesApi,
    ObjectMeta,
    Question,
    QuestionBatch,
    RulesApi,
    Service,
    ServicePort,
    ServicesApi,
    ServiceSpec,
    Status,
    Token,
    TokensApi,
    TokenSpec,
    WatchEvent,
)

URL = os.environ["BASE_URL"]
TOKEN = os.environ["TOKEN"]


def connected(token: str) -> ApiClient:
    return ApiClient(Configuration(host=URL, access_token=token))


client = connected(TOKEN)
services = ServicesApi(client)


def refusal(call: Callable[[], object]) -> Status:
    """Make a call that is to be refused; its exception has the Status as text."""
    try:
        call()
    except ApiException as refused:
        status = Status.from_json(str(refused.body))
        assert status
        return status
    raise AssertionError("it was not refused")


def service(name: str) -> Service:
    """Make a Service in front of the Pods of `ent.yaml`."""
    port = ServicePort(name="http", port=80, targetPort=IntOrString(8080))
    return Service(
        apiVersion="v1",
        kind="Service",
        metadata=ObjectMeta(name=name, labels={"tier": "front"}),
        spec=ServiceSpec(selector={"app": "ent"}, ports=[port]),
    )


def use_a_token() -> None:
    asked = Token(
        apiVersion="access.waypost/v1",
        kind="Token",
        metadata=ObjectMeta(),
        spec=TokenSpec(user="deployer"),
    )
    issued = TokensApi(client).create_token(asked)
    me = AccessApi(connected(str(issued.status.token))).whoami()
    assert me.status.user_info.username == "deployer"
    refused = refusal(AccessApi(connected("wrong")).whoami)
    assert refused.reason == "Unauthorized"


def apply_yaml() -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/yaml"}
    manifests = Path("ent.yaml").read_text()
    answer = client.call_api("POST", f"{URL}/apply", headers, body=manifests)
    applied = ApplyResult.from_json(answer.read().decode())
    assert applied
    assert [each.operation for each in applied.results] == ["created"] * 6


def apply_json() -> None:
    applied = ManifestsApi(client).apply(Manifest(service("api")))
    assert [each.operation for each in applied.results] == ["created"]


def create() -> None:
    created = services.create_service(service("web"))
    assert created.spec
    assert created.spec.cluster_ip


def list_in_pages() -> None:
    names: list[str | None] = []
    following: str | None = None
    while True:
        page = services.list_services(namespace="default", limit=2, var_continue=following)
        names += [each.metadata.name for each in page.items]
        following = page.metadata.var_continue
        if not following:
            break
    assert names == ["api", "ent", "web"]


def read() -> Service:
    found = services.read_service("default", "web")
    assert found.spec
    assert found.spec.ports
    target = found.spec.ports[0].target_port
    assert target
    assert target.actual_instance == 8080
    return found


def patch(labels: dict[str, str | None], if_match: str | None = None) -> Service:
    """Send a merge patch, in which None removes a label."""
    body: dict[str, Any] = {"metadata": {"labels": labels}}
    return services.patch_service("default", "web", body, if_match=if_match)


def merge_patch() -> None:
    patched = patch({"tier": None, "track": "stable"})
    assert patched.metadata.labels == {"track": "stable"}


def write_stale(stale: Service) -> None:
    refused = refusal(lambda: services.replace_service("default", "web", stale))
    assert (refused.code, refused.reason) == (409, "Conflict")


def patch_if_match() -> None:
    found = services.read_service_with_http_info("default", "web")
    assert found.headers
    etag = found.headers["etag"]
    patch({"track": "next"}, etag)
    refused = refusal(lambda: patch({"track": "next"}, etag))
    assert refused.reason == "PreconditionFailed"


def resolve_one() -> None:
    found = NamesApi(client).resolve("ent", namespace="default")
    assert found.status == "NOERROR"


def resolve_batch() -> None:
    questions = [Question(name="web"), Question(name="no.default.svc.cluster.local.")]
    found = NamesApi(client).resolve_many(QuestionBatch(questions=questions))
    assert [each.status for each in found.resolutions] == ["NOERROR", "NXDOMAIN"]


def read_rules(address: str) -> None:
    rules = RulesApi(client).read_node_ipvs("n1")
    assert address in [server.address for server in rules.virtual_servers]


def explain() -> None:
    explained = services.explain_service("default", "ent")
    assert explained.endpoints_ready == 2
    assert {pod.pod.name: pod.verdict for pod in explained.pods}["ent-3"] == "NotReady"


def events(after: str) -> Generator[WatchEvent]:
    """Follow the changes after a revision, a line of the raw answer each."""
    watching = ChangesApi(client)
    stream = watching.watch_without_preload_content(kinds="Service", resource_version=after)
    for line in stream:
        event = WatchEvent.from_json(line.decode())
        assert event
        yield event


def follow_changes(after: str) -> None:
    with closing(events(after)) as changes:
        patch({"track": "done"})
        changed = next(each for each in changes if each.type != "BOOKMARK")
    assert changed.type == "MODIFIED"
    found = changed.object.actual_instance
    assert isinstance(found, Service), changed
    assert found.metadata.labels == {"track": "done"}


def delete() -> None:
    services.delete_service("default", "web")
    gone = refusal(read)
    assert (gone.code, gone.reason) == (404, "NotFound")


def main() -> None:
    """Do each step of the job, and say so."""
    use_a_token()
    print("token ok")
    apply_yaml()
    print("apply-yaml around")
    apply_json()
    print("apply-json ok")
    create()
    print("create ok")
    list_in_pages()
    print("list ok")
    first = read()
    print("read ok")
    merge_patch()
    print("merge-patch ok")
    write_stale(first)
    print("stale-write around")
    patch_if_match()
    print("if-match ok")
    resolve_one()
    print("resolve ok")
    resolve_batch()
    print("resolve-batch ok")
    assert first.spec
    read_rules(str(first.spec.cluster_ip))
    print("node-rules ok")
    explain()
    print("explain ok")
    follow_changes(str(read().metadata.resource_version))
    print("watch around")
    delete()
    print("delete ok")


if __name__ == "__main__":
    main()
