"""What people reported of other registries, tried here: each case of ``bugs.json``."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import application_of, asking_upstreams
from app.replica import dns_options_of, serving_dns
from tests.dns.upstream_server import upstream_server
from tests.end_to_end.foreign_dns import ByFirstLabel
from tests.end_to_end.processes import POLL_S, READY_S_MAX, free_port, started
from tests.end_to_end.reports import CASES, Server, answers, case_named, differences, prepared
from tests.registries import a_client, a_registry, some_settings

pytestmark = pytest.mark.end_to_end

RANGES = ("10.96.0.0/12", "fd00:10:96::/112")


def says_something(case: Mapping[str, Any]) -> bool:
    """Whether a case is about what a server logs: then it takes a process."""
    return any({"log", "log_absent"} & check.keys() for check in case["expect"]["checks"])


@pytest.mark.parametrize("name", [case["id"] for case in CASES if not says_something(case)])
async def test_what_was_reported_elsewhere_holds_here(name: str, database_url: str) -> None:
    case = case_named(name)
    async with upstream_server(ByFirstLabel()) as upstream:
        config = {
            setting.removeprefix("WAYPOST_").lower(): value.replace(
                "$UPSTREAM", str(upstream.server)
            )
            for setting, value in case.get("config", {}).items()
        }
        async with a_server(database_url, **config) as server:
            await prepared(server, case)
            found = await answers(server, case)
    assert differences(case, found) == []


@pytest.mark.parametrize("name", [case["id"] for case in CASES if says_something(case)])
async def test_what_an_operator_must_know_is_said_at_start(name: str, tmp_path: Path) -> None:
    case = case_named(name)
    text_of_file = tmp_path / "resolv.conf"
    config: dict[str, str] = {}
    for setting, value in case["config"].items():
        source, is_file, text = value.partition("$RESOLV_CONF:")
        if is_file:
            text_of_file.write_text(text)
        config[setting] = f"{source}{text_of_file}" if is_file else value
    if name == "B2-131":  # its ``steps``, in words: the registry was made with another address
        await log_of_a_start(tmp_path, {**config, "WAYPOST_CLUSTER_DNS": "10.43.0.10"})
    assert differences(case, [], log=await log_of_a_start(tmp_path, config)) == []


async def log_of_a_start(folder: Path, config: Mapping[str, str]) -> str:
    """Run ``waypost serve`` until it is ready or has ended; gives what it has said so far."""
    ports = {"WAYPOST_API_PORT": str(free_port()), "WAYPOST_DNS_PORT": "0"}
    process = await started(folder, ["serve"], {**ports, **config})
    url = f"http://127.0.0.1:{ports['WAYPOST_API_PORT']}/readyz"
    async with asyncio.timeout(READY_S_MAX), httpx.AsyncClient() as client:
        # What is waited for is in another process.
        while process.returncode is None and not await answers_at(client, url):  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
    if process.returncode is None:
        process.terminate()
        await process.wait()
    return (folder / "log").read_text()


async def answers_at(client: httpx.AsyncClient, url: str) -> bool:
    """Tell whether anything answers well at a URL."""
    try:
        return (await client.get(url)).is_success
    except httpx.TransportError:
        return False


@asynccontextmanager
async def a_server(url: str, **changes: object) -> AsyncGenerator[Server, None]:
    """Run the API and the DNS in this process, as ``waypost serve`` does with its defaults."""
    given = {"service_cidrs": RANGES, "bootstrap": True, "dns_port": 0, **changes}
    settings = some_settings(url, **given)
    async with (
        a_registry(url, **given) as registry,
        serving_dns(settings, registry.view, dns_options_of(settings)) as dns,
        a_client(application_of(asking_upstreams(registry, dns.forwarder), settings)) as client,
    ):
        yield Server(client=client, dns_port=dns.port)
