"""A registry as large as people have, put in through the API, starts again.

10,000 Services and 100,000 Pods, in bodies of 5,000: a thousand Services or Pods of one
revision are more than was once decoded while a transaction stood idle.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.processes import Serving, serving

SERVICES, PODS = 10_000, 100_000
A_BODY = 5_000
START_S_MAX = 300.0  # a loaded machine; that it starts at all is what is looked for


@pytest.mark.slow
@pytest.mark.end_to_end
@pytest.mark.timeout(1800)
async def test_a_registry_that_was_filled_through_the_api_starts_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        for items in (*bodies(SERVICES, a_service), *bodies(PODS, a_pod)):
            await apply(running, items)
        before = await counts(running)
        assert await running.stop() == 0
    async with serving(tmp_path, ready_s_max=START_S_MAX) as running:
        assert await counts(running) == before
        backend = await running.client.get("/services/default/s-7/explain")
        assert backend.json()["endpointsReady"] == PODS // SERVICES


async def apply(running: Serving, items: list[dict[str, Any]]) -> None:
    body = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    headers = {"content-type": "application/json"}
    answer = await running.client.post("/apply", content=body, headers=headers, timeout=300)
    assert answer.is_success, answer.text[:1_000]


async def counts(running: Serving) -> dict[str, int]:
    """Count what there is, without asking for all of it."""
    found: dict[str, int] = {}
    for plural in ("services", "pods", "endpointslices"):
        page = (await running.client.get(f"/{plural}?namespace=default&limit=1")).json()
        found[plural] = 1 + page["metadata"]["remainingItemCount"]
    return found


def bodies(count: int, make: Any) -> Iterator[list[dict[str, Any]]]:  # noqa: ANN401  a function below
    for first in range(0, count, A_BODY):
        yield [make(number) for number in range(first, min(first + A_BODY, count))]


def a_service(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"s-{number}"},
        "spec": {"selector": {"app": f"s-{number}"}, "ports": [{"port": 80}]},
    }


def a_pod(number: int) -> dict[str, Any]:
    address = f"10.{128 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p-{number}", "labels": {"app": f"s-{number % SERVICES}"}},
        "status": {"podIP": address},
    }
