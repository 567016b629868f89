"""Reads that come again: which routes let their answers be kept, and that nothing else differs."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from functools import cache

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from app.api import application
from app.api.dependencies import Registry
from app.api.http.guard import Trusted
from app.api.http.kept_answers import KeptAnswers
from app.main import VERSION
from app.registry.writes import lifecycle
from app.schemas.authorities import HostNames
from app.schemas.objects.wires import WIRES
from tests.api.access.guarded import Wire, a_namespace, a_node, a_pod, a_service
from tests.api.sockets import Answer, Client, serving
from tests.domain.access.vectors import decoded
from tests.registries import a_registry


@dataclass
class Served:
    """An application behind a server that keeps answers, and how often it was asked."""

    registry: Registry
    app: FastAPI
    trusted: Trusted
    client: Client = field(init=False)
    asked: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application."""
        self.asked += scope["type"] == "http"
        await self.app(scope, receive, send)

    async def get(self, path: str, *lines: str, host: str = "localhost") -> Answer:
        """Ask for a path."""
        head = (f"GET {path} HTTP/1.1", f"Host: {host}", *lines, "", "")
        return await self.client.ask("\r\n".join(head).encode())

    async def asks(self, path: str, *lines: str, times: int = 2) -> int:
        """Ask several times, with the same answer each time; gives how often that was passed on."""
        before = self.asked
        answers = [await self.get(path, *lines) for _ in range(times)]
        assert answers == [answers[0]] * times
        return self.asked - before

    async def create(self, document: Wire) -> None:
        """Register an object."""
        draft = decoded(document)
        await self.registry.writer.write(lambda work: lifecycle.create(work, draft))

    def counted(self, name: str, path: str, **labels: str) -> float:
        """Read a counter of requests."""
        every = {"method": "GET", "path": path, **labels}
        return self.registry.metrics.get_sample_value(f"waypost_http_{name}", every) or 0


def served_by(registry: Registry) -> Served:
    app, trusted = an_application()
    app.state.registry, trusted.hosts = registry, HostNames()
    return Served(registry, app, trusted)


@cache
def an_application() -> tuple[FastAPI, Trusted]:
    """Build the application once: building its routes takes longer than a test."""
    trusted = Trusted()
    return application.build(version=VERSION, trusted=trusted), trusted


@pytest.fixture
async def served(database_url: str) -> AsyncGenerator[Served, None]:
    async with a_registry(database_url) as registry:
        made = served_by(replace(registry, metrics=CollectorRegistry()))
        async with serving(made, kept=KeptAnswers(registry.view)) as port, Client(port) as client:
            made.client = client
            pod = a_pod("a")
            pod["metadata"]["labels"] = {"app": "x"}
            web = a_service("web")
            web["spec"]["selector"] = {"app": "x"}
            for each in (a_namespace("prod"), web, pod, a_node("n1")):
                await made.create(each)
            yield made


KEPT_KINDS = {"Service", "Pod", "Node", "Namespace", "EndpointSlice", "ServiceCIDR"}


async def test_objects_of_every_kind_are_asked_for_once(served: Served) -> None:
    seen: set[str] = set()
    for wire in WIRES:
        kind = wire.resource
        if kind.is_internal:
            continue
        for item in json.loads((await served.get(f"/{kind.plural}")).body)["items"][:1]:
            meta = item["metadata"]
            path = "/".join(filter(None, ("", kind.plural, meta.get("namespace"), meta["name"])))
            path = f"/{path.lstrip('/')}"
            assert await served.asks(path) == 1, path
            tag = f'If-None-Match: "{meta["resourceVersion"]}"'
            assert await served.asks(path, tag) == 1, path
            assert (await served.get(path, tag)).status == 304
            seen.add(kind.name)
    assert seen >= KEPT_KINDS


async def test_an_object_is_asked_for_again_once_it_has_changed(served: Served) -> None:
    path = "/services/prod/web"
    await served.get(path)
    await served.create(a_service("other"))
    assert await served.asks(path) == 0
    found = served.registry.view.snapshot.services
    web = next(each for key, each in found.items() if key.name == "web")
    await served.registry.writer.write(
        lambda work: lifecycle.put(work, replace(web, publish_not_ready_addresses=True))
    )
    assert await served.asks(path) == 1
    assert b'"publishNotReadyAddresses":true' in (await served.get(path)).body


@pytest.mark.parametrize("query", ["", "&explain=true", "&type=SRV", "&pod=prod/a"])
async def test_a_resolution_is_asked_for_once_and_shows_the_present_revision(
    served: Served, query: str
) -> None:
    path = f"/resolve?name=web&namespace=prod{query}"
    assert await served.asks(path) == 1
    await served.create(a_service("other"))
    assert await served.asks(path) == 0
    shown = json.loads((await served.get(path)).body)["resourceVersion"]
    assert shown == str(served.registry.view.snapshot.revision)


@pytest.mark.parametrize("mode", ["ipvs", "nftables"])
async def test_rules_that_a_node_has_are_asked_for_once_a_revision(
    served: Served, mode: str
) -> None:
    path = f"/nodes/n1/{mode}"
    for number in range(2):
        tag = (await served.get(path)).field("etag")
        assert await served.asks(path, f"If-None-Match: {tag}") == 1
        assert (await served.get(path, f"If-None-Match: {tag}")).status == 304
        await served.create(a_service(f"other-{number}"))
        assert (await served.get(path, f"If-None-Match: {tag}")).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/services",
        "/services/prod/none",
        "/resolve?name=cluster.local.&type=TXT",
        "/resolve",
        "/nodes/n1/ipvs",
        "/livez",
        "/clusterips",
        "/services/prod/web/explain",
    ],
)
async def test_these_are_asked_for_each_time(served: Served, path: str) -> None:
    assert await served.asks(path) == 2


async def test_kept_answers_are_counted_as_all_are(served: Served) -> None:
    path = "/services/{namespace}/{name}"
    await served.asks("/services/prod/web", times=3)
    await served.asks("/resolve?name=web&namespace=prod", times=4)
    assert served.counted("requests_total", path, code="200") == 3
    assert served.counted("request_duration_seconds_count", path, status="2xx") == 3
    assert served.counted("requests_total", "/resolve", code="200") == 4
    assert served.counted("request_duration_seconds_count", "/resolve", status="2xx") == 4


async def test_names_of_the_server_that_are_reloaded_decide_at_once(served: Served) -> None:
    path, name = "/services/prod/web", "waypost.example"
    assert (await served.get(path, host=name)).status == 421
    served.trusted.hosts = HostNames.of((name,))
    assert [(await served.get(path, host=name)).status for _ in range(2)] == [200, 200]
    served.trusted.hosts = HostNames()
    assert (await served.get(path, host=name)).status == 421


async def test_a_compressed_resolution_is_of_its_revision_alone(served: Served) -> None:
    search = ",".join(f"n{number}.svc.cluster.local" for number in range(4))
    path = f"/resolve?name=web.prod&search={search},svc.cluster.local&explain=true&ndots=5"
    line = "Accept-Encoding: gzip"
    assert (await served.get(path, line)).field("content-encoding") == "gzip"
    assert await served.asks(path, line) == 0
    await served.create(a_service("other"))
    assert await served.asks(path, line) == 1
