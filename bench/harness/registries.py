"""Registries filled through the API, once a run, and copied for each benchmark.

manifests -> POST /apply -> every name and rule is answered -> the server is stopped
-> its data folder is kept -> a copy of it, served again, for each benchmark
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter

from bench.harness.load import JSON
from bench.harness.names import Names
from bench.harness.processes import PINNED, Used, peak_mb, resident_mb, used
from bench.harness.wire import Size, bodies
from tests.end_to_end.processes import Serving, serving

APPLY_S_MAX = 900.0
READY_S_MAX = 300.0
LEVEL_S, LEVEL_MB, LEVEL_S_MAX = 1.0, 0.2, 30.0
SETTINGS = {"log_level": "warning"}


@dataclass(frozen=True, slots=True)
class Applied:
    """What it took to fill a registry, until every name and rule was answered."""

    seconds: float
    used: Used
    resident_mb: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Registry:
    """A server on its core, with its data."""

    server: Serving
    data: Path
    started_s: float
    """Seconds from the start of the process to its first ``/readyz``."""

    async def apply(self, body: bytes) -> None:
        """Apply a List."""
        answer = await self.server.client.post(
            "/apply", content=body, headers={"content-type": JSON}, timeout=APPLY_S_MAX
        )
        assert answer.is_success, answer.text[:1_000]

    def used(self) -> Used:
        """Read the processor time of the server and its PostgreSQL."""
        return used(self.server.process.pid, self.data)

    def resident_mb(self) -> float:
        """Read what the server holds in memory."""
        return resident_mb(self.server.process.pid)

    async def level_mb(self) -> float:
        """Read what it holds once that stands still: after a start, DNS answers are made ahead."""
        before_mb, now_mb = 0.0, self.resident_mb()
        async with asyncio.timeout(LEVEL_S_MAX):
            while abs(now_mb - before_mb) > LEVEL_MB:
                await asyncio.sleep(LEVEL_S)
                before_mb, now_mb = now_mb, self.resident_mb()
        return now_mb


@dataclass(slots=True)
class Registries:
    """The stopped data folders of a run, by size."""

    folder: Path
    kept: Path | None = None
    """Where data folders are kept beyond the run, if they are to be."""
    applied: dict[Size, Applied] = field(default_factory=dict[Size, Applied])
    say: Callable[[str], None] = print
    _numbers: "count[int]" = field(default_factory=count)

    @asynccontextmanager
    async def empty(self, *words: str, **settings: str) -> AsyncGenerator[Registry]:
        """Serve a new registry until the block ends."""
        async with self._served(self._new_folder(), *words, **settings) as registry:
            yield registry

    @asynccontextmanager
    async def filled(self, size: Size, *words: str, **settings: str) -> AsyncGenerator[Registry]:
        """Serve a copy of a filled registry until the block ends."""
        stored, folder = await self.stored(size), self._new_folder()
        await _copy(stored, folder / "state")
        async with self._served(folder, *words, **settings) as registry:
            yield registry
        shutil.rmtree(folder)

    async def stored(self, size: Size) -> Path:
        """Give the data folder of a filled registry, which is made when there is none yet."""
        path = self._path(size)
        if not path.exists():
            await self.apply(size)
        return path

    async def apply(self, size: Size) -> Applied:
        """Fill an empty registry, and keep its data folder unless there is one."""
        self.say(f"applying {size}")
        sent, folder = list(bodies(size)), self._new_folder()
        async with self._served(folder) as registry:
            taken = await _fill(registry, sent, size)
        self.applied[size] = taken
        self.say(f"applied in {taken.seconds:.1f} s")
        if not self._path(size).exists():
            await _copy(folder / "state", self._path(size))
        shutil.rmtree(folder)
        return taken

    def _path(self, size: Size) -> Path:
        parent = self.kept or self.folder
        return parent / f"registry-{size.services}x{size.pods_each}"

    def _new_folder(self) -> Path:
        return self.folder / str(next(self._numbers))

    @asynccontextmanager
    async def _served(self, folder: Path, *words: str, **settings: str) -> AsyncGenerator[Registry]:
        begun_s = perf_counter()
        given = {**SETTINGS, **settings}
        async with serving(
            folder, *words, program=PINNED, ready_s_max=READY_S_MAX, **given
        ) as server:
            started_s = perf_counter() - begun_s
            yield Registry(server, folder / "state" / "postgres", started_s)


@contextmanager
def scratch_folder(prefix: str) -> Generator[Path]:
    """Make a folder with a short path, for PostgreSQL's socket, that ends with the block."""
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user where this runs as root
        yield folder


async def _copy(source: Path, target: Path) -> None:
    """Copy a folder with its owners and modes, which PostgreSQL looks at."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.new")
    words = ("-a", "--reflink=auto", str(source), str(beside))
    process = await asyncio.create_subprocess_exec("cp", *words)
    assert await process.wait() == 0, "cp has said why"
    beside.rename(target)  # a copy that was interrupted is not taken for a whole one


async def _fill(registry: Registry, sent: list[bytes], size: Size) -> Applied:
    """Apply bodies one after the other, then ask for every name and for a node's rules."""
    server, before, begun_s = registry.server, registry.used(), perf_counter()
    for body in sent:
        await registry.apply(body)
    names = Names(server.dns_port)
    await asyncio.to_thread(names.ask_all, size.services)
    names.close()
    rules = await server.client.get("/nodes/node-0/ipvs", timeout=APPLY_S_MAX)
    seconds, after = perf_counter() - begun_s, registry.used()
    servers = rules.raise_for_status().json()["virtualServers"]
    reals = sum(len(each["realServers"]) for each in servers)
    assert reals >= size.pods, f"rules lead to {reals} endpoints of {size.pods}"
    pid = server.process.pid
    return Applied(seconds, after.since(before), resident_mb(pid), peak_mb(pid))
