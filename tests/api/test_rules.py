"""Node rules over HTTP: the vectors through both ways in, changes, drift, and refusals."""

import gzip
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from app.api import application
from app.api.objects.streams import Watching
from app.domain.changes import Change
from app.domain.dataplane.ipvs.applied import apply
from app.domain.dataplane.ipvs.operations import IPVSState
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from app.registry.node_rules import NodeRulesReader
from app.registry.reads.view import View
from app.registry.reads.watch import Notifier
from app.registry.threads import Lane
from app.schemas.objects.codec import encode_object
from app.schemas.rules.codec import decode_state
from app.schemas.rules.models import NftablesRules, NodeRules
from app.schemas.rules.operations import NodeRulesChanges, NodeRulesDrift
from tests.builders import a_node, a_service, a_service_cidr, an_endpoint, an_endpoint_slice
from tests.registries import a_client, an_api
from tests.rules_vectors import Vector, load_vectors

every_vector = pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
NODE_PORTS = range(30_000, 32_768)
NODE = a_node("n1")
AS_TEXT = {"content-type": "text/plain"}


@cache
def app_for_tests() -> FastAPI:
    return application.build(version="0")


AS_JSON = {"content-type": "application/json"}


@asynccontextmanager
async def a_reader(
    *objects: Object, config: RulesConfig | None = None
) -> AsyncGenerator[tuple[httpx.AsyncClient, View]]:
    """Serve the rules of objects that were never written anywhere."""
    view = View()
    view.reset(load(objects, revision=Revision(1)), history=(), compacted=Revision(1))
    rules = NodeRulesReader(view, config or RulesConfig(), node_ports=NODE_PORTS)
    async with a_client(app_with(view, rules)) as client:
        yield client, view


def app_with(view: View, rules: NodeRulesReader) -> FastAPI:
    app = app_for_tests()
    app.state.registry = SimpleNamespace(
        view=view,
        rules=rules,
        watching=Watching(view, Notifier(view)),
        metrics=CollectorRegistry(),
        reading=Lane(),
        writing=Lane(),
    )
    return app


def advance(view: View, before: Object | None, after: Object | None) -> Snapshot:
    """Make one more change visible."""
    change = Change(revision=Revision(view.snapshot.revision + 1), before=before, after=after)
    view.advance((change,))
    return view.snapshot


def request_of(vector: Vector) -> dict[str, Any]:
    return {
        "node": encode_object(vector.node()),
        "services": vector.document["services"],
        "endpointSlices": vector.document["endpointslices"],
        "config": vector.document["config"],
    }


@every_vector
async def test_a_vector_is_rendered_from_the_request(vector: Vector) -> None:
    async with a_reader() as (client, _):
        response = await client.post("/render", json=request_of(vector))
        assert response.status_code == 200, response.text
        assert_rules(vector, response.json())


@every_vector
async def test_a_vector_is_what_its_node_is_told(vector: Vector) -> None:
    objects = (*vector.snapshot().services.values(), *vector.snapshot().slices.values())
    async with a_reader(*objects, vector.node(), config=vector.config()) as (client, _):
        path = f"/nodes/{vector.document['node']['name']}/ipvs"
        response = await client.get(path)
        assert response.status_code == 200, response.text
        assert_rules(vector, response.json())
        if saved := vector.expect.get("ipvsadm_save"):
            text = await client.get(f"{path}.txt", params={"part": "ipvsadm"})
            assert text.text.splitlines() == saved


def assert_rules(vector: Vector, rules: dict[str, Any]) -> None:
    NodeRules.model_validate(rules)
    assert [spelt(server) for server in rules["virtualServers"]] == vector.virtual_servers
    assert {s["name"]: s["entries"] for s in rules["ipsets"] if s["entries"]} == vector.ipsets
    assert rules["dummyInterface"]["addresses"] == vector.expect["bind_addresses"]
    lacking = vector.expect.get("no_local_endpoints", {"internal": [], "external": []})
    assert rules["noLocalEndpoints"] == lacking
    checks = {
        f"{check['service']['namespace']}/{check['service']['name']}": {
            "port": check["port"],
            "localEndpoints": check["localEndpoints"],
        }
        for check in rules["healthCheckNodePorts"]
    }
    assert checks == vector.expect.get("health_check_node_ports", {})
    if "iptables" in vector.expect:
        shown = {n["family"]: {t: n[t] for t in ("nat", "filter")} for n in rules["netfilters"]}
        assert shown == vector.expect["iptables"]


