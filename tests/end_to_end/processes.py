"""Real processes on real sockets: started, asked, killed and started again."""

import asyncio
import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import httpx

from app.store.keeping import embedded, migrations
from tests.databases import connected

READY_S_MAX = 60.0  # a loaded machine takes its time; nothing is measured here
POLL_S = 0.05
LOG_SHOWN_MAX = 4_000  # characters of what a process said before it ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is started, and in which folder."""

    command: tuple[str, ...]
    folder: Path


CHECKOUT = Program(command=(sys.executable, "-m", "app"), folder=Path(__file__).parents[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A running ``waypost serve``, or ``waypost dns`` whose API is its health alone."""

    process: asyncio.subprocess.Process
    api_port: int
    dns_port: int
    client: httpx.AsyncClient
    log: Path

    async def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Ask it to end; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


def free_port() -> int:
    """Find a TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def serving(
    folder: Path,
    *words: str,
    program: Program = CHECKOUT,
    ready_s_max: float = READY_S_MAX,
    **settings: str,
) -> AsyncGenerator[Serving, None]:
    """Run ``waypost serve`` with its state in ``folder``, ready, until the block ends."""
    ports = {"WAYPOST_API_PORT": str(free_port()), "WAYPOST_DNS_PORT": str(free_port())}
    given = {**ports, **{f"WAYPOST_{name.upper()}": value for name, value in settings.items()}}
    process = await started(folder, ["serve", *words], given, program=program)
    port = int(given["WAYPOST_API_PORT"])
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        running = Serving(
            process=process,
            api_port=port,
            dns_port=int(given["WAYPOST_DNS_PORT"]),
            client=client,
            log=folder / "log",
        )
        try:
            await until_ready(running, within_s=ready_s_max)
            yield running
        finally:
            if process.returncode is None:
                await running.stop()


@asynccontextmanager
async def replicating(folder: Path, *urls: str, **settings: str) -> AsyncGenerator[Serving, None]:
    """Run ``waypost dns`` for the length of the block; it need not be ready, or ever be."""
    ports = {"WAYPOST_DNS_METRICS_PORT": str(free_port()), "WAYPOST_DNS_PORT": str(free_port())}
    given = {f"WAYPOST_{name.upper()}": value for name, value in settings.items()}
    process = await started(folder, ["dns", "--api", ",".join(urls)], {**ports, **given})
    port = int(ports["WAYPOST_DNS_METRICS_PORT"])
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        running = Serving(
            process=process,
            api_port=port,
            dns_port=int(ports["WAYPOST_DNS_PORT"]),
            client=client,
            log=folder / "log",
        )
        try:
            await until_listening(running)
            yield running
        finally:
            if process.returncode is None:
                await running.stop()


async def started(
    folder: Path, words: list[str], settings: Mapping[str, str], *, program: Program = CHECKOUT
) -> asyncio.subprocess.Process:
    """Start a Waypost command whose embedded database, if any, lies in ``folder``.

    A new one is a copy of one that was just made: to make it costs a second of a processor.
    """
    if "WAYPOST_DATABASE_URL" not in settings and not (folder / "state").exists():
        await asyncio.to_thread(_copy_new_database, folder / "state" / "postgres")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WAYPOST_")},
        "WAYPOST_DATA_DIR": str(folder / "state"),
        **settings,
    }
    with log_of(folder) as log:
        return await asyncio.create_subprocess_exec(
            *program.command,
            *words,
            cwd=program.folder,
            env=environment,
            stdout=log,
            stderr=log,
        )


@cache
def _new_database() -> Path:
    """Make a database without objects, once a process; it is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="waypost-new-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = embedded.start(folder / "postgres")
    asyncio.run(_migrate(server.url))
    server.stop()
    return folder / "postgres"


async def _migrate(url: str) -> None:
    async with connected(url) as engine:
        await migrations.migrate(engine)


def _copy_new_database(folder: Path) -> None:
    """Copy it with its owner, who need not be the user of the tests."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", _new_database(), folder], check=True)  # noqa: S607


def log_of(folder: Path) -> BinaryIO:
    """Open what the processes of a folder say, to be added to."""
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "log").open("ab")


async def until_listening(running: Serving) -> None:
    """Wait until the process answers at all; fails when it ends instead."""
    await _until_answers(running, "/livez", READY_S_MAX)


async def until_ready(running: Serving, *, within_s: float = READY_S_MAX) -> None:
    """Wait until the process answers ``/readyz``; fails when it ends instead."""
    await _until_answers(running, "/readyz", within_s)


async def _until_answers(running: Serving, path: str, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while True:
            assert running.process.returncode is None, running.log.read_text()[-LOG_SHOWN_MAX:]
            try:
                if (await running.client.get(path)).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(POLL_S)
