import asyncio
from collections.abc import AsyncGenerator, Iterable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api import errors
from app.api.resolve import router
from app.domain.addresses import parse_prefix
from app.domain.discovery.resolvers.lookup import Rcode, Record, Reply
from app.domain.discovery.resolvers.resolv_conf import ClusterDNS, ResolvConf
from app.domain.discovery.zone.config import cluster_config
from app.domain.names import DomainName, Revision, parse_domain
from app.domain.objects.pod import DNSConfig, DNSPolicy
from app.domain.objects.service import ServiceType
from app.domain.snapshot import load
from app.registry.reads.view import View
from app.registry.resolution import Resolver, Upstream
from app.registry.threads import Lane
from app.schemas.resolution import Resolution, ResolutionBatch
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_pod,
    a_service,
    an_endpoint,
    an_endpoint_slice,
)
from tests.registries import a_client

SEARCH = ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]
RANGES = [prefix for prefix in (parse_prefix("10.96.0.0/12"),) if prefix is not None]
OBJECTS = (
    a_namespace(),
    a_namespace("shop"),
    a_service("ent", cluster_ip="10.96.17.4", cluster_ips=("10.96.17.4",)),
    an_endpoint_slice(
        an_endpoint("10.244.1.5", node_name="n1", zone="z1"),
        an_endpoint("10.244.1.6", ready=False),
        name="ent-1",
        service="ent",
    ),
    a_headless_service("db", "shop"),
    an_endpoint_slice(
        an_endpoint("10.244.2.5", hostname="db-0"), name="db-1", namespace="shop", service="db"
    ),
    a_service(
        "out",
        type=ServiceType.EXTERNAL_NAME,
        external_name="www.example.com",
        cluster_ip="",
        cluster_ips=(),
        selector=None,
        ports=(),
    ),
    a_pod("plain", "shop"),
    a_pod("dual", pod_ips=("10.244.0.9", "fd00::9")),
    a_pod(
        "own",
        dns_policy=DNSPolicy.NONE,
        dns_config=DNSConfig(
            nameservers=("10.96.0.10",),
            searches=("shop.svc.cluster.local",),
            options=(("ndots", "2"),),
        ),
    ),
    a_pod("stranger", dns_policy=DNSPolicy.DEFAULT),
    a_pod("greedy", dns_config=DNSConfig(nameservers=tuple(f"192.0.2.{n}" for n in range(1, 5)))),
)


