"""The two compose files on an engine, and what their containers see."""

import json
import os
import signal
from typing import Final, cast

from tests.compose.engine import DOCKER, Engine, compose_command
from tests.compose.images import AGENT, BASE, POSTGRES, ROOT, SLIM
from tests.waiting import eventually

HEALTHY_S_MAX: Final = 120.0
ADDRESSES: Final = {"api": "172.16.53.2", "dns": "172.16.53.3"}
PROGRAMS: Final = ("front", "prices", "stock")
LOOK_UP: Final = (
    "import socket, sys; print(*{each[4][0] for each in socket.getaddrinfo(sys.argv[1], 80)})"
)
ASK: Final = (
    "import sys; from urllib.request import urlopen;"
    "print(urlopen(sys.argv[1], timeout=60).read().decode())"
)


class Project:
    """docker-compose.yml under a name of the test's own."""

    name = "waypost-test"
    file = "docker-compose.yml"

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def ran(self, *words: str) -> str:
        """Run compose with a command."""
        return self.engine.ran(
            *compose_command(),
            *("--project-name", self.name, "--file", os.fspath(ROOT / self.file), *words),
            BASE_IMAGE=BASE,
            WAYPOST_IMAGE=SLIM,
            WAYPOST_AGENT_IMAGE=AGENT,
            POSTGRES_IMAGE=POSTGRES,
            DOCKER_SOCKET=os.fspath(self.engine.socket),
            COMPOSE_PROFILES="registrar,agent",
        )

    def container(self, service: str) -> str:
        """Find the container of a service, which has one; empty before it is made."""
        labels = {"project": self.name, "service": service}
        filters = [f"--filter=label=com.docker.compose.{key}={labels[key]}" for key in labels]
        return self.engine.docker("ps", "--all", "--quiet", *filters).strip()

    async def up(self, *services: str) -> None:
        """Start what does not run, and wait until Docker calls it healthy."""
        checked = ("postgres", "api", "dns", *services)
        if not all(map(self._is_healthy, checked)):
            self.ran("up", "--detach", "api", "dns", "registrar", *services)
        for service in checked:
            await self.healthy(service)

    async def healthy(self, service: str) -> None:
        """Wait until a container has passed its health check."""

        async def is_healthy() -> bool:
            return self._is_healthy(service)

        await eventually(is_healthy, within_s=HEALTHY_S_MAX)

    async def kill(self, service: str) -> None:
        """Kill the process of a container, and wait until the engine has started another."""
        container = self.container(service)
        before = self.engine.inspected(container, "{{.State.Pid}}")
        os.kill(int(before), signal.SIGKILL)

        async def is_another() -> bool:
            return self.engine.inspected(container, "{{.State.Pid}}") not in {before, "0"}

        await eventually(is_another)

    def _is_healthy(self, service: str) -> bool:
        container = self.container(service)
        template = "{{.State.Running}} {{.State.Health.Status}}"
        return bool(container) and self.engine.inspected(container, template) == "true healthy"

    def answers(self, name: str, *options: str, server: str, port: int = 53) -> list[str]:
        """Ask a DNS server from the network where ports are published."""
        words = ("dig", f"@{server}", "-p", str(port), "+short", *options, name)
        return self.engine.inside(*words).split()


class Demo(Project):
    """docker-compose.demo.yml, beside the other."""

    name = "waypost-test-demo"
    file = "docker-compose.demo.yml"

    def __init__(self, project: Project) -> None:
        super().__init__(project.engine)

    async def up(self, *services: str) -> None:
        """Start what does not run, and wait until all programs reach each other."""
        if not all(map(self.container, PROGRAMS)):
            self.ran("up", "--detach", *services)
        await self.reaching()

    async def reaching(self) -> None:
        """Wait until every program gets the answer of every other by the name of its Service."""

        async def all_reach() -> bool:
            return all(self._reaches_peers(program) for program in PROGRAMS)

        await eventually(all_reach, within_s=HEALTHY_S_MAX)

    def looked_up(self, name: str, *, by: str = "front") -> set[str]:
        """Look a name up as a program does, with the C library of its container."""
        container = self.container(by)
        words = self.engine.docker("exec", container, "python3", "-c", LOOK_UP, name)
        return set(words.split())

    def tried(self, url: str, *, by: str = "front") -> str:
        """Send an HTTP request as a program does; gives the answer, empty if there is none."""
        command = ("exec", self.container(by), "python3", "-c", ASK, url)
        return self.engine.tried(DOCKER, *command).stdout

    def _reaches_peers(self, program: str) -> bool:
        """Whether a program gets from each of the others its own words, not an error."""
        answers = cast(
            "dict[str, str]", json.loads(self.tried("http://localhost:8080/", by=program) or "{}")
        )
        return answers.keys() == {*PROGRAMS} - {program} and all(
            words.startswith(f"{peer} at ") for peer, words in answers.items()
        )
