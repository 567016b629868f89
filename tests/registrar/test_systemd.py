"""A unit with the drop-in is registered while it runs; a real systemd starts and stops it."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.processes import CHECKOUT, Serving, free_port, serving
from tests.waiting import eventually, until

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "systemd"
BOOT = Path(__file__).parent / "systemd_boot.sh"
DRAIN_S = 2
HELLO = """
[Service]
Type=exec
ExecStart={python} -m http.server {port} --bind 127.0.0.1
Restart=on-failure
RestartSec=0.2
"""
WRAPPED = """
[Service]
ExecStart=
ExecStart={waypost} register --name wrapped --port {port} --service --drain {drain} -- \
    {python} -m http.server {port} --bind 127.0.0.1
KillMode=mixed
SuccessExitStatus=143
"""


def lacking() -> str:
    """Say why systemd cannot be booted here; empty when it may be."""
    if os.geteuid() != 0:
        return "it takes root to boot systemd"
    if not Path("/sys/fs/cgroup/systemd/cgroup.procs").exists():
        return "there is no control group of systemd's in which another one could be"
    missing = [each for each in ("systemctl", "unshare", "nsenter") if shutil.which(each) is None]
    return f"{', '.join(missing)} is not installed" if missing else ""


@dataclass
class Machine:
    """A booted systemd, and a registry outside of it."""

    pid: int
    running: Serving
    log: Path

    async def systemctl(self, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *("nsenter", "--target", str(self.pid), "--all", "systemctl", "--no-pager", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert b"Failed to st" not in out, out.decode()
        return out.decode().strip()

    async def states(self, service: str) -> list[str]:
        listed = await self.running.client.get("/endpointslices", params={"namespace": "default"})
        return [
            "terminating"
            if endpoint["conditions"]["terminating"]
            else "ready"
            if endpoint["conditions"]["ready"]
            else "not ready"
            for slice_ in listed.json()["items"]
            if slice_["metadata"]["labels"]["kubernetes.io/service-name"] == service
            for endpoint in slice_.get("endpoints") or ()
        ]

    async def becomes(self, service: str, *states: str) -> None:
        async def is_so() -> bool:
            return await self.states(service) == [*states]

        try:
            await eventually(is_so)
        except TimeoutError:
            found, log = await self.states(service), self.log.read_text()[-3_000:]
            pytest.fail(f"{found} is not {states}: {log}")


def furnish(units: Path, port: int, wrapped_port: int, api: str) -> None:
    """Write the units: the example's, with the paths of this checkout."""
    waypost = units / "waypost"
    waypost.write_text(
        f'#!/bin/sh\nPYTHONPATH={CHECKOUT.folder} exec {" ".join(CHECKOUT.command)} "$@"\n'
    )
    waypost.chmod(0o755)
    given = f"WAYPOST_API={api}\nWAYPOST_REGISTER=--port {port} --service --drain {DRAIN_S}\n"
    (units / "hello").write_text(given)
    template = (EXAMPLES / "waypost-register@.service").read_text()
    template = template.replace("/usr/bin/waypost", str(waypost))
    template = template.replace("/etc/waypost/register/%i", str(units / "hello"))
    (units / "waypost-register@.service").write_text(template)
    shutil.copytree(EXAMPLES / "hello.service.d", units / "hello.service.d")
    hello = HELLO.format(python=sys.executable, port=port)
    (units / "hello.service").write_text(hello)
    (units / "wrapped.service").write_text(hello)
    (units / "wrapped.service.d").mkdir()
    wrapped = WRAPPED.format(
        waypost=waypost, python=sys.executable, port=wrapped_port, drain=DRAIN_S
    )
    wrapped += f"Environment=WAYPOST_API={api}\n"
    (units / "wrapped.service.d" / "waypost.conf").write_text(wrapped)
    for target in ("test", "sysinit", "basic", "shutdown"):
        (units / f"{target}.target").write_text(f"[Unit]\nDescription={target}\n")


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncGenerator[Machine]:
    if reason := lacking():
        pytest.skip(reason)
    units, log = tmp_path / "units", tmp_path / "log"
    units.mkdir()
    async with serving(tmp_path / "server") as running:
        furnish(units, free_port(), free_port(), f"http://127.0.0.1:{running.api_port}")
        process = await asyncio.create_subprocess_exec(
            *("sh", str(BOOT)),
            env={**os.environ, "UNITS": str(units), "LOG": str(log)},
        )
        try:
            await until(lambda: any(map(is_systemd, children(process.pid))))
            machine = Machine(children(process.pid)[0], running, log)

            async def is_up() -> bool:
                return await machine.systemctl("is-active", "test.target") == "active"

            try:
                await eventually(is_up)
            except TimeoutError:
                pytest.skip(f"systemd does not boot here: {log.read_text()[-1_000:]}")
            yield machine
        finally:
            process.kill()
            await process.wait()
            group = Path(f"/sys/fs/cgroup/systemd/waypost-test-{process.pid}")
            await until(lambda: is_removed(group))