class Elsewhere:
    """An upstream server that knows a few names, and records its questions."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def ask(self, name: DomainName, qtype: str) -> Reply:
        await asyncio.sleep(0)
        self.asked.append((str(name), qtype))
        if name == parse_domain("broken.example."):
            return Reply(rcode=Rcode.SERVFAIL)
        if name != parse_domain("www.example.com."):
            return Reply(rcode=Rcode.NXDOMAIN)
        if qtype != "A":
            return Reply(rcode=Rcode.NOERROR)
        record = Record(name=name, rtype="A", ttl_s=60, value="192.0.2.80")
        return Reply(rcode=Rcode.NOERROR, records=(record,))


def an_app(upstream: Upstream | None = None, host_search: Iterable[str] = ()) -> FastAPI:
    view = View()
    view.reset(load(OBJECTS, revision=Revision(42)), history=(), compacted=Revision(0))
    host = ResolvConf(nameservers=("192.0.2.53",), search=tuple(host_search))
    resolver = Resolver(
        dns=ClusterDNS(nameservers=("10.96.0.10",), cluster_domain="cluster.local", host=host),
        zone=cluster_config("cluster.local", RANGES),
        upstream=upstream,
    )
    app = FastAPI()
    app.state.registry = SimpleNamespace(view=view, resolver=resolver, reading=Lane())
    app.include_router(router)
    errors.install(app)
    return app


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient, None]:
    async with a_client(an_app()) as connected:
        yield connected


async def _resolve(
    client: httpx.AsyncClient, name: str, **params: str | int | bool
) -> dict[str, Any]:
    response = await client.get("/resolve", params={"name": name, **params})
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    Resolution.model_validate(document)
    return document


def _asked(document: dict[str, Any]) -> list[str]:
    return [
        f"{query['name']} {query['type']} {query['rcode']} {query['from']} {query['decision']}"
        for query in document["queries"]
    ]


async def test_a_service_is_found_in_the_first_search_domain(client: httpx.AsyncClient) -> None:
    assert await _resolve(client, "ent", type="A") == {
        "kind": "Resolution",
        "name": "ent",
        "type": "A",
        "status": "NOERROR",
        "canonicalName": "ent.default.svc.cluster.local.",
        "addresses": ["10.96.17.4"],
        "records": [
            {"name": "ent.default.svc.cluster.local.", "type": "A", "ttl": 5, "data": "10.96.17.4"}
        ],
        "queries": [
            {
                "name": "ent.default.svc.cluster.local.",
                "type": "A",
                "rcode": "NOERROR",
                "answers": 1,
                "from": "search[0]",
                "decision": "hit",
            }
        ],
        "resolvConf": {"nameservers": ["10.96.0.10"], "search": SEARCH, "options": {"ndots": 5}},
        "resolver": "glibc",
        "service": {"namespace": "default", "name": "ent"},
        "resourceVersion": "42",
    }


async def test_without_a_type_both_families_are_asked(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "ent")
    assert document["type"] == "ADDR"
    assert [query["type"] for query in document["queries"]] == ["A", "AAAA"]
    assert document["addresses"] == ["10.96.17.4"]


async def test_a_name_that_does_not_exist_is_an_answer(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "nope.default.svc.cluster.local.")
    assert document["status"] == "NXDOMAIN"
    assert document["addresses"] == []
    assert document["records"] == []
    assert "service" not in document
    assert "canonicalName" not in document


async def test_a_service_without_the_family_is_no_data(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "ent.default.svc.cluster.local.", type="AAAA")
    assert document["status"] == "NODATA"


async def test_a_foreign_name_is_refused_without_upstreams(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "www.example.com")
    assert document["status"] == "REFUSED"
    assert _asked(document)[-2:] == [
        "www.example.com. A REFUSED as-is stop",
        "www.example.com. AAAA REFUSED as-is stop",
    ]


@pytest.mark.parametrize("resolver", ["glibc", "musl", "musl-1.2.3", "go", "c-ares"])
async def test_every_resolver_is_refused_a_complete_foreign_name(
    client: httpx.AsyncClient, resolver: str
) -> None:
    document = await _resolve(client, "www.example.com.", resolver=resolver)
    assert (document["status"], document["resolver"]) == ("REFUSED", resolver)


@pytest.mark.parametrize("resolver", ["glibc", "musl", "musl-1.2.3", "go", "c-ares"])
async def test_every_resolver_finds_a_service(client: httpx.AsyncClient, resolver: str) -> None:
    document = await _resolve(client, "ent", resolver=resolver)
    assert document["addresses"] == ["10.96.17.4"]
    assert document["canonicalName"] == "ent.default.svc.cluster.local."


async def test_musl_does_not_search_beyond_ndots_where_glibc_does(
    client: httpx.AsyncClient,
) -> None:
    glibc = await _resolve(client, "db.shop", ndots=1)
    musl = await _resolve(client, "db.shop", ndots=1, resolver="musl")
    assert glibc["addresses"] == ["10.244.2.5"]
    assert musl["addresses"] == []
    assert {query["name"] for query in musl["queries"]} == {"db.shop."}


async def test_the_namespace_decides_the_search_list(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "db", namespace="shop")
    assert document["resolvConf"]["search"][0] == "shop.svc.cluster.local"
    assert document["service"] == {"namespace": "shop", "name": "db"}


async def test_a_pod_brings_its_own_resolv_conf(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "db", pod="default/own")
    assert document["resolvConf"] == {
        "nameservers": ["10.96.0.10"],
        "search": ["shop.svc.cluster.local"],
        "options": {"ndots": 2},
    }
    assert document["addresses"] == ["10.244.2.5"]


async def test_a_pod_on_the_hosts_resolver_does_not_know_the_cluster() -> None:
    async with a_client(an_app(Elsewhere().ask)) as client:
        document = await _resolve(client, "ent.default.svc.cluster.local.", pod="default/stranger")
    assert document["status"] == "NXDOMAIN"


async def test_a_pod_knows_its_own_name_without_a_query(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "dual", pod="default/dual")
    assert document["addresses"] == ["fd00::9", "10.244.0.9"]
    assert document["queries"] == []


async def test_search_and_ndots_override_what_the_namespace_gives(
    client: httpx.AsyncClient,
) -> None:
    document = await _resolve(client, "db", search="a.test,shop.svc.cluster.local", ndots=1)
    assert document["resolvConf"] == {
        "nameservers": ["10.96.0.10"],
        "search": ["a.test", "shop.svc.cluster.local"],
        "options": {"ndots": 1},
    }
    assert _asked(document)[0] == "db.a.test. A REFUSED search[0] next"


async def test_an_empty_search_list_searches_nothing(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "ent", search="")
    assert {query["from"] for query in document["queries"]} == {"as-is"}


async def test_named_ports_have_srv_records(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "_http._tcp.ent", type="SRV")
    assert document["records"][0]["data"] == "0 100 80 ent.default.svc.cluster.local."
    assert document["service"] == {"namespace": "default", "name": "ent"}
    assert document["addresses"] == []


async def test_an_address_can_be_asked_for_its_name(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "10.96.17.4", type="PTR")
    assert document["records"][0]["name"] == "4.17.96.10.in-addr.arpa."
    assert document["records"][0]["data"] == "ent.default.svc.cluster.local."
    assert document["service"] == {"namespace": "default", "name": "ent"}


async def test_the_schema_version_is_text(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "dns-version.cluster.local.", type="TXT")
    assert document["records"][0]["data"] == '"1.1.0"'


async def test_an_external_name_is_an_alias(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "out", type="CNAME")
    assert document["records"][0]["data"] == "www.example.com."
    assert document["service"] == {"namespace": "default", "name": "out"}


async def test_an_upstream_is_asked_for_what_lies_outside() -> None:
    elsewhere = Elsewhere()
    async with a_client(an_app(elsewhere.ask)) as client:
        document = await _resolve(client, "www.example.com")
    assert document["addresses"] == ["192.0.2.80"]
    assert elsewhere.asked == [("www.example.com.", "A"), ("www.example.com.", "AAAA")]
    assert _asked(document)[-2:] == [
        "www.example.com. A NOERROR as-is hit",
        "www.example.com. AAAA NOERROR as-is hit",
    ]


@pytest.mark.parametrize("type_", ["ADDR", "A", "AAAA"])
@pytest.mark.parametrize("resolver", ["glibc", "musl", "musl-1.2.3", "go", "c-ares"])
async def test_an_external_name_that_cannot_be_followed_exists_without_addresses(
    client: httpx.AsyncClient, resolver: str, type_: str
) -> None:
    name = "out.default.svc.cluster.local."
    one = await _resolve(client, name, type=type_, resolver=resolver)
    question = {"name": name, "type": type_, "resolver": resolver}
    response = await client.post("/resolve", json={"questions": [question]})
    (many,) = response.json()["resolutions"]
    for document in (one, many):
        # The server answers NOERROR with the alias alone, so no resolver may answer otherwise.
        assert {query["rcode"] for query in document["queries"]} == {"NOERROR"}
        assert {query["answers"] for query in document["queries"]} == {1}
        assert (document["status"], document["addresses"]) == ("NODATA", [])


async def test_an_external_name_is_followed_upstream() -> None:
    async with a_client(an_app(Elsewhere().ask)) as client:
        document = await _resolve(client, "out")
    assert document["addresses"] == ["192.0.2.80"]
    assert document["canonicalName"] == "www.example.com."
    assert document["service"] == {"namespace": "default", "name": "out"}
    assert [record["type"] for record in document["records"]] == ["CNAME", "A"]


async def test_an_upstream_is_asked_the_same_question_once() -> None:
    elsewhere = Elsewhere()
    async with a_client(an_app(elsewhere.ask)) as client:
        document = await _resolve(client, "broken.example.", type="A")
    assert document["status"] == "SERVFAIL"
    assert len(document["queries"]) == 2
    assert elsewhere.asked == [("broken.example.", "A")]


async def test_an_explanation_shows_endpoints_advice_and_how_each_query_went(
    client: httpx.AsyncClient,
) -> None:
    document = await _resolve(client, "ent.default.svc.cluster.local", explain=True)
    assert document["endpoints"] == [
        {
            "address": "10.244.1.5",
            "port": 8080,
            "portName": "http",
            "protocol": "TCP",
            "node": "n1",
            "zone": "z1",
            "conditions": {"ready": True, "serving": True, "terminating": False},
        },
        {
            "address": "10.244.1.6",
            "port": 8080,
            "portName": "http",
            "protocol": "TCP",
            "conditions": {"ready": False, "serving": False, "terminating": False},
        },
    ]
    assert document["advice"][0]["code"] == "L5"
    assert "trailing dot" in document["advice"][0]["message"]
    assert document["queries"][0]["nameserver"] == "10.96.0.10"
    assert document["queries"][0]["transport"] == "udp"


async def test_an_explained_failure_gives_the_librarys_own_word(client: httpx.AsyncClient) -> None:
    document = await _resolve(client, "nope.cluster.local.", explain=True, resolver="c-ares")
    assert document["error"] == "ARES_ENOTFOUND"
    assert document["endpoints"] == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 2000}, "name"),
        ({"name": "ent", "type": "MX"}, "type"),
        ({"name": "ent", "resolver": "windows"}, "resolver"),
        ({"name": "ent", "ndots": "-1"}, "ndots"),
        ({"name": "ent", "pod": "no-slash"}, "pod"),
        ({"name": "ent", "pod": "a/b/c"}, "pod"),
    ],
)
async def test_a_question_that_cannot_be_read_names_its_field(
    client: httpx.AsyncClient, params: dict[str, str], field: str
) -> None:
    response = await client.get("/resolve", params=params)
    assert response.status_code == 400
    assert response.json()["details"]["causes"][0]["field"] == field


async def test_a_missing_pod_is_not_found(client: httpx.AsyncClient) -> None:
    response = await client.get("/resolve", params={"name": "ent", "pod": "default/gone"})
    assert response.status_code == 404
    assert response.json()["details"] == {"name": "gone", "kind": "pods", "causes": []}


async def test_a_batch_is_answered_in_order(client: httpx.AsyncClient) -> None:
    questions = [
        {"name": "ent", "type": "a"},
        {"name": "db", "namespace": "shop", "resolver": "go"},
        {"name": "nope", "explain": True},
    ]
    response = await client.post("/resolve", json={"questions": questions})
    assert response.status_code == 200
    ResolutionBatch.model_validate(response.json())
    resolutions = response.json()["resolutions"]
    assert [found["name"] for found in resolutions] == ["ent", "db", "nope"]
    assert [found["resolver"] for found in resolutions] == ["glibc", "go", "glibc"]
    assert "advice" in resolutions[2]


async def test_a_batch_may_be_yaml(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/resolve",
        content="questions:\n- name: ent\n",
        headers={"content-type": "application/yaml"},
    )
    assert response.json()["resolutions"][0]["status"] == "NOERROR"


async def test_a_batch_is_bounded(client: httpx.AsyncClient) -> None:
    response = await client.post("/resolve", json={"questions": [{"name": "ent"}] * 257})
    assert response.status_code == 400


async def test_search_domains_of_a_batch_may_be_a_list(client: httpx.AsyncClient) -> None:
    listed = {"name": "ent", "search": ["a.example", "b.example,c.example"]}
    response = await client.post("/resolve", json={"questions": [listed]})
    (resolution,) = response.json()["resolutions"]
    assert resolution["resolvConf"]["search"] == ["a.example", "b.example", "c.example"]


async def test_an_invalid_question_is_named_by_its_index(client: httpx.AsyncClient) -> None:
    response = await client.post("/resolve", json={"questions": [{"name": "ent"}, {"type": "A"}]})
    assert response.status_code == 400
    assert response.json()["details"]["causes"][0]["field"] == "questions[1].name"


async def test_a_namespace_has_a_resolv_conf(client: httpx.AsyncClient) -> None:
    response = await client.get("/namespaces/shop/resolv.conf")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == (
        "search shop.svc.cluster.local svc.cluster.local cluster.local\n"
        "nameserver 10.96.0.10\n"
        "options ndots:5\n"
    )


async def test_host_domains_come_after_those_of_the_cluster() -> None:
    async with a_client(an_app(host_search=["corp.example"])) as client:
        response = await client.get("/namespaces/default/resolv.conf")
    assert response.text.splitlines()[0].endswith("cluster.local corp.example")


async def test_a_pod_has_a_resolv_conf(client: httpx.AsyncClient) -> None:
    response = await client.get("/pods/default/own/resolv.conf")
    assert response.text == (
        "search shop.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:2\n"
    )


async def test_entries_left_out_of_a_resolv_conf_give_a_warning(client: httpx.AsyncClient) -> None:
    response = await client.get("/pods/default/greedy/resolv.conf")
    assert response.text.count("nameserver") == 3
    assert "first 3 nameservers" in response.headers["warning"]


@pytest.mark.parametrize("path", ["/namespaces/gone/resolv.conf", "/pods/shop/gone/resolv.conf"])
async def test_a_missing_object_has_no_resolv_conf(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["kind"] == "Status"
