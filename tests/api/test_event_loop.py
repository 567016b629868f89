"""No single request blocks the event loop while it is read, decided or answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx
import pytest

from app.api import application
from app.domain.work import Work
from app.main import VERSION
from app.registry.ports import Writer
from app.store.batch import AT_ONCE_MAX
from tests.registries import a_client, a_registry

Wire = dict[str, Any]
T = TypeVar("T")
PORTS = [{"port": 80}]
PODS = 400  # of a body
ITERATIONS_MIN = 10  # of the event loop during such a request; blocking, it would be one


class Weighing:
    """A writer that records the reach of each decision, and delegates to another writer."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.reaches: list[int] = []

    async def write(
        self, decide: Callable[[Work], T], *, dry_run: bool = False, reach: int = 1
    ) -> T:
        self.reaches.append(reach)
        return await self._writer.write(decide, dry_run=dry_run, reach=reach)

    def would_change(self, decide: Callable[[Work], object]) -> bool:
        return self._writer.would_change(decide)


@dataclass(frozen=True, slots=True)
class API:
    client: httpx.AsyncClient
    reaches: list[int]


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[API]:
    app = application.build(version=VERSION)
    async with a_registry(database_url) as registry, a_client(app) as client:
        weighing = Weighing(registry.writer)
        app.state.registry = replace(registry, writer=weighing)
        yield API(client, weighing.reaches)


def a_list(*items: Wire) -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()


def a_pod(number: int, **labels: str) -> Wire:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p{number}", "labels": {"app": f"a{number % 20}", **labels}},
        "status": {"podIPs": [{"ip": f"10.244.{number // 250}.{number % 250 + 1}"}]},
    }


def a_service(number: int) -> Wire:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"s{number}"},
        "spec": {"selector": {"app": f"a{number}"}, "ports": PORTS},
    }


LONG: Wire = {"metadata": {"name": "x", "labels": {"a": "b" * 4_000_000}}}
NESTED: Wire = {"kind": "List", "items": [{}]}
RENDERED: Wire = {
    "node": {"metadata": {"name": "n1"}},
    "services": [
        {"metadata": {"name": f"s{n}"}, "spec": {"clusterIP": f"10.96.1.{n}", "ports": PORTS}}
        for n in range(1, 250)
    ],
}


async def iterations_of(request: "asyncio.Task[httpx.Response]") -> tuple[int, httpx.Response]:
    iterations = 0
    while not request.done():
        iterations += 1
        await asyncio.sleep(0)
    return iterations, request.result()


@pytest.mark.parametrize(
    ("path", "body", "media"),
    [
        ("/apply", b"a: &a {x: 1}\nb: [" + b"*a, " * 20_000 + b"]", "application/yaml"),
        ("/apply", a_list(*[NESTED] * 5_000), "application/json"),
        ("/apply", b'{"kind": "Pod", "apiVersion": "v1", "x": [' + b"1," * 40_000 + b"1]}", ""),
        (
            "/services",
            json.dumps(LONG),
            "",
        ),
        ("/render", json.dumps(RENDERED).encode(), "application/json"),
    ],
    ids=["aliases", "nested lists", "numbers", "a long text", "render"],
)
async def test_reading_odd_bodies_yields_to_the_event_loop(
    api: API, path: str, body: bytes, media: str
) -> None:
    headers = {"content-type": media or "application/json"}
    sending = api.client.post(path, content=body, headers=headers)
    iterations, answer = await iterations_of(asyncio.ensure_future(sending))
    assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
    assert iterations > ITERATIONS_MIN


@pytest.mark.parametrize("path", ["/openapi.json", "/"])
async def test_the_document_is_derived_beside_the_event_loop(api: API, path: str) -> None:
    iterations, answer = await iterations_of(asyncio.ensure_future(api.client.get(path)))
    assert answer.is_success
    assert iterations > ITERATIONS_MIN
    again, _ = await iterations_of(asyncio.ensure_future(api.client.get(path)))
    assert again < iterations, "it is kept"


async def reaches(
    api: API, method: str, path: str, body: bytes, media: str = "application/json"
) -> int:
    """Send a request that must succeed; gives the largest reach of its decisions."""
    api.reaches.clear()
    answer = await api.client.request(method, path, content=body, headers={"content-type": media})
    assert answer.is_success, answer.text
    return max(api.reaches)


async def test_many_objects_are_decided_in_a_thread(api: API) -> None:
    services = [a_service(number) for number in range(20)]
    body = a_list(*services, *map(a_pod, range(PODS)))
    assert await reaches(api, "POST", "/apply?dryRun=All", body) > AT_ONCE_MAX
    assert await reaches(api, "POST", "/apply", body) > AT_ONCE_MAX
    assert await reaches(api, "POST", "/apply", a_list(a_service(1))) <= AT_ONCE_MAX
    pruned = "/apply?prune=true&labelSelector=app"
    assert await reaches(api, "POST", pruned, a_list(a_service(1))) > AT_ONCE_MAX


async def test_one_object_that_changes_many_is_decided_in_a_thread(api: API) -> None:
    body = a_list(*(a_pod(number, all="y") for number in range(PODS)))
    assert await reaches(api, "POST", "/apply", body) > AT_ONCE_MAX
    service = {"metadata": {"name": "all"}, "spec": {"selector": {"all": "y"}, "ports": PORTS}}
    patch = json.dumps({"spec": {"publishNotReadyAddresses": True}}).encode()
    merge = "application/merge-patch+json"
    assert await reaches(api, "POST", "/services", json.dumps(service).encode()) > AT_ONCE_MAX
    assert await reaches(api, "PATCH", "/services/default/all", patch, merge) > AT_ONCE_MAX
    assert await reaches(api, "DELETE", "/services/default/all", b"") > AT_ONCE_MAX
    assert await reaches(api, "DELETE", "/pods/default/p1", b"") <= AT_ONCE_MAX


async def test_a_service_of_few_pods_is_decided_at_once_among_many_others(api: API) -> None:
    body = a_list(*(a_pod(number) for number in range(PODS)))
    assert await reaches(api, "POST", "/apply", body) > AT_ONCE_MAX
    few = json.dumps(a_service(1)).encode()
    assert await reaches(api, "POST", "/services", few) <= AT_ONCE_MAX
    assert await reaches(api, "PUT", "/services/default/s1", few) <= AT_ONCE_MAX


async def test_a_large_object_is_decided_in_a_thread(api: API) -> None:
    large = {"metadata": {"name": "large", "annotations": {"a": "b" * 200_000}}}
    body = json.dumps(large).encode()
    assert await reaches(api, "POST", "/namespaces", body) > AT_ONCE_MAX
    applied = json.dumps({"apiVersion": "v1", "kind": "Namespace", **large}).encode()
    assert await reaches(api, "POST", "/apply", applied) > AT_ONCE_MAX
