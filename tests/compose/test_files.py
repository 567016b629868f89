"""The compose files and the Dockerfile: what they say."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final, cast

import pytest
import yaml

from tests.compose.engine import compose_command
from tests.compose.images import ROOT
from tests.compose.projects import ADDRESSES, PROGRAMS
from tests.end_to_end.processes import serving

pytestmark = pytest.mark.end_to_end

FILE: Final = ROOT / "docker-compose.yml"
DEMO: Final = ROOT / "docker-compose.demo.yml"
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text()
OURS: Final = {"migrate", "api", "dns", "registrar", "agent"}
VARIABLE: Final = re.compile(r"\$\{\w+:?-([^}]*)\}")


@pytest.fixture(scope="module")
def document() -> Mapping[str, Any]:
    return with_defaults(FILE)


@pytest.fixture(scope="module")
def services(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return document["services"]


@pytest.fixture(scope="module")
def demo() -> Mapping[str, Any]:
    return with_defaults(DEMO)


def with_defaults(file: Path) -> dict[str, Any]:
    """Read a compose file as it is where no variable is set."""
    return cast("dict[str, Any]", yaml.safe_load(VARIABLE.sub(r"\1", file.read_text())))


@pytest.mark.parametrize("file", [FILE, DEMO], ids=lambda file: file.name)
def test_compose_itself_accepts_the_file(file: Path) -> None:
    if not (command := compose_command()):
        pytest.skip("neither docker compose nor docker-compose is installed")
    words = (*command, "--project-name", "waypost", "--file", str(file), "config", "--quiet")
    subprocess.run(words, check=True)


def test_each_service_waits_until_what_it_needs_is_there(services: Mapping[str, Any]) -> None:
    waits = {
        name: {on: how["condition"] for on, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    assert waits == {
        "postgres": {},
        "migrate": {"postgres": "service_healthy"},
        "api": {"postgres": "service_healthy", "migrate": "service_completed_successfully"},
        "dns": {"api": "service_healthy"},
        "registrar": {"api": "service_healthy"},
        "agent": {"api": "service_healthy"},
    }


def test_only_this_machine_reaches_what_needs_no_login(services: Mapping[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports.keys() == {"api"}
    assert all(port.startswith("127.0.0.1:") for port in ports["api"])
    assert len(ports["api"]) == 3


def test_the_api_answers_to_the_name_of_its_service(services: Mapping[str, Any]) -> None:
    assert services["api"]["environment"]["WAYPOST_ALLOWED_HOSTS"] == "api"


def test_our_containers_may_do_nothing_they_need_not(
    services: Mapping[str, Any], demo: Mapping[str, Any]
) -> None:
    for name, service in {**services, **demo["services"]}.items():
        if name == "postgres":
            continue
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("cap_add", []) == (["NET_ADMIN"] if name == "agent" else [])
        assert "privileged" not in service
    assert re.findall(r"^FROM \S+ AS (\w+)$|^USER (.*)$", DOCKERFILE, re.MULTILINE) == [
        *(("build", ""), ("runtime", ""), ("", "waypost"), ("trimmed", ""), ("slim", "")),
        *(("agent", ""), ("", "root")),
    ]


def test_what_gets_more_of_the_machine_runs_only_when_asked_for(
    services: Mapping[str, Any],
) -> None:
    profiles = {name: each["profiles"] for name, each in services.items() if "profiles" in each}
    assert profiles == {"agent": ["agent"], "registrar": ["registrar"]}
    assert "user" not in services["api"]


def test_servers_are_no_services_of_the_registrar(services: Mapping[str, Any]) -> None:
    assert all(service["labels"] == {"waypost.service": ""} for service in services.values())


def test_servers_have_addresses_that_no_other_container_gets(document: Mapping[str, Any]) -> None:
    (config,) = document["networks"]["waypost"]["ipam"]["config"]
    subnet, others = ip_network(config["subnet"]), ip_network(config["ip_range"])
    fixed = {
        name: service["networks"]["waypost"]["ipv4_address"]
        for name, service in document["services"].items()
        if isinstance(service.get("networks"), dict)
    }
    assert fixed == ADDRESSES
    for address in (*fixed.values(), config["gateway"]):
        assert ip_address(address) in subnet
        assert ip_address(address) not in others
    assert not subnet.overlaps(ip_network("10.96.0.0/12"))


def test_one_fragment_makes_each_program_part_of_the_network(demo: Mapping[str, Any]) -> None:
    fragment = demo["x-waypost"]
    assert fragment["dns"] == [ADDRESSES["dns"], ADDRESSES["api"]]
    programs = {name: demo["services"][name] for name in PROGRAMS}
    assert demo["services"].keys() == {*PROGRAMS}
    for program in programs.values():
        assert fragment.items() <= program.items()
    others = [{**program, "command": None} for program in programs.values()]
    assert others == [others[0]] * len(PROGRAMS)


def test_the_base_image_has_one_default(services: Mapping[str, Any]) -> None:
    (in_dockerfile,) = re.findall(r"^ARG BASE=(.*)$", DOCKERFILE, re.MULTILINE)
    assert {services[name]["build"]["args"]["BASE"] for name in OURS} == {in_dockerfile}


@pytest.mark.parametrize("variable", ["WAYPOST_API_PORT", "HEALTH_PORT"])
async def test_the_health_check_of_the_image_tells_ready_from_not(
    variable: str, tmp_path: Path
) -> None:
    async with serving(tmp_path) as running:
        assert await checked(variable, running.api_port) == 0
    assert await checked(variable, running.api_port) != 0


async def checked(variable: str, port: int) -> int:
    """Run the health check of the image as Docker would; gives its exit code."""
    (words,) = re.findall(r"^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    python, *rest = json.loads(words)
    assert python == "python3"
    check = await asyncio.create_subprocess_exec(
        sys.executable,
        *rest,
        env={variable: str(port)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await check.wait()
