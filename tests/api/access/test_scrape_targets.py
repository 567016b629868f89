"""Scrape targets are shown to those who may list what they are made of."""

from typing import Any

import pytest

from tests.api.access.guarded import Guarded, a_binding, a_namespace, a_node, a_pod, a_role, a_rule

SPACES = ("dev", "prod")
SCRAPED = {"prometheus.io/scrape": "true", "prometheus.io/port": "9100"}
MONITORING = "system:monitoring"


@pytest.fixture
async def place(running: Guarded) -> Guarded:
    """That registry with a Pod in two namespaces, and a node, that are to be scraped."""
    await running.forget()
    node = a_node("n1")
    node["metadata"]["annotations"] = SCRAPED
    node["status"] = {"addresses": [{"type": "InternalIP", "address": "10.1.0.1"}]}
    await running.hold(*(a_namespace(name) for name in SPACES), node)
    for number, name in enumerate(SPACES, 1):
        pod = a_pod("p", name, ip=f"10.244.9.{number}")
        pod["metadata"]["annotations"] = SCRAPED
        await running.hold(pod)
    await running.hold(
        a_role("pods", a_rule("list", "pods")), a_role("nodes", a_rule("list", "nodes"))
    )
    return running


async def seen(place: Guarded, headers: dict[str, str]) -> set[str]:
    """Give the addresses that a caller is told, but that of the server."""
    answer = await place.client.get("/prometheus/targets", headers=headers)
    assert answer.status_code == 200, answer.text
    groups: list[dict[str, Any]] = answer.json()
    return {target for group in groups for target in group["targets"]} - {"localhost"}


async def test_nobody_is_told_anything_without_the_right_to_the_path(place: Guarded) -> None:
    answer = await place.client.get("/prometheus/targets", headers=await place.as_("alice"))
    assert answer.status_code == 403
    assert (await place.client.get("/prometheus/targets")).status_code in (401, 403)


async def test_the_right_to_the_path_shows_no_pod(place: Guarded) -> None:
    assert await seen(place, await place.as_("scraper", MONITORING)) == set()


async def test_pods_are_shown_in_the_namespaces_in_which_they_may_be_listed(
    place: Guarded,
) -> None:
    await place.hold(a_binding("pods", "scraper", namespace="dev"))
    assert await seen(place, await place.as_("scraper", MONITORING)) == {"10.244.9.1:9100"}


async def test_who_may_list_everything_is_shown_everything(place: Guarded) -> None:
    await place.hold(a_binding("pods", "scraper"), a_binding("nodes", "scraper"))
    everything = {"10.244.9.1:9100", "10.244.9.2:9100", "10.1.0.1:9100"}
    assert await seen(place, await place.as_("scraper", MONITORING)) == everything
