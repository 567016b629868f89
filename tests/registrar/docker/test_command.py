"""``waypost registrar docker`` as a process: killed, started again, and ended."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.end_to_end.processes import CHECKOUT, Serving, serving
from tests.registrar.docker.engines import Operating
from tests.waiting import eventually

pytestmark = pytest.mark.end_to_end

LABELS = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
LEASE_S = 2


@pytest.fixture
async def running(tmp_path: Path) -> AsyncGenerator[Serving]:
    async with serving(tmp_path / "server") as running:
        yield running


async def started(folder: Path, *words: str) -> asyncio.subprocess.Process:
    others = {name: value for name, value in os.environ.items() if not name.startswith("WAYPOST_")}
    with (folder / "registrar.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(*CHECKOUT.command, "registrar", "docker", *words),
            cwd=CHECKOUT.folder,
            env=others,
            stdout=log,
            stderr=log,
        )


@asynccontextmanager
async def registrar(
    running: Serving, engine: Operating, folder: Path
) -> AsyncGenerator[asyncio.subprocess.Process]:
    api = f"http://127.0.0.1:{running.api_port}"
    process = await started(
        folder, "--engine", f"unix://{engine.socket}", "--api", api, "--lease", str(LEASE_S)
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def are_ready(running: Serving) -> list[bool]:
    listed = await running.client.get("/endpointslices", params={"namespace": "default"})
    return [
        endpoint["conditions"]["ready"]
        for slice_ in listed.json()["items"]
        if slice_["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
        for endpoint in slice_.get("endpoints") or ()
    ]


async def test_containers_are_endpoints_while_a_registrar_runs(
    running: Serving, operated: Operating, tmp_path: Path
) -> None:
    async def one_is_ready() -> bool:
        return await are_ready(running) == [True]

    async def one_is_not() -> bool:
        return await are_ready(running) == [False]

    await operated.run("shop-web-1", "plain", labels=LABELS)
    async with registrar(running, operated, tmp_path) as first:
        await eventually(one_is_ready)
        first.kill()
        await first.wait()
        await eventually(one_is_not)
    async with registrar(running, operated, tmp_path) as second:
        await eventually(one_is_ready)
        second.terminate()
        assert await second.wait() == 0
    assert len(await are_ready(running)) == 1, "the next one takes it over"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--engine", "/no/such/socket"), "error: /no/such/socket: "),
        (("--engine", "tcp://10.0.0.1:2375"), "is not a Unix socket"),
        (("--name", "No_Name"), "--name"),
        (("--address", "here"), "'here' does not appear to be an IPv4 or IPv6 address"),
        (("--api", "nowhere"), "is not an address such as"),
    ],
    ids=str,
)
async def test_what_cannot_be_right_is_refused(
    tmp_path: Path, words: tuple[str, ...], problem: str
) -> None:
    process = await started(tmp_path, *words)
    assert await process.wait() in (1, 2)
    assert problem in (tmp_path / "registrar.log").read_text()
