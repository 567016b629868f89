"""The compose file: what it says, and, where there is a Docker engine, that it does it."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from tests.end_to_end.processes import free_port, serving
from tests.end_to_end.questions import asked, texts
from tests.waiting import eventually

pytestmark = pytest.mark.end_to_end

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "docker-compose.yml"
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text()
ENT: Final = (ROOT / "examples" / "ent.yaml").read_bytes()
DOCKER: Final = shutil.which("docker") or "false"
BASE: Final = os.environ.get("BASE_IMAGE", "python:3.11-slim-bookworm")
HEALTHY_S_MAX: Final = 120


@pytest.fixture(scope="module")
def services() -> Mapping[str, Any]:
    return yaml.safe_load(FILE.read_text())["services"]


def test_compose_itself_accepts_the_file() -> None:
    subprocess.run((*compose(), "--file", str(FILE), "config", "--quiet"), check=True)


def test_each_service_waits_until_what_it_needs_is_there(services: Mapping[str, Any]) -> None:
    waits = {
        name: {on: how["condition"] for on, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    assert waits == {
        "postgres": {},
        "migrate": {"postgres": "service_healthy"},
        "api": {"postgres": "service_healthy", "migrate": "service_completed_successfully"},
    }


def test_only_this_machine_reaches_what_needs_no_login(services: Mapping[str, Any]) -> None:
    ports = {name: service.get("ports", []) for name, service in services.items()}
    assert all(port.startswith("127.0.0.1:") for port in ports["api"])
    assert len(ports["api"]) == 3
    assert not ports["postgres"] + ports["migrate"]


def test_the_api_answers_to_the_name_of_its_service(services: Mapping[str, Any]) -> None:
    assert services["api"]["environment"]["WAYPOST_ALLOWED_HOSTS"] == (
        "${WAYPOST_ALLOWED_HOSTS:-api}"
    )


def test_our_containers_may_do_nothing_they_need_not(services: Mapping[str, Any]) -> None:
    for name in ("migrate", "api"):
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["waypost"]


def test_the_base_image_has_one_default() -> None:
    (in_dockerfile,) = re.findall(r"^ARG BASE=(.*)$", DOCKERFILE, re.MULTILINE)
    assert f"${{BASE_IMAGE:-{in_dockerfile}}}" in FILE.read_text()


async def test_the_health_check_of_the_image_tells_ready_from_not(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        assert await checked(running.api_port) == 0
    assert await checked(running.api_port) != 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_compose_up_is_all_it_takes_and_the_volume_outlives_the_containers(
    project: "Project",
) -> None:
    await project.up()
    async with httpx.AsyncClient(base_url=project.url, timeout=30) as client:
        applied = await client.post(
            "/apply", content=ENT, headers={"content-type": "application/yaml"}
        )
        assert applied.is_success, applied.text
        service = (await client.get("/services/default/ent")).json()
    for tcp in (False, True):
        answer = await asked(project.dns_port, "ent.default.svc.cluster.local.", tcp=tcp)
        assert texts(answer) == [service["spec"]["clusterIP"]]
    assert project.ran("exec", "-T", "api", "id", "-u").strip() not in {"", "0"}

    project.ran("down")
    await project.up()
    async with httpx.AsyncClient(base_url=project.url, timeout=30) as client:
        assert (await client.get("/services/default/ent")).json() == service


class Project:
    """The compose file under a name and on ports of the test's own."""

    def __init__(self) -> None:
        self.name = f"waypost-test-{os.getpid()}"
        self.dns_port = free_port()
        api_port = free_port()
        self.url = f"http://127.0.0.1:{api_port}"
        self._command = (*compose(), "--project-name", self.name, "--file", str(FILE))
        self._variables = {
            **os.environ,
            "BASE_IMAGE": BASE,
            "WAYPOST_IMAGE": self.name,
            "WAYPOST_API_PORT": str(api_port),
            "WAYPOST_DNS_PORT": str(self.dns_port),
        }

    def ran(self, *words: str) -> str:
        done = subprocess.run(
            (*self._command, *words),
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    async def up(self) -> None:
        """Start it all, and wait until Docker itself calls the API healthy."""
        await asyncio.to_thread(self.ran, "up", "--detach")
        container = self.ran("ps", "--quiet", "api").strip()

        async def is_healthy() -> bool:
            return await asyncio.to_thread(health, container) == "healthy"

        await eventually(is_healthy, within_s=HEALTHY_S_MAX)


@pytest.fixture
def project() -> Generator[Project]:
    if reason := engine_lacks("postgres:18", BASE):
        pytest.skip(reason)
    made = Project()
    try:
        yield made
    finally:
        made.ran("down", "--volumes")
        docker("image", "rm", made.name)


def compose() -> Sequence[str]:
    """Find compose, as Docker's plugin or as the program it once was; skips without either."""
    if docker("compose", "version").returncode == 0:
        return (DOCKER, "compose")
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    pytest.skip("neither docker compose nor docker-compose is installed")


def engine_lacks(*images: str) -> str:
    """Say what is missing to run containers; empty when nothing is."""
    if docker("info").returncode:
        return "no Docker engine runs here"
    missing = [name for name in images if docker("image", "inspect", name).returncode]
    return f"the Docker engine has no image {', '.join(missing)}" if missing else ""


def health(container: str) -> str:
    return docker("inspect", "--format", "{{.State.Health.Status}}", container).stdout.strip()


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((DOCKER, *words), capture_output=True, text=True, check=False)


async def checked(api_port: int) -> int:
    """Run the health check of the image as Docker would; gives its exit code."""
    (words,) = re.findall(r"^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    python, *rest = json.loads(words)
    assert python == "python3"
    check = await asyncio.create_subprocess_exec(
        sys.executable,
        *rest,
        env={"WAYPOST_API_PORT": str(api_port)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await check.wait()