def spelt(server: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": server["address"],
        "port": server["port"],
        "protocol": server["protocol"],
        "scheduler": server["scheduler"],
        "flags": server["flags"],
        "timeout": server["persistenceTimeoutSeconds"] or 0,
        "real_servers": [
            {key: real[key] for key in ("address", "port", "weight")}
            for real in server["realServers"]
        ],
    }


def a_web(*addresses: str) -> tuple[Object, Object]:
    return a_service(), an_endpoint_slice(*(an_endpoint(a, node_name="n1") for a in addresses))


async def test_the_answer_has_the_shape_of_the_contract() -> None:
    async with a_reader(*a_web("10.244.1.5"), NODE) as (client, _):
        rules = (await client.get("/nodes/n1/ipvs")).json()
    assert rules["kind"] == "NodeRules"
    assert (rules["node"], rules["resourceVersion"]) == ("n1", "1")
    assert rules["dummyInterface"] == {"name": "kube-ipvs0", "addresses": ["10.96.0.20"]}
    assert rules["sysctls"]["net.ipv4.vs.conntrack"] == "1"
    assert rules["virtualServers"] == [
        {
            "address": "10.96.0.20",
            "port": 80,
            "protocol": "TCP",
            "scheduler": "rr",
            "flags": [],
            "persistenceTimeoutSeconds": None,
            "service": {"namespace": "default", "name": "web"},
            "portName": "http",
            "realServers": [
                {"address": "10.244.1.5", "port": 8080, "weight": 1, "forwarding": "masquerade"}
            ],
        }
    ]
    sets = {each["name"]: each for each in rules["ipsets"]}
    assert sets["KUBE-CLUSTER-IP"] == {
        "name": "KUBE-CLUSTER-IP",
        "type": "hash:ip,port",
        "family": "inet",
        "maxElements": 65_536,
        "entries": ["10.96.0.20,tcp:80"],
    }
    assert len(sets) == 34


async def test_equal_state_gives_equal_bytes_and_a_tag_that_spares_them() -> None:
    objects = (*a_web("10.244.1.5", "10.244.1.6"), NODE)
    async with a_reader(*objects) as (client, _):
        first = await client.get("/nodes/n1/ipvs")
    async with a_reader(*reversed(objects)) as (client, _):
        second = await client.get("/nodes/n1/ipvs")
        spared = await client.get(
            "/nodes/n1/ipvs", headers={"If-None-Match": first.headers["etag"]}
        )
    assert first.content == second.content
    assert (spared.status_code, spared.content) == (304, b"")


async def test_what_is_worked_out_ahead_is_what_would_be_answered_anyway() -> None:
    objects = (*a_web("10.244.1.5"), NODE)
    async with a_reader(*objects) as (client, _):
        cold = await client.get("/nodes/n1/ipvs")
    view = View()
    view.reset(load(objects, revision=Revision(1)), history=(), compacted=Revision(1))
    rules = NodeRulesReader(view, RulesConfig(), node_ports=NODE_PORTS)
    await rules.warm()
    async with a_client(app_with(view, rules)) as client:
        assert (await client.get("/nodes/n1/ipvs")).content == cold.content


async def test_rules_may_be_asked_for_as_yaml() -> None:
    async with a_reader(*a_web("10.244.1.5"), NODE) as (client, _):
        response = await client.get("/nodes/n1/ipvs", headers={"Accept": "application/yaml"})
    assert response.text.startswith("kind: NodeRules\n")


async def test_changes_and_renderings_may_be_asked_for_as_yaml() -> None:
    yaml = {"Accept": "application/yaml"}
    async with a_reader(NODE) as (client, _):
        changes = await client.get("/nodes/n1/ipvs/changes?since=1", headers=yaml)
        rendered = await client.post("/render", json={"node": NODE_WIRE}, headers=yaml)
        tagged = await client.get("/nodes/n1/nftables")
        spared = await client.get(
            "/nodes/n1/nftables", headers={"If-None-Match": tagged.headers["etag"]}
        )
    assert "operations: []\n" in changes.text
    assert rendered.text.startswith("kind: NodeRules\n")
    assert spared.status_code == 304


