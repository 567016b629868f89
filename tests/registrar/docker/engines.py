"""Two engines for tests, which obey one contract: a fake one, and Docker's own if it can start.

Operating: run, stop, start, pause, kill, remove containers      socket -> the Engine API
"""

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

READY_S_MAX: Final = 60.0
IMAGE: Final = "waypost-test"
PROGRAMS: Final = ("sh", "sleep", "test", "touch", "rm", "httpd")
NETWORKS: Final = {"plain": "10.77.1", "dual": "10.77.2"}


class Operating(Protocol):
    """What an operator does to containers; each names one by its name."""

    @property
    def socket(self) -> str:
        """The Unix socket of the engine's API."""
        ...

    async def run(
        self, name: str, *networks: str, labels: Mapping[str, str], is_checked: bool = False
    ) -> str:
        """Start a container that listens on 8080, in these networks; gives its id."""
        ...

    async def do(self, verb: str, name: str) -> None:
        """Do what the command of docker does: stop, start, pause, unpause, kill -s HUP, rm -f."""
        ...

    async def set_health(self, name: str, *, is_healthy: bool) -> None:
        """Make the next health checks succeed or fail."""
        ...


@dataclass
class _Faked:
    """A container of the fake engine."""

    id: str
    name: str
    labels: Mapping[str, str]
    networks: Mapping[str, tuple[str, str]]
    health: str
    status: str = "running"
    starts: int = 1

    def inspected(self) -> dict[str, Any]:
        is_up = self.status in ("running", "paused")
        state: dict[str, Any] = {
            "Status": self.status,
            "Running": is_up,
            "Paused": self.status == "paused",
            "Restarting": False,
            "StartedAt": f"2026-12-01T00:00:{self.starts:02}Z",
        }
        if self.health:
            state["Health"] = {"Status": self.health}
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "State": state,
            "Config": {"Labels": self.labels, "ExposedPorts": {"8080/tcp": {}}, "StopTimeout": 1},
            "HostConfig": {"NetworkMode": next(iter(self.networks))},
            "NetworkSettings": {
                "Networks": {
                    name: {
                        "IPAddress": four if is_up else "",
                        "GlobalIPv6Address": six if is_up else "",
                    }
                    for name, (four, six) in self.networks.items()
                }
            },
        }


