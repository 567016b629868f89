"""Two hundred holders of leases fall silent at once, and a process dies with its own."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.processes import Serving, serving
from tests.waiting import eventually

pytestmark = pytest.mark.end_to_end

HOLDERS = 200
LEASE_S = 3
BEAT_S = 0.3
WITHIN_S = 60.0  # a loaded machine; what matters is the order of what happens


def manifests() -> dict[str, Any]:
    """A Service that is guarded, one of the same Pods' neighbours that is not, and the Pods."""
    off = {"waypost/mass-failure-share": "off"}
    items: list[dict[str, Any]] = []
    for name, annotations in (("web", {}), ("off", off)):
        items.append(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "annotations": annotations},
                "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
            }
        )
        items.extend(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"{name}-{number}", "labels": {"app": name}},
                "spec": {"leaseDurationSeconds": LEASE_S},
                "status": {"podIPs": [{"ip": f"10.1.{len(name)}.{number}"}]},
            }
            for number in range(HOLDERS // 2 if name == "off" else HOLDERS)
        )
    return {"apiVersion": "v1", "kind": "List", "items": items}


@asynccontextmanager
async def beating(client: httpx.AsyncClient, names: list[str]) -> AsyncGenerator[None, None]:
    """Send heartbeats of these Pods for the length of the block."""
    body = {"pods": [{"namespace": "default", "name": name} for name in names]}

    async def beat() -> None:
        while True:
            response = await client.post("/heartbeats", json=body)
            assert len(response.json()["renewed"]) == len(names)
            await asyncio.sleep(BEAT_S)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def ready(running: Serving, service: str) -> int:
    query = {"labelSelector": f"kubernetes.io/service-name={service}"}
    slices = (await running.client.get("/endpointslices", params=query)).json()["items"]
    return sum(
        endpoint["conditions"]["ready"] for slice_ in slices for endpoint in slice_["endpoints"]
    )


async def guard(running: Serving) -> str:
    service = (await running.client.get("/services/default/web")).json()
    conditions = service["status"].get("conditions", [])
    return next((c["status"] for c in conditions if c["type"] == "MassFailureGuard"), "")


async def test_two_hundred_that_fall_silent_are_kept_until_they_return(tmp_path: Path) -> None:
    names = [f"web-{number}" for number in range(HOLDERS)]
    async with serving(tmp_path) as running:
        applied = await running.client.post("/apply", json=manifests())
        assert applied.is_success, applied.text

        async def is_guarded() -> bool:
            return await guard(running) == "True"

        async def is_unguarded_lost() -> bool:
            return await ready(running, "off") == 0

        # Nobody sends heartbeats yet: all fall silent at once.
        await eventually(is_guarded, within_s=WITHIN_S)
        await eventually(is_unguarded_lost, within_s=WITHIN_S)
        assert await ready(running, "web") == HOLDERS
        explained = (await running.client.get("/services/default/web/explain")).json()
        metrics = (await running.client.get("/metrics")).text

        async def is_over() -> bool:
            return await guard(running) == "False"

        async with beating(running.client, names):
            await eventually(is_over, within_s=WITHIN_S)
            assert await ready(running, "web") == HOLDERS

            one_silent = names[1:]
        async with beating(running.client, one_silent):

            async def is_one_lost() -> bool:
                return await ready(running, "web") == HOLDERS - 1

            await eventually(is_one_lost, within_s=WITHIN_S)
            assert await guard(running) == "False"

    assert explained["summary"].startswith(
        "The mass-failure guard holds: 200 of 200 ready endpoints missed their heartbeats"
    )
    assert "waypost_mass_failure_guards 1.0" in metrics
    assert "waypost_lapsed_pods 100.0" in metrics


async def test_the_dns_process_is_behind_kube_dns_until_it_ends(tmp_path: Path) -> None:
    async with serving(tmp_path, bootstrap="true") as running:

        async def is_there() -> bool:
            reply = await running.client.get("/services/kube-system/kube-dns/explain")
            return reply.json()["endpointsReady"] == 1

        await eventually(is_there, within_s=WITHIN_S)
        slices = (await running.client.get("/endpointslices?namespace=kube-system")).json()["items"]
        ports = {
            (port["name"], port["port"])
            for slice_ in slices
            for port in slice_["ports"]
            if slice_["endpoints"]
        }
        assert ports == {
            ("dns", running.dns_port),
            ("dns-tcp", running.dns_port),
            ("metrics", running.api_port),
        }
        assert await running.stop() == 0

    async with serving(tmp_path, bootstrap="false") as running:
        pods = (await running.client.get("/pods?namespace=kube-system")).json()["items"]
    assert pods == []