async def test_a_revision_that_does_not_come_is_not_waited_for_long() -> None:
    async with a_reader(NODE) as (client, _):
        response = await client.get("/nodes/n1/ipvs/changes?since=99")
    assert (response.status_code, response.json()["reason"]) == (504, "Timeout")


async def test_a_listing_that_is_no_text_is_refused() -> None:
    async with a_reader(NODE) as (client, _):
        response = await client.put("/nodes/n1/ipvs/observed", content=b"\xff", headers=AS_TEXT)
    assert response.status_code == 400


async def test_large_answers_are_packed_for_clients_that_can_unpack() -> None:
    async with a_reader(*a_web("10.244.1.5"), NODE) as (client, _):
        packed = await client.get("/nodes/n1/ipvs", headers={"Accept-Encoding": "gzip"})
        plain = await client.get("/nodes/n1/ipvs", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert len(gzip.compress(plain.content)) < len(plain.content) / 4


PARTS = {
    "script": "#!/bin/sh\n",
    "ipvsadm": "-A -t 10.96.0.20:80 -s rr\n",
    "ipset": "create KUBE-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536",
    "iptables": "*nat\n:KUBE-SERVICES - [0:0]\n",
    "ip6tables": "*nat\n:KUBE-SERVICES - [0:0]\n",
    "ip": "link add kube-ipvs0 type dummy\naddr add 10.96.0.20/32 dev kube-ipvs0\n",
    "sysctl": "net.ipv4.ip_forward = 1\n",
}


@pytest.mark.parametrize("part", PARTS)
async def test_each_part_is_text_for_its_program(part: str) -> None:
    async with a_reader(*a_web("10.244.1.5"), NODE) as (client, _):
        response = await client.get("/nodes/n1/ipvs.txt", params={"part": part})
        default = await client.get("/nodes/n1/ipvs.txt")
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text.startswith(PARTS[part])
    assert default.text.startswith(PARTS["script"])


async def test_the_same_rules_come_for_nft() -> None:
    async with a_reader(*a_web("10.244.1.5"), NODE) as (client, _):
        response = await client.get("/nodes/n1/nftables")
    assert response.headers["content-type"].startswith("text/plain")
    assert "10.96.0.20" in response.text
    assert "10.244.1.5" in response.text


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("text/*, application/json", "text/plain"),
        ("application/json, text/plain", "text/plain"),
        ("application/yaml", "text/plain"),
        ("application/json", "application/json"),
        ("application/*; q=0.5", "application/json"),
    ],
)
async def test_text_for_nft_is_plain_unless_only_json_is_accepted(accept: str, form: str) -> None:
    async with a_reader(*a_web("10.244.1.5"), NODE) as (client, _):
        answer = await client.get("/nodes/n1/nftables", headers={"Accept": accept})
        plain = await client.get("/nodes/n1/nftables", headers={"Accept": "text/plain"})
    assert answer.headers["content-type"].partition(";")[0] == form
    assert "Accept" in answer.headers["vary"].split(", ")
    assert answer.headers["etag"] == plain.headers["etag"]
    if form == "text/plain":
        assert answer.text == plain.text
    else:
        told = NftablesRules.model_validate_json(answer.content)
        assert (told.text, told.node_eligible, told.resource_version) == (plain.text, True, "1")


async def test_changes_lead_from_the_rules_of_then_to_those_of_now() -> None:
    web, one = a_web("10.244.1.5")
    _, two = a_web("10.244.1.5", "10.244.1.6")
    async with a_reader(web, one, NODE) as (client, view):
        then = await rules_at(client)
        advance(view, one, two)
        advance(view, None, a_service("api", cluster_ip="10.96.0.9", cluster_ips=("10.96.0.9",)))
        body = (await client.get("/nodes/n1/ipvs/changes", params={"since": "1"})).json()
        now = await rules_at(client)
    changes = NodeRulesChanges.model_validate(body)
    assert (changes.since, changes.resource_version, changes.node) == ("1", "3", "n1")
    assert apply(changes.operations, then) == now


async def rules_at(client: httpx.AsyncClient) -> IPVSState:
    response = await client.get("/nodes/n1/ipvs")
    return decode_state(NodeRules.model_validate_json(response.content))


