"""The whole path through a real process: a manifest in, a name and an address out."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import dns.rcode
import pytest

from tests.end_to_end.processes import Serving, serving
from tests.end_to_end.questions import asked, texts

pytestmark = pytest.mark.end_to_end

ENT = Path(__file__).parents[2] / "examples" / "ent.yaml"
BOUTIQUE = Path(__file__).parents[3] / "shared" / "data" / "online-boutique.yaml"
YAML = {"content-type": "application/yaml"}


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Serving, None]:
    """Run a server that has names of its own, for tests that neither stop nor kill it."""
    async with serving(
        tmp_path_factory.mktemp("serve"),
        allowed_hosts="Registry.example,*.lan",
        allowed_origins="https://registry.example",
    ) as running:
        yield running


async def test_a_posted_service_is_resolved_and_survives_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        applied = await running.client.post("/apply", content=ENT.read_bytes(), headers=YAML)
        assert applied.is_success, applied.text
        service = (await running.client.get("/services/default/ent")).json()
        address = service["spec"]["clusterIP"]
        for tcp in (False, True):
            answer = await asked(running.dns_port, "ent.default.svc.cluster.local.", tcp=tcp)
            assert texts(answer) == [address]
        assert await running.stop() == 0

    async with serving(tmp_path) as running:
        again = (await running.client.get("/services/default/ent")).json()
        assert again == service
        resolved = (await running.client.get("/resolve", params={"name": "ent"})).json()
        assert resolved["addresses"] == [address]


async def test_names_that_do_not_exist_are_told_apart_from_those_without_records(
    served: Serving,
) -> None:
    nothing = await asked(served.dns_port, "nobody.default.svc.cluster.local.")
    no_records = await asked(served.dns_port, "kube-dns.kube-system.svc.cluster.local.", "AAAA")

    assert nothing.rcode() == dns.rcode.NXDOMAIN
    assert no_records.rcode() == dns.rcode.NOERROR
    assert not no_records.answer
    assert all("SOA" in message.authority[0].to_text() for message in (nothing, no_records))


async def test_a_server_answers_to_the_names_it_was_given_and_to_its_own(served: Serving) -> None:
    async def status(host: str, origin: str = "") -> int:
        headers = {"host": host} | ({"origin": origin} if origin else {})
        return (await served.client.post("/heartbeats", headers=headers)).status_code

    unread = 415  # a body would be needed: the request has come through
    for host in (f"{socket.gethostname()}:1", "registry.example", "a.lan", "localhost"):
        assert await status(host) == unread
    for host in ("lan", "registry.example.evil.example", "example"):
        assert await status(host) == 421
    assert await status("registry.example", "https://registry.example") == unread
    assert await status("registry.example", "https://a.lan") == 403


@pytest.mark.skipif(not BOUTIQUE.exists(), reason="the manifests of others are not here")
async def test_manifests_of_others_go_through_as_they_stand(served: Serving) -> None:
    response = await served.client.post("/apply", content=BOUTIQUE.read_bytes(), headers=YAML)

    operations = [result["operation"] for result in response.json()["results"]]
    assert operations.count("created") == 12
    assert operations.count("ignored") == 23


async def test_no_acknowledged_write_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    acknowledged: dict[str, str] = {}
    progress = asyncio.Condition()

    async def keep_writing(running: Serving, writer: int) -> None:
        for number in range(10_000):
            name = f"s-{writer}-{number}"
            manifest = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
            response = await running.client.post("/services", json=manifest)
            if response.is_success:
                acknowledged[name] = response.json()["spec"]["clusterIP"]
                async with progress:
                    progress.notify_all()

    for writer in range(3):
        written = len(acknowledged)
        async with serving(tmp_path) as running:
            writing = [
                asyncio.create_task(keep_writing(running, 10 * writer + lane)) for lane in range(4)
            ]
            async with progress:
                await progress.wait_for(lambda: len(acknowledged) >= written + 50)  # noqa: B023
            await running.kill()
            await asyncio.gather(*writing, return_exceptions=True)

    async with serving(tmp_path) as running:
        stored = (await running.client.get("/services")).json()["items"]
    addresses = {item["metadata"]["name"]: item["spec"]["clusterIP"] for item in stored}
    assert acknowledged.items() <= addresses.items()
    assert len(set(addresses.values())) == len(addresses)
