"""Requests are counted by the path of their route, whatever layer answers them."""

import httpx
import pytest

from app.api.http.limits import Limits
from app.telemetry.bounds import Bound, refusals
from tests.registries import an_api


async def samples(api: httpx.AsyncClient) -> dict[str, float]:
    lines = (await api.get("/metrics")).text.splitlines()
    found = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in found}


def requests(method: str, path: str, code: int) -> str:
    return f'waypost_http_requests_total{{code="{code}",method="{method}",path="{path}"}}'


async def test_a_request_counts_for_the_path_of_its_route(api: httpx.AsyncClient) -> None:
    await api.get("/services/default/one")
    await api.get("/services/default/two")
    await api.head("/services")
    await api.get("/nowhere")
    found = await samples(api)
    assert found[requests("GET", "/services/{namespace}/{name}", 404)] == 2
    assert found[requests("HEAD", "/services", 200)] == 1
    assert found[requests("GET", "unknown", 404)] == 1
    durations = "waypost_http_request_duration_seconds_count"
    place = 'method="GET",path="/services/{namespace}/{name}",status="4xx"'
    assert found[f"{durations}{{{place}}}"] == 2


async def test_a_request_that_a_layer_refuses_counts_for_its_route_too(
    api: httpx.AsyncClient,
) -> None:
    assert (await api.get("/services?nmspace=a")).status_code == 400
    assert (await api.get("/services", headers={"host": "evil.example"})).status_code == 421
    found = await samples(api)
    assert found[requests("GET", "/services", 400)] == 1
    assert found[requests("GET", "/services", 421)] == 1


async def test_the_body_that_is_too_large_counts_for_its_bound(api: httpx.AsyncClient) -> None:
    before = refusals[Bound.BODY]
    length = {"content-length": str(Limits().body_bytes_max + 1)}
    answer = await api.post("/services", content=b"{}", headers=length)
    assert answer.status_code == 413
    assert refusals[Bound.BODY] == before + 1
    shown = await samples(api)
    assert shown['waypost_bound_refusals_total{bound="body_octets"}'] == before + 1


@pytest.mark.parametrize("bound", ["connections", "requests", "watchers", "writes_queued"])
async def test_a_bound_of_a_number_shows_its_use_and_its_limit(
    api: httpx.AsyncClient, bound: str
) -> None:
    found = await samples(api)
    label = f'{{bound="{bound}"}}'
    assert 0 <= found[f"waypost_bound_in_use{label}"] < found[f"waypost_bound_limit{label}"]


async def test_a_scraper_that_accepts_openmetrics_gets_it(api: httpx.AsyncClient) -> None:
    answer = await api.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")


async def test_a_watch_whose_time_is_up_ended_by_that(database_url: str) -> None:
    async with an_api(database_url) as api:
        await api.get("/watch?timeoutSeconds=1")
        found = await samples(api)
    assert found['waypost_watch_ends_total{reason="timeout"}'] == 1
    assert found["waypost_watch_events_total"] >= 2  # the two Namespaces that there always are