async def test_nothing_happened_is_no_operation() -> None:
    async with a_reader(*a_web("10.244.1.5"), NODE) as (client, view):
        advance(view, None, a_node("n2"))
        body = (await client.get("/nodes/n1/ipvs/changes", params={"since": "1"})).json()
    assert body == {
        "kind": "NodeRulesChanges",
        "node": "n1",
        "since": "1",
        "resourceVersion": "2",
        "operations": [],
        "healthCheckNodePorts": [],
        "nodeEligible": True,
    }


async def test_many_operations_are_packed_once_and_ended_for_each_node() -> None:
    web, one = a_web("10.244.1.5")
    _, many = a_web(*(f"10.244.2.{number}" for number in range(1, 60)))
    async with a_reader(web, one, NODE, a_node("n2")) as (client, view):
        advance(view, one, many)
        for node in ("n2", "n3", "n1"):
            if node == "n3":
                advance(view, None, a_node("n3"))
            path = f"/nodes/{node}/ipvs/changes?since=1"
            packed = await client.get(path, headers={"Accept-Encoding": "gzip"})
            plain = await client.get(path, headers={"Accept-Encoding": "identity"})
            assert packed.headers["content-encoding"] == "gzip"
            assert packed.json() == plain.json()
            assert packed.json()["node"] == node


async def test_a_revision_too_old_is_gone() -> None:
    async with a_reader(NODE) as (client, _):
        response = await client.get("/nodes/n1/ipvs/changes", params={"since": "0"})
    assert (response.status_code, response.json()["reason"]) == (410, "Expired")


OBSERVED = """\
-A -t 10.96.0.20:80 -s rr
-a -t 10.96.0.20:80 -r 10.244.1.5:8080 -m -w 1
"""


async def observe(text: str, *objects: Object) -> NodeRulesDrift:
    async with a_reader(*a_web("10.244.1.5"), NODE, *objects) as (client, _):
        response = await client.put("/nodes/n1/ipvs/observed", content=text, headers=AS_TEXT)
    assert response.status_code == 200, response.text
    return NodeRulesDrift.model_validate(response.json())


async def test_a_node_that_holds_what_it_was_told_has_not_drifted() -> None:
    drift = await observe(OBSERVED)
    assert (drift.in_sync, drift.differences, drift.commands) == (True, [], "")


async def test_drift_is_named_and_mended_in_a_safe_order() -> None:
    drift = await observe(
        "-A -t 10.96.0.20:80 -s wlc -p 300\n"
        "-a -t 10.96.0.20:80 -r 10.244.9.9:8080 -m -w 1\n"
        "-A -t 192.0.2.10:30001 -s rr\n"
        "-A -t 198.51.100.1:80 -s rr\n"
    )
    assert [difference.reason for difference in drift.differences] == [
        "ChangedVirtualServer",
        "MissingRealServer",
        "UnexpectedVirtualServer",
        "UnexpectedRealServer",
    ]
    assert drift.commands == (
        "-E -t 10.96.0.20:80 -s rr\n"
        "-a -t 10.96.0.20:80 -r 10.244.1.5:8080 -m -w 1\n"
        "-e -t 10.96.0.20:80 -r 10.244.9.9:8080 -m -w 0\n"
        "-D -t 192.0.2.10:30001\n"
    )
    assert drift.commands_when_drained == "-d -t 10.96.0.20:80 -r 10.244.9.9:8080\n"
    assert [server.address for server in drift.foreign] == ["198.51.100.1"]


async def test_a_real_server_that_is_not_masqueraded_is_put_right() -> None:
    drift = await observe(OBSERVED.replace("-m", "-g"))
    assert drift.commands == "-e -t 10.96.0.20:80 -r 10.244.1.5:8080 -m -w 1\n"


async def test_what_is_no_listing_is_refused() -> None:
    async with a_reader(NODE) as (client, _):
        response = await client.put(
            "/nodes/n1/ipvs/observed", content="-A -t nowhere:80\n", headers=AS_TEXT
        )
    assert (response.status_code, response.json()["reason"]) == (400, "BadRequest")


PATHS = [
    "/nodes/n9/nftables",
    "/nodes/n9/ipvs",
    "/nodes/n9/ipvs.txt",
    "/nodes/n9/ipvs/changes?since=1",
]


@pytest.mark.parametrize("path", PATHS)
async def test_an_unknown_node_is_not_found(path: str) -> None:
    async with a_reader(NODE) as (client, _):
        response = await client.get(path)
    assert (response.status_code, response.json()["reason"]) == (404, "NotFound")


