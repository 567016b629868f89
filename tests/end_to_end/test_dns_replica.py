"""A DNS replica beside the API: it knows nothing first, then the same, and goes on alone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import httpx
import pytest

from tests.dns.client import data_of
from tests.end_to_end.processes import (
    CHECKOUT,
    Program,
    Serving,
    free_port,
    replicating,
    serving,
    started,
    until_ready,
)
from tests.waiting import eventually, until

pytestmark = pytest.mark.end_to_end

NAME = "ent.default.svc.cluster.local."


def manifest(name: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}


def url_of(running: Serving) -> str:
    return f"http://127.0.0.1:{running.api_port}"


async def asked(replica: Serving, name: str = NAME) -> dns.message.Message:
    question = dns.message.make_query(name, "A")
    return await asyncio.to_thread(dns.query.udp, question, "127.0.0.1", 10.0, replica.dns_port)


async def resolves(replica: Serving, name: str) -> bool:
    return bool((await asked(replica, name)).answer)


async def test_a_replica_serves_what_the_api_has_and_goes_on_without_it(tmp_path: Path) -> None:
    port = str(free_port())
    api = f"http://127.0.0.1:{port}"
    async with replicating(tmp_path / "replica", api) as replica:
        assert (await asked(replica)).rcode() == dns.rcode.SERVFAIL
        unready = await replica.client.get("/readyz")
        assert unready.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "has not been loaded" in unready.json()["message"]

        async with serving(tmp_path, api_port=port) as primary:
            created = await primary.client.post("/services", json=manifest("ent"))
            address = created.json()["spec"]["clusterIP"]
            await until_ready(replica)
            await eventually(lambda: resolves(replica, NAME))
            answer = await asked(replica)
            assert data_of(answer.answer) == [address]
            nobody = await asked(replica, "nobody.default.svc.cluster.local.")
            assert nobody.rcode() == dns.rcode.NXDOMAIN
            await primary.kill()

        assert (await asked(replica)).answer == answer.answer
        alone = await replica.client.get("/readyz")
        assert alone.is_success, "a replica without its API still serves"

        async with serving(tmp_path, api_port=port) as primary:
            await primary.client.post("/services", json=manifest("second"))
            await eventually(lambda: resolves(replica, "second.default.svc.cluster.local."))
            noted = (await replica.client.get("/readyz")).json()["checks"][0]["message"]
            assert "is not followed" not in noted

        metrics = (await replica.client.get("/metrics")).text
        assert "coredns_dns_requests_total" in metrics
        assert await replica.stop() == 0


async def test_a_replica_is_behind_kube_dns_while_it_runs(tmp_path: Path) -> None:
    async with serving(tmp_path) as primary:

        async def ports() -> set[int]:
            listed = await primary.client.get(
                "/endpointslices", params={"namespace": "kube-system"}
            )
            slices = [item for item in listed.json()["items"] if item.get("endpoints")]
            return {port["port"] for item in slices for port in item["ports"]}

        async with replicating(tmp_path / "replica", url_of(primary)) as replica:
            await eventually(lambda: _holds(ports, {primary.dns_port, replica.dns_port}))
            assert await replica.stop() == 0
        assert replica.dns_port not in await ports()


async def test_a_replica_in_a_shells_background_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    deaf = ("sh", "-c", 'trap "" INT; exec "$0" "$@"', *CHECKOUT.command)
    program = Program(command=deaf, folder=CHECKOUT.folder)
    settings = {
        "WAYPOST_DNS_METRICS_PORT": str(free_port()),
        "WAYPOST_DNS_PORT": str(free_port()),
    }
    words = ["dns", "--api", f"http://127.0.0.1:{free_port()}"]
    process = await started(tmp_path, words, settings, program=program)
    try:
        await until(lambda: "following" in (tmp_path / "log").read_text())
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()


async def _holds(ports: Callable[[], Awaitable[set[int]]], wanted: set[int]) -> bool:
    return wanted <= await ports()
