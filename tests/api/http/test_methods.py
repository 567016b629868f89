"""HEAD, OPTIONS and Allow, common to all paths."""

import httpx
import pytest

from app.api import application
from app.api.http.methods import SHOWN_CHARACTERS_MAX
from app.main import VERSION
from tests.api.objects.test_collections import created
from tests.api.sockets import said, serving, status_of
from tests.registries import a_registry


@pytest.mark.parametrize(
    "path",
    ["/services", "/services/default/ent", "/services/default/nothing", "/version", "/nowhere"],
)
async def test_head_is_get_without_the_body(api: httpx.AsyncClient, path: str) -> None:
    await created(api, "ent")
    whole, head = await api.get(path), await api.head(path)
    assert head.status_code == whole.status_code
    assert head.headers == whole.headers
    assert head.content == b""


@pytest.mark.parametrize("path", ["/services?watch=true", "/watch?kinds=Service"])
async def test_head_of_a_stream_ends_with_its_headers(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.head(path, timeout=5)
    assert answer.status_code == httpx.codes.OK
    assert answer.headers["content-type"].startswith("application/x-ndjson")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/services", "GET, HEAD, OPTIONS, POST"),
        ("/services/default/ent", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/nodes/n1", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/pods/default/ent-1/heartbeat", "OPTIONS, POST"),
        ("/resolve", "GET, HEAD, OPTIONS, POST"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
    ],
)
async def test_allow_lists_all_methods_of_a_path(
    api: httpx.AsyncClient, path: str, methods: str
) -> None:
    options = await api.options(path)
    assert (options.status_code, options.headers["allow"]) == (httpx.codes.NO_CONTENT, methods)
    refused = await api.request("TRACE", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, methods)
    assert (refused.json()["kind"], refused.json()["reason"]) == ("Status", "MethodNotAllowed")
    assert refused.json()["message"] == f'the path "{path}" has no TRACE: it has {methods}'


async def test_options_of_the_server_lists_all_methods(database_url: str) -> None:
    app = application.build(version=VERSION)
    async with a_registry(database_url) as registry:
        app.state.registry = registry
        async with serving(app) as port:
            head = b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            answer = await said(port, head)
    assert status_of(answer) == httpx.codes.NO_CONTENT
    assert b"\r\nallow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\n" in answer


async def test_head_is_refused_where_there_is_no_get(api: httpx.AsyncClient) -> None:
    answer = await api.head("/apply")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
    assert answer.content == b""


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/services/", 'did you mean "/services"?'),
        ("/services/default/ent/", 'did you mean "/services/default/ent"?'),
        ("/docs/", 'did you mean "/docs"?'),
        ("/service", 'did you mean "/services"?'),
        ("/Services", 'did you mean "/services"?'),
        ("/service/default/ent", 'did you mean "/services"?'),
        ("/services/default", 'did you mean "/services"?'),
        ("/nowhere", "GET / lists the paths"),
        ("/api/v1/services", "GET / lists the paths"),
        ("/\u00e4", "GET / lists the paths"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_an_unknown_path_is_refused_with_the_one_that_was_probably_meant(
    api: httpx.AsyncClient, method: str, path: str, hint: str
) -> None:
    answer = await api.request(method, path)
    status = answer.json()
    assert (answer.status_code, status["kind"], status["reason"]) == (404, "Status", "NotFound")
    assert status["message"] == f'there is no path "{path}": {hint}'


async def test_a_long_path_is_cut_in_a_refusal(api: httpx.AsyncClient) -> None:
    answer = await api.get("/" + "x" * 5_000)
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert len(answer.json()["message"]) < SHOWN_CHARACTERS_MAX + 50


async def test_a_refusal_is_in_the_form_that_the_client_accepts(api: httpx.AsyncClient) -> None:
    for method, path in (("GET", "/nowhere"), ("PUT", "/services")):
        answer = await api.request(method, path, headers={"Accept": "application/yaml"})
        assert answer.text.startswith("kind: Status\n")


async def test_an_unknown_path_has_no_methods(api: httpx.AsyncClient) -> None:
    answer = await api.options("/nowhere")
    assert (answer.status_code, answer.json()["reason"]) == (404, "NotFound")


async def test_head_requests_are_counted_by_route(api: httpx.AsyncClient) -> None:
    await api.head("/services/default/nothing")
    counted = (await api.get("/metrics")).text
    assert 'method="HEAD",path="/services/{namespace}/{name}"' in counted