async def test_nothing_is_told_before_the_state_is_known() -> None:
    view = View()
    rules = NodeRulesReader(view, RulesConfig(), node_ports=NODE_PORTS)
    async with a_client(app_with(view, rules)) as client:
        response = await client.get("/nodes/n1/ipvs")
    assert response.status_code == 503


def broken() -> Iterator[tuple[dict[str, Any], int, str]]:
    service: dict[str, Any] = encode_object(a_service())
    slice_ = encode_object(replace(an_endpoint_slice(an_endpoint()), ports=()))
    port = {"port": 80, "protocol": "ICMP"}
    yield {}, 400, "node"
    yield {"node": []}, 400, "node"
    yield {"node": NODE_WIRE, "config": {"backend": "bpf"}}, 400, "config.backend"
    yield {"node": NODE_WIRE, "config": {"scheduler": "best"}}, 422, "config.scheduler"
    yield {"node": NODE_WIRE, "config": {"clusterCIDR": "all"}}, 422, "config.clusterCIDR"
    yield {"node": {"metadata": {"name": "a\nb"}}}, 422, "node.metadata.name"
    yield {"node": NODE_WIRE, "config": {"serviceCIDRs": ["all"]}}, 422, "config.serviceCIDRs[0]"
    nowhere = encode_object(a_service_cidr("10.96.0.0/12", "} accept; {"))
    yield (
        {"node": NODE_WIRE, "serviceCIDRs": [nowhere]},
        422,
        "serviceCIDRs[0].spec.cidrs[1]",
    )
    spec = {**service["spec"], "ports": [port]}
    yield (
        {"node": NODE_WIRE, "services": [{**service, "spec": spec}]},
        422,
        "services[0].spec.ports[0].protocol",
    )
    yield (
        {"node": NODE_WIRE, "endpointSlices": [{**slice_, "ports": [{"port": 70_000}]}]},
        422,
        "endpointSlices[0].ports[0].port",
    )


NODE_WIRE = encode_object(NODE)


@pytest.mark.parametrize(("body", "status", "field"), list(broken()))
async def test_state_that_no_rules_can_be_made_of_is_refused(
    body: dict[str, Any], status: int, field: str
) -> None:
    async with a_reader() as (client, _):
        response = await client.post("/render", json=body)
    assert response.status_code == status, response.text
    assert field in [cause["field"] for cause in response.json()["details"]["causes"]]


async def test_render_answers_with_text_when_a_part_is_asked_for() -> None:
    web, slice_ = a_web("10.244.1.5")
    body = {
        "node": NODE_WIRE,
        "services": [encode_object(web)],
        "endpointSlices": [encode_object(slice_)],
    }
    async with a_reader() as (client, _):
        response = await client.post("/render", params={"part": "ipvsadm"}, json=body)
        nft = await client.post("/render", json={**body, "config": {"backend": "nftables"}})
    assert response.text == OBSERVED
    assert nft.json()["backend"] == "nftables"
    assert "10.244.1.5" in nft.json()["nftables"]


async def test_ranges_of_a_request_are_those_of_its_objects_and_its_configuration() -> None:
    body = {
        "node": NODE_WIRE,
        "serviceCIDRs": [encode_object(a_service_cidr("10.112.0.0/16"))],
        "config": {"backend": "nftables", "serviceCIDRs": ["fd00:10:96::/112", "10.96.0.0/12"]},
    }
    bare = {"node": NODE_WIRE, "config": {"backend": "nftables"}}
    async with a_reader() as (client, _):
        ranged, without = [
            (await client.post("/render", json=asked)).json()["nftables"] for asked in (body, bare)
        ]
    assert "    ip daddr { 10.96.0.0/12, 10.112.0.0/16 } drop\n" in ranged
    assert "    ip6 daddr { fd00:10:96::/112 } drop\n" in ranged
    assert "} drop" not in without


async def test_unknown_fields_of_a_request_are_named() -> None:
    async with a_reader() as (client, _):
        response = await client.post("/render", json={"node": NODE_WIRE, "colour": "blue"})
    assert response.headers["warning"] == '299 - "unknown field \\"colour\\""'


