"""Examples of the document: there for every operation, valid, and what a server answers.

document -> its examples -> asked of a server -> the same answers, but for names and times
"""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from importlib.resources import files
from typing import Any, cast

import httpx
import pytest

from app.api.document import kind_examples
from app.api.document.examples import FILE
from app.domain.objects.token import TOKEN
from app.schemas.objects.wire import Wire
from app.schemas.objects.wires import WIRES
from tests.declared import document, operations, problems, resolved
from tests.registries import an_api

Document = dict[str, Any]

RANGES = ("10.96.0.0/12", "fd00:10:96::/112")
VARYING = frozenset(
    {
        *("uid", "resourceVersion", "since", "creationTimestamp", "lastTransitionTime"),
        *("clusterIP", "clusterIPs", "slices", "checks", "createdBy", "expiresAt", "token"),
        *("pythonVersion", "platform"),
    }
)
"""Fields that differ from one server, or one moment, to another."""
EXAMPLES: Mapping[str, Document] = json.loads(
    files("app.api.document").joinpath(FILE).read_text(encoding="utf-8")
)
MERGE = {"Content-Type": "application/merge-patch+json"}
WRITTEN = [wire for wire in WIRES if not wire.resource.is_derived]


def contents() -> Iterator[tuple[str, str, Document]]:
    """Every form of every body and successful answer."""
    for name, operation in operations():
        parts = [operation.get("requestBody", {})]
        for part in (*parts, *successes(operation)):
            for media_type, content in part.get("content", {}).items():
                yield name, media_type, content


def successes(operation: Document) -> list[Document]:
    return [resolved(each) for code, each in operation["responses"].items() if code[0] == "2"]


def examples(content: Document) -> list[object]:
    named = [resolved(each)["value"] for each in content.get("examples", {}).values()]
    return [*named, *([content["example"]] if "example" in content else [])]


def test_every_body_and_every_answer_has_an_example() -> None:
    for name, operation in operations():
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        answers = successes(operation)
        for part in (*bodies, *answers):
            assert any(map(examples, part["content"].values())), name


def test_every_example_is_of_its_schema() -> None:
    for name, media_type, content in contents():
        for example in examples(content):
            assert problems(content["schema"], example) == [], (name, media_type)


def test_every_example_of_the_file_is_of_an_operation() -> None:
    assert EXAMPLES.keys() <= {operation["operationId"] for _, operation in operations()}


def is_part(example: object, answer: object, name: str = "") -> bool:
    """Whether an answer has what an example has; lists and texts of the example may be shorter."""
    if name in VARYING:
        return type(example) is type(answer)
    if isinstance(example, dict) and isinstance(answer, dict):
        given, found = cast("Document", example), cast("Document", answer)
        return all(key in found and is_part(given[key], found[key], key) for key in given)
    if isinstance(example, list) and isinstance(answer, list):
        rest = iter(cast("list[object]", answer))
        return all(
            any(is_part(each, one) for one in rest) for each in cast("list[object]", example)
        )
    if isinstance(example, str) and isinstance(answer, str) and "\n" in example:
        lines = iter(answer.splitlines())
        return all(line in lines for line in example.splitlines())
    return example == answer


