"""Pages of other origins: those that are listed may read and write, others as without a list.

The laws: an answer names an allowed origin exactly when the request's is listed, never ``*``, and
never asks for credentials of the browser's own; everything else about the answer is the same.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.api import application
from app.api.dependencies import Registry
from app.api.gate import LIMITS
from app.api.http.cross_origin import ANSWER_FIELDS, METHODS, REQUEST_FIELDS
from app.api.http.guard import Trusted
from app.main import VERSION
from app.schemas.authorities import Origin
from tests.api.access.guarded import guarded
from tests.api.objects.test_collections import a_manifest
from tests.registries import a_client, a_registry

PAGE: Final = "https://dashboard.example"
WRITER: Final = "https://writer.example"
OTHERS: Final = ["https://evil.example", "http://dashboard.example", f"{PAGE}:8443", "null", WRITER]
TRUSTED: Final = Trusted(
    origins=frozenset({Origin("https", "writer.example", 443)}),
    readers=frozenset({Origin("https", "dashboard.example", 443), Origin("http", "::1", 8080)}),
)
FROM_PAGE: Final = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}


def asking(method: str, *fields: str, origin: str = PAGE) -> dict[str, str]:
    """The header fields of a preflight."""
    listed = {"Access-Control-Request-Headers": ",".join(fields)} if fields else {}
    wanted = {"Access-Control-Request-Method": method, **listed}
    return {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", **wanted}


def cors_of(answer: httpx.Response) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if name.startswith("access-control")
    }


@asynccontextmanager
async def a_page(registry: Registry) -> AsyncGenerator[httpx.AsyncClient, None]:
    app = application.build(version=VERSION, trusted=TRUSTED, access=registry.access)
    app.state.registry = registry
    async with a_client(app) as client:
        yield client


@pytest.fixture
async def page(database_url: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Talk to a registry that lists an origin."""
    async with a_registry(database_url) as registry, a_page(registry) as client:
        yield client


@pytest.mark.parametrize("origin", [PAGE, "http://[::1]:8080"])
@pytest.mark.parametrize("method", METHODS)
async def test_a_preflight_of_a_listed_origin_is_answered(
    page: httpx.AsyncClient, method: str, origin: str
) -> None:
    answer = await page.options("/services", headers=asking(method, origin=origin))
    assert (answer.status_code, answer.content) == (204, b"")
    found = cors_of(answer)
    assert found["access-control-allow-origin"] == origin
    assert set(METHODS) == set(found["access-control-allow-methods"].split(", "))
    assert set(REQUEST_FIELDS) <= set(found["access-control-allow-headers"].split(", "))
    assert "access-control-allow-credentials" not in found
    assert "Origin" in answer.headers["vary"].split(", ")


async def test_the_fields_that_a_page_sends_are_allowed(page: httpx.AsyncClient) -> None:
    fields = ("authorization", "content-type", "if-match", "if-none-match", "last-event-id")
    answer = await page.options("/services", headers=asking("PUT", *fields))
    assert answer.status_code == httpx.codes.NO_CONTENT


async def test_a_page_on_the_internet_may_reach_a_server_on_loopback(
    page: httpx.AsyncClient,
) -> None:
    wish = {"Access-Control-Request-Private-Network": "true"}
    answer = await page.options("/services", headers={**asking("GET"), **wish})
    assert cors_of(answer)["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize(
    ("wish", "word"),
    [
        (asking("TRACE"), "method"),
        (asking("GET", "x-remote-user"), "headers"),
        (asking("GET", origin=WRITER), "origin"),
    ],
)
async def test_a_preflight_that_asks_for_too_much_is_refused_with_a_status(
    page: httpx.AsyncClient, wish: dict[str, str], word: str
) -> None:
    answer = await page.options("/services", headers=wish)
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
    assert answer.json()["message"] == f"Disallowed CORS {word}"


@pytest.mark.parametrize("origin", [each for each in OTHERS if each != WRITER])
async def test_a_preflight_of_another_origin_is_refused(
    page: httpx.AsyncClient, origin: str
) -> None:
    answer = await page.options("/services", headers=asking("POST", origin=origin))
    assert (answer.status_code, answer.json()["reason"]) == (403, "Forbidden")
    assert cors_of(answer) == {}