@dataclass
class FakeEngine:
    """An engine without containers: it answers of them as Docker's does, and says what happens."""

    socket: str
    containers: dict[str, _Faked] = field(default_factory=dict[str, _Faked])
    inspected: list[str] = field(default_factory=list[str])
    _streams: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])
    _made: int = 0

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None, None]:
        """Listen during the block; then hang up, as an engine that ends does."""
        server = await asyncio.start_unix_server(self._serve, self.socket)
        try:
            yield
        finally:
            server.close()
            self.hang_up()
            _unlink(self.socket)

    def hang_up(self) -> None:
        """End all streams of events."""
        for stream in tuple(self._streams):
            stream.close()
        self._streams.clear()

    @property
    def is_followed(self) -> bool:
        return bool(self._streams)

    async def run(
        self, name: str, *networks: str, labels: Mapping[str, str], is_checked: bool = False
    ) -> str:
        self._made += 1
        addresses = {
            each: (f"{NETWORKS[each]}.{self._made}", "fd77::1" if each == "dual" else "")
            for each in networks
        }
        health = "starting" if is_checked else ""
        id_ = f"{self._made:064x}"
        self.containers[name] = _Faked(id_, name, dict(labels), addresses, health)
        self._say(name, "start")
        return id_

    async def do(self, verb: str, name: str) -> None:
        container = self.containers[name]
        match verb.split():
            case ["stop"] | ["kill", "-s", "TERM"]:
                self._say(name, "kill", signal="15")
                if verb == "stop":
                    await asyncio.sleep(0.5)
                    container.status = "exited"
                    self._say(name, "die")
            case ["kill", "-s", "HUP"]:
                self._say(name, "kill", signal="1")
            case ["start"]:
                container.status = "running"
                container.starts += 1
                self._say(name, "start")
            case ["pause"]:
                container.status = "paused"
                self._say(name, "pause")
            case ["unpause"]:
                container.status = "running"
                self._say(name, "unpause")
            case ["rm", "-f"]:
                self._say(name, "kill", signal="9")
                del self.containers[name]
                self._say(name, "die", id_=container.id)
            case other:
                raise AssertionError(other)

    async def set_health(self, name: str, *, is_healthy: bool) -> None:
        self.containers[name].health = "healthy" if is_healthy else "unhealthy"
        self._say(name, f"health_status: {self.containers[name].health}")

    def _say(self, name: str, action: str, *, id_: str = "", **attributes: str) -> None:
        id_ = id_ or self.containers[name].id
        actor = {"ID": id_, "Attributes": {"name": name, **attributes}}
        event = {"Type": "container", "Action": action, "Actor": actor}
        for stream in self._streams:
            _write_chunk(stream, json.dumps(event).encode() + b"\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = unquote(urlsplit(head.split(" ")[1]).path)
                assert path.startswith("/v1.41/"), path
                if path.endswith("/events"):
                    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    self._streams.add(writer)
                    return
                status, found = self._answer(path.removeprefix("/v1.41/"))
                body = json.dumps(found).encode()
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
                writer.write(body)
                await writer.drain()
        writer.close()

    def _answer(self, path: str) -> tuple[str, object]:
        match path.split("/"):
            case ["info"]:
                return "200 OK", {"Name": "fake"}
            case ["containers", "json"]:
                running = [each for each in self.containers.values() if each.status != "exited"]
                return "200 OK", [{"Id": each.id, "Labels": each.labels} for each in running]
            case ["containers", id_, "json"]:
                self.inspected.append(id_)
                for each in self.containers.values():
                    if each.id.startswith(id_):
                        return "200 OK", each.inspected()
            case _:
                pass
        return "404 Not Found", {"message": "no such container"}


def _unlink(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def _write_chunk(stream: asyncio.StreamWriter, data: bytes) -> None:
    stream.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def lacking() -> str:
    """Say why Docker's engine cannot be started here; empty when it may be."""
    if os.geteuid() != 0:
        return "it takes root to start an engine"
    missing = [each for each in ("dockerd", "docker", "busybox") if shutil.which(each) is None]
    return f"{', '.join(missing)} is not installed" if missing else ""


class CannotStart(Exception):
    """Docker's engine did not start; the message is the end of its log."""


@dataclass
class DockerEngine:
    """Docker's own engine, with state, networks and images of its own."""

    folder: Path
    socket: str = ""

    def __post_init__(self) -> None:
        self.socket = str(self.folder / "s")

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None, None]:
        """Run it during the block; raises CannotStart."""
        with (self.folder / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                "dockerd",
                *("--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "e")),
                *("--pidfile", str(self.folder / "pid"), "--host", f"unix://{self.socket}"),
                *("--iptables=false", "--ip6tables=false", "--bridge=none"),
                stdout=log,
                stderr=log,
            )
        try:
            await self._until_ready(process)
            yield
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_S_MAX):
                while process.returncode is None:
                    if await self._ends("version"):
                        return
                    await asyncio.sleep(0.1)
        raise CannotStart((self.folder / "log").read_text()[-2_000:])

    async def furnish(self) -> None:
        """Make the networks, and an image of busybox alone."""
        root = self.folder / "image"
        for each in ("bin", "tmp", "etc"):
            (root / each).mkdir(parents=True)
        shutil.copy(shutil.which("busybox") or "", root / "bin" / "busybox")
        for program in PROGRAMS:
            (root / "bin" / program).symlink_to("busybox")
        archive = shutil.make_archive(str(self.folder / "image"), "tar", root)
        await self._docker("import", archive, IMAGE)
        for name, prefix in NETWORKS.items():
            more = ("--ipv6", "--subnet", "fd77::/64") if name == "dual" else ()
            await self._docker("network", "create", "--subnet", f"{prefix}.0/24", *more, name)

    async def clear(self) -> None:
        """Remove all containers."""
        if listed := await self._docker("ps", "--all", "--quiet"):
            await self._docker("rm", "-f", *listed.split())

    async def dismantle(self) -> None:
        """Remove all containers, and the networks with their interfaces."""
        await self.clear()
        for name in NETWORKS:
            await self._ends("network", "rm", name)

    async def run(
        self, name: str, *networks: str, labels: Mapping[str, str], is_checked: bool = False
    ) -> str:
        words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        if is_checked:
            words += ["--health-cmd", "test -e /tmp/healthy", "--health-interval", "1s"]
            words += ["--health-retries", "1"]
        script = "trap 'sleep 1; exit' TERM; trap '' HUP; while :; do sleep 0.1; done"
        words += ["--name", name, "--network", networks[0], "--expose", "8080"]
        id_ = await self._docker("create", *words, IMAGE, "/bin/sh", "-c", script)
        for each in networks[1:]:
            await self._docker("network", "connect", each, name)
        await self._docker("start", name)
        return id_

    async def do(self, verb: str, name: str) -> None:
        await self._docker(*verb.split(), name)

    async def set_health(self, name: str, *, is_healthy: bool) -> None:
        program = ("touch",) if is_healthy else ("rm", "-f")
        await self._docker("exec", name, *program, "/tmp/healthy")  # noqa: S108  the container's

    async def _docker(self, *words: str) -> str:
        process = await self._started(*words)
        out, err = await process.communicate()
        assert process.returncode == 0, (words, err.decode())
        return out.decode().strip()

    async def _ends(self, *words: str) -> bool:
        process = await self._started(*words)
        await process.communicate()
        return process.returncode == 0

    async def _started(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *("docker", "--host", f"unix://{self.socket}", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )


@asynccontextmanager
async def docker_engine() -> AsyncGenerator[DockerEngine, None]:
    """Run Docker's engine with an image and networks; raises CannotStart.

    In a folder with a short name: the name of a Unix socket is short.
    """
    folder = Path(tempfile.mkdtemp(prefix="waypost-docker-"))
    engine = DockerEngine(folder)
    try:
        async with engine.serving():
            await engine.furnish()
            try:
                yield engine
            finally:
                await engine.dismantle()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
