"""``waypost register`` runs a program that is an endpoint as long as it runs, and no longer."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.processes import CHECKOUT, Serving, free_port, serving
from tests.waiting import eventually, until

pytestmark = pytest.mark.end_to_end

PROGRAM = '''
"""Listens on a port, at once or when a file is there, until a signal tells it to end."""
import pathlib, signal, socketserver, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if (folder / "sick").exists() else 200)
        self.end_headers()
    def log_message(self, *_): pass

def note(number, _):
    with (folder / "signals").open("a") as signals:
        signals.write(f"{number}\\n")
    if number == signal.SIGTERM:
        sys.exit(5)

for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, note)
HTTPServer(("127.0.0.1", port), Answer).serve_forever()
'''


@dataclass(slots=True)
class Place:
    """A running server, and the folder and port of a program."""

    serving: Serving
    folder: Path
    port: int

    def program(self) -> list[str]:
        (self.folder / "program.py").write_text(PROGRAM)
        return [sys.executable, str(self.folder / "program.py"), str(self.folder), str(self.port)]

    @property
    def signals(self) -> list[int]:
        noted = self.folder / "signals"
        return [int(line) for line in noted.read_text().split()] if noted.exists() else []

    async def conditions(self) -> list[dict[str, bool]]:
        listed = await self.serving.client.get("/endpointslices", params={"namespace": "default"})
        return [
            endpoint["conditions"]
            for slice_ in listed.json()["items"]
            if slice_["metadata"]["labels"].get("kubernetes.io/service-name") == "hello"
            for endpoint in slice_.get("endpoints") or ()
        ]

    async def is_ready(self) -> bool:
        return [each["ready"] for each in await self.conditions()] == [True]

    async def is_unready(self) -> bool:
        return [each["ready"] for each in await self.conditions()] == [False]

    async def is_gone(self) -> bool:
        return not await self.conditions() and not await self.pods()

    async def pods(self) -> list[Any]:
        found = (await self.serving.client.get("/pods?namespace=default")).json()["items"]
        return list(found)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncGenerator[Place]:
    async with serving(tmp_path / "server") as running:
        yield Place(running, tmp_path, free_port())


async def started_in(
    folder: Path,
    *words: str,
    before: tuple[str, ...] = (),
    stdin: int = asyncio.subprocess.DEVNULL,
) -> asyncio.subprocess.Process:
    """Start ``waypost register --name hello``, in a group of its own."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("WAYPOST_")}
    with (folder / "register.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(*before, *CHECKOUT.command, "register", "--name", "hello", *words),
            cwd=CHECKOUT.folder,
            env=others,
            stdin=stdin,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
            process_group=0,
        )