def children(pid: int) -> list[int]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(each) for each in listed.split()]


def is_systemd(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"
    except FileNotFoundError:
        return False


def is_removed(group: Path) -> bool:
    """Remove a control group whose processes have ended, and those within it."""
    try:
        for each in sorted(group.rglob("*/"), reverse=True):
            if each.is_dir():
                each.rmdir()
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


async def test_a_unit_with_the_drop_in_is_registered_drained_and_removed(machine: Machine) -> None:
    await machine.systemctl("start", "hello.service")
    await machine.becomes("hello", "ready")
    stopping = asyncio.create_task(machine.systemctl("stop", "hello.service"))
    await machine.becomes("hello", "terminating")
    assert await machine.systemctl("show", "--property=SubState", "hello.service") == (
        "SubState=running"
    ), "it runs while it is drained"
    await stopping
    await machine.becomes("hello")
    companion = "waypost-register@hello.service"
    assert await machine.systemctl("is-active", "hello.service", companion) == (
        "inactive\ninactive"
    )


async def test_a_unit_that_crashes_is_registered_again(machine: Machine) -> None:
    await machine.systemctl("start", "hello.service")
    await machine.becomes("hello", "ready")
    found = await machine.systemctl("show", "--property=MainPID", "hello.service")
    await machine.systemctl("kill", "--signal=KILL", "hello.service")
    (before,) = await pods(machine)

    async def is_another() -> bool:
        now = await machine.systemctl("show", "--property=MainPID", "hello.service")
        return now not in (found, "MainPID=0") and await machine.states("hello") == ["ready"]

    await eventually(is_another)
    assert [each.split(".")[0] for each in await pods(machine)] == [before.split(".")[0]]


async def pods(machine: Machine) -> list[str]:
    listed = await machine.running.client.get("/pods", params={"namespace": "default"})
    return [each["metadata"]["name"] for each in listed.json()["items"]]


async def test_a_unit_that_is_wrapped_is_registered_drained_and_removed(machine: Machine) -> None:
    await machine.systemctl("start", "wrapped.service")
    await machine.becomes("wrapped", "ready")
    stopping = asyncio.create_task(machine.systemctl("stop", "wrapped.service"))
    await machine.becomes("wrapped", "terminating")
    await stopping
    await machine.becomes("wrapped")
    assert await machine.systemctl("is-failed", "wrapped.service") == "inactive"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_the_example_is_a_unit(tmp_path: Path) -> None:
    template = (EXAMPLES / "waypost-register@.service").read_text()
    unit = tmp_path / "waypost-register@hello.service"
    unit.write_text(template.replace("/usr/bin/waypost", "/bin/true"))
    (tmp_path / "hello.service").write_text("[Service]\nExecStart=/bin/true\n")
    shutil.copytree(EXAMPLES / "hello.service.d", tmp_path / "hello.service.d")
    ended = subprocess.run(
        ["systemd-analyze", "verify", unit, tmp_path / "hello.service"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    assert (ended.returncode, ended.stderr) == (0, "")