@pytest.fixture
async def api(database_url: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with an_api(database_url, service_cidrs=RANGES) as client:
        yield client


async def created(api: httpx.AsyncClient, wire: Wire) -> tuple[str, Document]:
    """Create the example of a kind; returns its path and the answer."""
    answer = await api.post(f"/{wire.resource.plural}", json=kind_examples.manifest_of(wire))
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"], answer.json()


@pytest.mark.parametrize("wire", WRITTEN, ids=lambda wire: wire.resource.name)
async def test_the_example_of_a_kind_is_what_a_server_makes_of_it(
    api: httpx.AsyncClient, wire: Wire
) -> None:
    name = wire.resource.name
    path, answer = await created(api, wire)
    components = document()["components"]["examples"]
    stored = components[f"Registered{name}"]["value"]
    manifest = components[name]["value"]
    if wire.resource is TOKEN:
        manifest = {**manifest, "metadata": answer["metadata"], "spec": answer["spec"]}
        stored = {**stored, "metadata": answer["metadata"]}
    assert is_part(stored, answer), answer
    page = (await api.get(f"/{wire.resource.plural}")).json()
    assert page["items"][-1].keys() == stored.keys()
    for suffix in ("", *(f"/{each}" for each in wire.resource.subresources)):
        put = await api.put(f"{path}{suffix}", json=manifest)
        assert put.status_code == 200, put.text
    change = wire.model.change_example
    patched = await api.patch(path, content=json.dumps(change), headers=MERGE)
    assert is_part(change, patched.json()), patched.text
    deleted = await api.delete(path)
    assert deleted.is_success, deleted.text
    if "Deleted" in str(document()["paths"][document_path(wire)]["delete"]["responses"]["200"]):
        assert components["Deleted"]["value"].keys() == deleted.json().keys()


def document_path(wire: Wire) -> str:
    return f"/{wire.resource.plural}" + ("/{namespace}" * wire.resource.is_namespaced) + "/{name}"


REQUESTS: Mapping[str, tuple[str, str]] = {
    "apply": ("POST", "/apply"),
    "explain_service": ("GET", "/services/default/ent/explain"),
    "renew_pod_lease": ("POST", "/pods/default/ent-1/heartbeat"),
    "renew_leases": ("POST", "/heartbeats"),
    "renew_node_lease": ("POST", "/nodes/n1/heartbeat"),
    "list_cluster_ips": ("GET", "/clusterips"),
    "resolve": ("GET", "/resolve?name=ent&type=A"),
    "resolve_many": ("POST", "/resolve"),
    "read_namespace_resolv_conf": ("GET", "/namespaces/default/resolv.conf"),
    "read_pod_resolv_conf": ("GET", "/pods/default/ent-1/resolv.conf"),
    "read_node_ipvs": ("GET", "/nodes/n1/ipvs"),
    "read_node_ipvs_text": ("GET", "/nodes/n1/ipvs.txt?part=ipvsadm"),
    "read_node_nftables": ("GET", "/nodes/n1/nftables"),
    "compare_node_ipvs": ("PUT", "/nodes/n1/ipvs/observed"),
    "render": ("POST", "/render"),
    "whoami": ("GET", "/whoami"),
    "can_i": ("POST", "/can-i"),
    "check_liveness": ("GET", "/livez"),
    "check_readiness": ("GET", "/readyz"),
    "check_health": ("GET", "/healthz"),
    "read_version": ("GET", "/version"),
    "read_node_ipvs_changes": ("GET", "/nodes/n1/ipvs/changes?since={since}"),
    "read_node_nftables_changes": ("GET", "/nodes/n1/nftables/changes?since={since}"),
}
UNANSWERED = {"watch", "read_metrics", "list_scrape_targets"}
"""A stream, numbers, and addresses of this machine."""


async def test_the_other_examples_are_what_a_server_answers(api: httpx.AsyncClient) -> None:
    assert REQUESTS.keys() | UNANSWERED == EXAMPLES.keys()
    (node,) = [wire for wire in WIRES if wire.resource.name == "Node"]
    (pod,) = [wire for wire in WIRES if wire.resource.name == "Pod"]
    await created(api, node)
    since = ""
    for name, (method, path) in REQUESTS.items():
        if name == "read_node_ipvs_changes":
            since = (await api.get("/pods")).json()["metadata"]["resourceVersion"]
            another = kind_examples.manifest_of(pod)
            another["metadata"] = {**another["metadata"], "name": "ent-2"}
            another["status"] = {"podIPs": [{"ip": "10.244.1.6"}]}
            await api.post("/pods", json=another)
        body = EXAMPLES[name].get("request")
        is_text = isinstance(body, str)
        answer = await api.request(
            method,
            path.format(since=since),
            json=None if is_text else body,
            content=body if is_text else None,
            headers={"Content-Type": "text/plain"}
            if is_text
            else {"Accept": "application/json"}
            if "nftables" in path and "changes" not in path
            else {},
        )
        assert answer.is_success, (name, answer.text)
        is_json = answer.headers["Content-Type"] == "application/json"
        found = answer.json() if is_json else answer.text
        assert is_part(EXAMPLES[name].get("answer", {}), found), (name, found)