@asynccontextmanager
async def registering(
    place: Place,
    command: list[str],
    *words: str,
    before: tuple[str, ...] = (),
    stdin: int = asyncio.subprocess.DEVNULL,
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run ``waypost register`` during the block, in a group of its own."""
    api = f"http://127.0.0.1:{place.serving.api_port}"
    usual = ("--port", str(place.port), "--service", "--probe-interval", "1", "--api", api)
    process = await started_in(
        place.folder, *usual, *words, "--", *command, before=before, stdin=stdin
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def words_of(folder: Path) -> str:
    return (folder / "register.log").read_text()


async def test_a_program_is_ready_when_it_listens_drains_and_is_removed(place: Place) -> None:
    async with registering(place, place.program(), "--drain", "2") as process:
        await eventually(place.is_ready)
        process.send_signal(signal.SIGTERM)
        terminating = [{"ready": False, "serving": True, "terminating": True}]

        async def is_terminating() -> bool:
            return await place.conditions() == terminating

        await eventually(is_terminating)
        assert place.signals == [], "it serves its connections, and knows nothing yet"
        assert await process.wait() == 5, "the exit code of the program"
        assert place.signals == [signal.SIGTERM]
        assert await place.is_gone()


async def test_other_signals_are_passed_on_and_a_second_one_does_not_wait(place: Place) -> None:
    async with registering(place, place.program(), "--drain", "1000") as process:
        await eventually(place.is_ready)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGUSR1)
        await until(lambda: sorted(place.signals) == [signal.SIGHUP, signal.SIGUSR1])
        process.send_signal(signal.SIGTERM)
        await until(lambda: "draining" in words_of(place.folder))
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 5


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["sh", "-c", "exit 9"], 9),
        (["sh", "-c", "kill -KILL $$"], 137),
        (["/no/such/program"], 127),
        (["/"], 126),
    ],
    ids=str,
)
async def test_the_exit_code_is_that_of_the_program(
    place: Place, command: list[str], code: int
) -> None:
    async with registering(place, command) as process:
        assert await process.wait() == code
    assert await place.is_gone()


async def test_a_program_that_ends_by_itself_is_removed_at_once(place: Place) -> None:
    async with registering(place, place.program(), "--drain", "1000", "--ready") as process:
        await eventually(place.is_ready)
        await until(lambda: bool(children(process.pid)))
        os.kill(children(process.pid)[0], signal.SIGKILL)
        assert await process.wait() == 137
    assert await place.is_gone()


async def test_a_failing_probe_makes_it_unready_and_does_not_remove_it(place: Place) -> None:
    words = ("--probe", "http:/healthz", "--probe-failures", "1")
    async with registering(place, place.program(), *words):
        await eventually(place.is_ready)
        (place.folder / "sick").touch()
        await eventually(place.is_unready)
        (pod,) = await place.pods()
        (ready,) = (each for each in pod["status"]["conditions"] if each["type"] == "Ready")
        assert "HTTP 500" in ready["message"]
        (place.folder / "sick").unlink()
        await eventually(place.is_ready)


async def test_it_starts_without_a_server_and_is_registered_when_there_is_one(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "server") as running:
        place = Place(running, tmp_path, free_port())
        port = running.api_port
        await running.stop()
        async with registering(place, place.program(), "--lease", "3") as process:
            await until(lambda: "could not register" in words_of(place.folder))
            assert process.returncode is None
            async with serving(tmp_path / "server", api_port=str(port)) as again:
                place.serving = again
                await eventually(place.is_ready)
                await again.kill()
            async with serving(tmp_path / "server", api_port=str(port)) as again:
                place.serving = again
                await eventually(place.is_ready)
                process.send_signal(signal.SIGTERM)
                assert await process.wait() == 5
                assert await place.is_gone()


async def test_the_lease_of_one_that_is_killed_runs_out(place: Place) -> None:
    async with registering(place, place.program(), "--lease", "2") as process:
        await eventually(place.is_ready)
        program = children(process.pid)
        process.kill()
        await process.wait()
        try:
            await eventually(place.is_unready)
        finally:
            for each in program:
                os.kill(each, signal.SIGKILL)


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="it takes root and unshare to be the first process of a container",
)
async def test_as_the_first_process_it_reaps_orphans(place: Place) -> None:
    orphans = ["sh", "-c", "for i in 1 2 3 4 5; do (sleep 0.1 &) ; done; exec sleep 1000"]
    before = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    async with registering(place, orphans, "--ready", before=before) as process:
        await eventually(place.is_ready)
        (first,) = children(process.pid)
        # The sleeps have lost their parent, and the first process is theirs.
        await until(lambda: not any(map(is_zombie, children(first))))
        await until(lambda: len(children(first)) == 1)
        os.kill(first, signal.SIGTERM)
        os.kill(first, signal.SIGTERM)
        assert await process.wait() == 128 + signal.SIGTERM
    assert await place.is_gone()


@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid is not installed")
async def test_in_a_terminal_ctrl_c_reaches_the_program_once_and_at_once(place: Place) -> None:
    script = "trap 'echo got >> interrupted; exit 9' INT; while :; do sleep 0.1; done"
    script = f"cd {place.folder}; {script}"
    terminal, end = os.openpty()
    try:
        before = ("setsid", "--ctty", "--wait")
        words = ("--ready", "--drain", "1000")
        command = ["sh", "-c", script]
        async with registering(place, command, *words, before=before, stdin=end) as process:
            await eventually(place.is_ready)
            os.write(terminal, b"\x03")
            assert await process.wait() == 9
        assert (place.folder / "interrupted").read_text() == "got\n"
    finally:
        os.close(terminal)
        os.close(end)
    assert await place.is_gone()


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in listed.split()]


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return False


async def test_a_service_that_exists_is_left_alone(place: Place) -> None:
    service = {
        "kind": "Service",
        "metadata": {"name": "hello"},
        "spec": {"selector": {"app": "hello"}, "ports": [{"port": 80, "targetPort": place.port}]},
    }
    await place.serving.client.post("/services", json=service)
    async with registering(place, place.program()):
        await eventually(place.is_ready)
    found = (await place.serving.client.get("/services/default/hello")).json()
    assert found["spec"]["ports"][0]["port"] == 80


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--port", "0"), "is not a port"),
        (("--port", "6000"), "several ports need a name each"),
        (("--label", "app"), "is not KEY=VALUE"),
        (("--name", "No_Name"), "--name"),
        (("--address", "10.0.0.1", "--address", "10.0.0.2"), "one address for each family"),
        (("--address", "here"), "'here' does not appear to be an IPv4 or IPv6 address"),
        (("--probe", "what"), "what is no probe"),
        (("--api", "nowhere"), "is not an address such as"),
    ],
    ids=str,
)
async def test_what_can_never_be_right_is_refused_before_anything_runs(
    tmp_path: Path, words: tuple[str, ...], problem: str
) -> None:
    process = await started_in(
        tmp_path, "--port", "5000", *words, "--", "touch", str(tmp_path / "ran")
    )
    assert await process.wait() in (1, 2)
    assert problem in words_of(tmp_path)
    assert not (tmp_path / "ran").exists()
