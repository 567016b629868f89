"""HEAD, OPTIONS and Allow, common to all paths."""

import httpx
import pytest

from tests.api.objects.test_collections import created


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
    assert not refused.is_success


async def test_an_unknown_path_has_no_methods(api: httpx.AsyncClient) -> None:
    answer = await api.options("/nowhere")
    assert (answer.status_code, answer.json()["reason"]) == (404, "NotFound")


async def test_head_requests_are_counted_by_route(api: httpx.AsyncClient) -> None:
    await api.head("/services/default/nothing")
    counted = (await api.get("/metrics")).text
    assert 'method="HEAD",path="/services/{namespace}/{name}"' in counted
