"""The main job of a Waypost client, with the client that openapi-python-client generates."""

import json
import os
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from waypost_api import AuthenticatedClient
from waypost_api.api.access import whoami
from waypost_api.api.manifests import apply
from waypost_api.api.names import resolve, resolve_many
from waypost_api.api.rules import read_node_ipvs
from waypost_api.api.services import (
    create_service,
    delete_service,
    explain_service,
    list_services,
    patch_service,
    read_service,
    replace_service,
)
from waypost_api.api.tokens import create_token
from waypost_api.models import (
    ApplyResult,
    IssuedToken,
    Labels,
    MergePatch,
    NodeRules,
    ObjectMeta,
    Question,
    QuestionBatch,
    Resolution,
    ResolutionBatch,
    SelfSubjectReview,
    Service,
    ServiceExplanation,
    ServiceList,
    ServicePort,
    ServiceSpec,
    Status,
    Token,
    TokenSpec,
    WatchEvent,
)
from waypost_api.types import UNSET, Unset

URL = os.environ["BASE_URL"]
client = AuthenticatedClient(base_url=URL, token=os.environ["TOKEN"])


def service(name: str) -> Service:
    """Make a Service in front of the Pods of `ent.yaml`."""
    labels, selector = Labels(), Labels()
    labels["tier"], selector["app"] = "front", "ent"
    port = ServicePort(name="http", port=80, target_port=8080)
    return Service(
        metadata=ObjectMeta(name=name, labels=labels),
        spec=ServiceSpec(selector=selector, ports=[port]),
    )


def labels_of(found: Service) -> dict[str, str]:
    assert found.metadata.labels
    return found.metadata.labels.additional_properties


def use_a_token() -> None:
    issued = create_token.sync(
        client=client, body=Token(metadata=ObjectMeta(), spec=TokenSpec(user="deployer"))
    )
    assert isinstance(issued, IssuedToken), issued
    deployer = AuthenticatedClient(base_url=URL, token=str(issued.status.token))
    me = whoami.sync(client=deployer)
    assert isinstance(me, SelfSubjectReview), me
    assert me.status.user_info.username == "deployer"
    refused = whoami.sync(client=AuthenticatedClient(base_url=URL, token="wrong"))
    assert isinstance(refused, Status), refused
    assert refused.code == 401


def apply_yaml() -> None:
    headers = {"Content-Type": "application/yaml"}
    manifests = Path("ent.yaml").read_bytes()
    answer = client.get_httpx_client().post("/apply", content=manifests, headers=headers)
    applied = ApplyResult.from_dict(answer.json())
    assert [each.operation for each in applied.results] == ["created"] * 6


def apply_json() -> None:
    applied = apply.sync(client=client, body=service("api"))
    assert isinstance(applied, ApplyResult), applied
    assert [each.operation for each in applied.results] == ["created"]


def create() -> None:
    created = create_service.sync(client=client, body=service("web"))
    assert isinstance(created, Service), created
    assert created.spec
    assert created.spec.cluster_ip


def list_in_pages() -> None:
    names: list[str] = []
    following: str | Unset = UNSET
    while True:
        page = list_services.sync(client=client, namespace="default", limit=2, continue_=following)
        assert isinstance(page, ServiceList), page
        names += [str(each.metadata.name) for each in page.items]
        following = page.metadata.continue_
        if not following:
            break
    assert names == ["api", "ent", "web"]


def read() -> Service:
    found = read_service.sync("default", "web", client=client)
    assert isinstance(found, Service), found
    assert found.spec
    assert found.spec.ports
    assert found.spec.ports[0].target_port == 8080
    return found


def merge_patch() -> None:
    patch = MergePatch()
    patch["metadata"] = {"labels": {"tier": None, "track": "stable"}}
    patched = patch_service.sync("default", "web", client=client, body=patch)
    assert isinstance(patched, Service), patched
    assert labels_of(patched) == {"track": "stable"}


def write_stale(stale: Service) -> None:
    refused = replace_service.sync("default", "web", client=client, body=stale)
    assert isinstance(refused, Status), refused
    assert (refused.code, refused.reason) == (409, "Conflict")


def patch_if_match() -> None:
    answer = read_service.sync_detailed("default", "web", client=client)
    etag = answer.headers["ETag"]
    patch = MergePatch()
    patch["metadata"] = {"labels": {"track": "next"}}
    patched = patch_service.sync("default", "web", client=client, body=patch, if_match=etag)
    assert isinstance(patched, Service), patched
    refused = patch_service.sync("default", "web", client=client, body=patch, if_match=etag)
    assert isinstance(refused, Status), refused
    assert refused.code == 412


def resolve_one() -> None:
    found = resolve.sync(client=client, name="ent", namespace="default")
    assert isinstance(found, Resolution), found
    assert found.status == "NOERROR"
    assert len(found.addresses) == 1


def resolve_batch() -> None:
    questions = [Question(name="web"), Question(name="no.default.svc.cluster.local.")]
    found = resolve_many.sync(client=client, body=QuestionBatch(questions=questions))
    assert isinstance(found, ResolutionBatch), found
    assert [each.status for each in found.resolutions] == ["NOERROR", "NXDOMAIN"]


def read_rules(address: str) -> None:
    rules = read_node_ipvs.sync("n1", client=client)
    assert isinstance(rules, NodeRules), rules
    assert address in [server.address for server in rules.virtual_servers]


def explain() -> None:
    explained = explain_service.sync("default", "ent", client=client)
    assert isinstance(explained, ServiceExplanation), explained
    assert explained.endpoints_ready == 2
    assert {pod.pod.name: pod.verdict for pod in explained.pods}["ent-3"] == "NotReady"


def events(after: str) -> Generator[WatchEvent]:
    """Follow the changes after a revision; the generated function would wait for the last one."""
    query = {"kinds": "Service", "resourceVersion": after}
    with client.get_httpx_client().stream("GET", "/watch", params=query) as stream:
        for line in stream.iter_lines():
            yield WatchEvent.from_dict(json.loads(line))


def follow_changes(after: str) -> None:
    patch = MergePatch()
    patch["metadata"] = {"labels": {"track": "done"}}
    with closing(events(after)) as changes:
        patch_service.sync("default", "web", client=client, body=patch)
        changed = next(each for each in changes if each.type_ != "BOOKMARK")
    assert changed.type_ == "MODIFIED"
    assert isinstance(changed.object_, Service), changed
    assert labels_of(changed.object_) == {"track": "done"}


def delete() -> None:
    deleted = delete_service.sync("default", "web", client=client)
    assert not isinstance(deleted, Status), deleted
    gone = read_service.sync("default", "web", client=client)
    assert isinstance(gone, Status), gone
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
    print("stale-write ok")
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
    latest = read()
    follow_changes(str(latest.metadata.resource_version))
    print("watch around")
    delete()
    print("delete ok")


if __name__ == "__main__":
    main()