async def test_a_listed_page_writes_and_reads(page: httpx.AsyncClient) -> None:
    written = await page.post("/services", json=a_manifest(), headers=FROM_PAGE)
    assert written.status_code == httpx.codes.CREATED
    read = await page.get("/services/default/ent", headers=FROM_PAGE)
    assert read.json() == written.json()
    for answer in (written, read):
        assert cors_of(answer) == {
            "access-control-allow-origin": PAGE,
            "access-control-expose-headers": ", ".join(ANSWER_FIELDS),
        }
        assert "Origin" in answer.headers["vary"].split(", ")
    exposed = {name.lower() for name in ANSWER_FIELDS}
    assert {"etag", "location", "warning", "retry-after"} <= exposed


@pytest.mark.parametrize("origin", OTHERS)
async def test_another_page_cannot_read(page: httpx.AsyncClient, origin: str) -> None:
    answer = await page.get("/services", headers={"Origin": origin})
    assert answer.status_code == httpx.codes.OK
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", [each for each in OTHERS if each != WRITER])
async def test_another_page_cannot_write(page: httpx.AsyncClient, origin: str) -> None:
    answer = await page.post("/services", json=a_manifest(), headers={"Origin": origin})
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert "access-control-allow-origin" not in answer.headers


async def test_a_listed_writer_of_another_site_may_write_and_not_read(
    page: httpx.AsyncClient,
) -> None:
    headers = {**FROM_PAGE, "Origin": WRITER}
    answer = await page.post("/services", json=a_manifest(), headers=headers)
    assert answer.status_code == httpx.codes.CREATED
    assert "access-control-allow-origin" not in answer.headers


async def test_a_program_is_answered_as_without_a_list(page: httpx.AsyncClient) -> None:
    answer = await page.get("/services")
    assert cors_of(answer) == {}
    assert await allowed_methods(page) == "GET, HEAD, OPTIONS, POST"


async def allowed_methods(client: httpx.AsyncClient) -> str:
    """OPTIONS without an origin asks for the methods of a path."""
    return (await client.options("/services")).headers["allow"]


async def test_a_server_without_a_list_answers_no_preflight(api: httpx.AsyncClient) -> None:
    answer = await api.options("/services", headers=asking("GET"))
    assert (answer.status_code, cors_of(answer)) == (403, {})
    assert cors_of(await api.get("/services", headers={"Origin": PAGE})) == {}


async def test_a_page_can_read_what_each_layer_refuses(database_url: str) -> None:
    limits = replace(LIMITS, body_bytes_max=10)
    app = application.build(version=VERSION, trusted=TRUSTED, limits=limits)
    async with a_registry(database_url) as registry, a_client(app) as client:
        app.state.registry = registry
        refused = [
            await client.post("/services", json=a_manifest(), headers=FROM_PAGE),
            await client.get("/services", headers={**FROM_PAGE, "Host": "evil.example"}),
            await client.get("/services?x", headers=FROM_PAGE),
            await client.get("/nowhere", headers=FROM_PAGE),
        ]
    assert [answer.status_code for answer in refused] == [413, 421, 400, 404]
    assert {cors_of(answer)["access-control-allow-origin"] for answer in refused} == {PAGE}


async def test_a_preflight_needs_a_known_host_and_no_credentials(
    database_url: str, tmp_path: Path
) -> None:
    async with guarded(database_url, tmp_path) as place, a_page(place.registry) as client:
        answer = await client.options("/services", headers=asking("GET", "authorization"))
        assert answer.status_code == httpx.codes.NO_CONTENT
        elsewhere = {**asking("GET"), "Host": "evil.example"}
        assert (await client.options("/services", headers=elsewhere)).status_code == 421
        refused = await client.get("/services", headers=FROM_PAGE)
        assert (refused.status_code, cors_of(refused)["access-control-allow-origin"]) == (401, PAGE)
        read = await client.get("/services", headers={**FROM_PAGE, **place.admin})
        assert (read.status_code, cors_of(read)["access-control-allow-origin"]) == (200, PAGE)


async def test_a_page_can_watch(page: httpx.AsyncClient) -> None:
    answer = await page.get("/watch?timeoutSeconds=1", headers=FROM_PAGE)
    assert cors_of(answer)["access-control-allow-origin"] == PAGE
    assert "BOOKMARK" in answer.text