async def test_mistyped_fields_of_a_request_are_told_as_on_other_routes() -> None:
    service: dict[str, Any] = {"metadata": {"name": "ent"}, "spec": {"selecter": {}}}
    body = (
        f'{{"node": {json.dumps(NODE_WIRE)}, "services": [{json.dumps(service)}], '
        '"services": [{"metadata": {"name": "ent"}, "spec": {"selecter": {}}}], '
        '"endpointSlices": [], "config": {"scheduler": "rr", "scheduler": "sh"}}'
    )
    unknown = 'unknown field "services[0].spec.selecter" (did you mean "selector"?)'
    async with a_reader() as (client, _):
        warned = await client.post("/render", content=body, headers=AS_JSON)
        silent = await client.post(
            "/render", content=body, headers=AS_JSON, params={"fieldValidation": "Ignore"}
        )
        strict = await client.post(
            "/render", content=body, headers=AS_JSON, params={"fieldValidation": "Strict"}
        )
    told = [unknown, 'duplicate field "services"', 'duplicate field "config.scheduler"']
    quoted = [f'299 - "{each.replace(chr(34), chr(92) + chr(34))}"' for each in told]
    assert warned.is_success
    assert warned.headers.get_list("warning") == quoted
    assert silent.is_success
    assert "warning" not in silent.headers
    assert strict.status_code == httpx.codes.BAD_REQUEST
    assert [each["field"] for each in strict.json()["details"]["causes"]] == [
        "services[0].spec.selecter",
        "services",
        "config.scheduler",
    ]


async def test_a_wrong_type_in_a_request_hides_no_wrong_value() -> None:
    ports = [{"port": "eighty"}, {"port": 99_999}]
    service = {"metadata": {"name": "ent"}, "spec": {"ports": ports}}
    async with a_reader() as (client, _):
        answer = await client.post("/render", json={"node": NODE_WIRE, "services": [service]})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert [each["field"] for each in answer.json()["details"]["causes"]] == [
        "services[0].spec.ports[0].port",
        "services[0].spec.ports[1].port",
    ]


@pytest.mark.database
async def test_a_registered_service_reaches_the_rules_of_its_node(database_url: str) -> None:
    async with an_api(database_url) as client:
        await client.post("/nodes", json=NODE_WIRE)
        service = {"metadata": {"name": "ent"}, "spec": {"selector": {"app": "ent"}}}
        service["spec"]["ports"] = [{"port": 80}]  # pyright: ignore[reportArgumentType]  JSON
        made = (await client.post("/services", json=service)).json()
        before = (await client.get("/nodes/n1/ipvs")).json()
        pod = {
            "metadata": {"name": "ent-1", "labels": {"app": "ent"}},
            "spec": {"nodeName": "n1"},
            "status": {"podIPs": [{"ip": "10.244.0.7"}]},
        }
        await client.post("/pods", json=pod)
        since = {"since": before["resourceVersion"]}
        changes = (await client.get("/nodes/n1/ipvs/changes", params=since)).json()
        rules = (await client.get("/nodes/n1/ipvs")).json()
    (server,) = rules["virtualServers"]
    assert server["address"] == made["spec"]["clusterIP"]
    assert [real["address"] for real in server["realServers"]] == ["10.244.0.7"]
    assert "AddRealServer" in [operation["op"] for operation in changes["operations"]]


@pytest.mark.database
async def test_an_address_used_again_before_the_old_pod_is_gone_is_served_everywhere(
    database_url: str,
) -> None:
    case = next(each for each in reported_cases() if each["id"] == "B2-073")
    listed, deletion, successor = case["setup"]
    async with an_api(database_url) as client:
        assert (await client.post("/apply", json=listed)).is_success
        assert (await client.request(deletion["method"], deletion["path"])).is_success
        assert (await client.post("/apply", json=successor)).is_success
        rules = [(await client.get(f"/nodes/{name}/ipvs")).json() for name in ("n1", "n2")]
        text = (await client.get("/nodes/n1/nftables")).text
        slices = (await client.get("/endpointslices", params={"namespace": "default"})).json()
    copies = [endpoint for each in slices["items"] for endpoint in each["endpoints"]]
    assert [copy["conditions"]["terminating"] for copy in copies] == [True, False]
    for told in rules:
        (server,) = told["virtualServers"]
        assert [real["address"] for real in server["realServers"]] == ["10.244.1.5"]
    assert "10.244.1.5 . 80" in text


def reported_cases() -> list[dict[str, Any]]:
    vectors = Path(__file__).parents[1] / "vectors" / "bugs.json"
    return json.loads(vectors.read_text())["cases"]
