"""docker-compose.yml on an engine: what is published, what survives, and who is killed."""

import json
from ipaddress import ip_address, ip_network
from typing import Final

import pytest

from tests.compose.images import BASE, ROOT
from tests.compose.projects import ADDRESSES, PROGRAMS, Demo, Project
from tests.waiting import eventually

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]

API: Final = "http://127.0.0.1:8053"
APPLY: Final = ("curl", "--silent", "--show-error", "--fail-with-body", "--header")
KUBE_DNS: Final = "kube-dns.kube-system.svc.cluster.local"
STOCK: Final = "stock.default.svc.cluster.local"
PROGRAM: Final = ROOT / "examples" / "compose" / "program.py"


def applied(project: Project, path: str) -> None:
    project.engine.inside(
        *(*APPLY, "content-type: application/yaml", f"{API}/apply"),
        *("--data-binary", f"@{ROOT / path}"),
    )


def read(project: Project, path: str) -> dict[str, dict[str, str]]:
    return json.loads(project.engine.inside("curl", "--silent", "--fail", f"{API}{path}"))


async def test_the_api_and_its_names_are_on_loopback_and_outlive_the_containers(
    project: Project,
) -> None:
    applied(project, "examples/ent.yaml")
    service = read(project, "/services/default/ent")
    for options in ((), ("+tcp",)):
        answers = project.answers(
            "ent.default.svc.cluster.local", *options, server="127.0.0.1", port=1053
        )
        assert answers == [service["spec"]["clusterIP"]]
    Demo(project).ran("down")
    project.ran("down")
    await project.up()
    assert read(project, "/services/default/ent") == service


@pytest.mark.parametrize("server", ADDRESSES)
async def test_each_server_answers_at_port_53_and_asks_docker_for_other_names(
    project: Project, server: str
) -> None:
    (address,) = project.answers("postgres", server=ADDRESSES[server])
    assert address.startswith("172.16.53.")
    assert project.answers(KUBE_DNS, "+tcp", server=ADDRESSES[server]) == ["10.96.0.10"]


@pytest.mark.parametrize("service", ["api", "dns"])
async def test_nobody_in_a_container_is_root_or_writes_its_files(
    project: Project, service: str
) -> None:
    container = project.container(service)
    assert project.engine.docker("exec", container, "id", "-u").strip() == "10053"
    assert project.engine.inspected(container, "{{.HostConfig.ReadonlyRootfs}}") == "true"


async def test_names_survive_a_restart_of_the_api(demo: Demo, project: Project) -> None:
    addresses = demo.looked_up(STOCK)
    project.ran("stop", "api")
    assert demo.looked_up("stock") == demo.looked_up(STOCK) == addresses
    project.ran("start", "api")
    assert demo.looked_up(STOCK) == addresses
    await project.healthy("api")
    await demo.reaching()


@pytest.mark.parametrize("service", ["postgres", "api"])
async def test_no_name_is_lost_while_a_server_is_killed(
    demo: Demo, project: Project, service: str
) -> None:
    addresses = demo.looked_up(STOCK)
    await project.kill(service)
    assert demo.looked_up(STOCK) == addresses
    await project.healthy(service)
    await project.healthy("api")
    assert demo.looked_up(STOCK) == addresses
    await demo.reaching()


async def test_the_api_answers_for_a_replica_that_is_killed(demo: Demo, project: Project) -> None:
    await project.kill("dns")
    await demo.reaching()
    await project.healthy("dns")


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_killed_program_is_reached_again(demo: Demo, program: str) -> None:
    await demo.kill(program)
    await demo.reaching()


async def test_each_replica_is_an_endpoint(demo: Demo) -> None:
    async def are_two() -> bool:
        return len(demo.looked_up(STOCK)) == 2

    async def is_one() -> bool:
        return len(demo.looked_up(STOCK)) == 1

    demo.ran("up", "--detach", "--scale", "stock=2", "stock")
    await eventually(are_two)
    demo.ran("up", "--detach", "--scale", "stock=1", "stock")
    await eventually(is_one)
    await demo.reaching()


async def test_cluster_ips_reach_containers_with_the_agent(demo: Demo, project: Project) -> None:
    await project.up("agent")
    shop = project.engine.docker(
        *("run", "--detach", "--network", "waypost", "--volume", f"{PROGRAM}:/program.py:ro"),
        *("--label", "waypost.service=shop", "--label", "waypost.port=80:8080"),
        *(BASE, "python3", "/program.py", "shop"),
    ).strip()

    async def is_reached() -> bool:
        return demo.tried("http://shop/name").startswith('"shop at 172.16.53.')

    try:
        await eventually(is_reached)
        (address,) = demo.looked_up("shop")
        assert ip_address(address) in ip_network("10.96.0.0/12")
    finally:
        project.engine.docker("rm", "--force", shop)
        project.ran("rm", "--stop", "--force", "agent")


async def test_the_registrar_starts_again_and_no_name_is_lost(demo: Demo, project: Project) -> None:
    addresses = demo.looked_up(STOCK)
    await project.kill("registrar")
    assert demo.looked_up(STOCK) == addresses
    await demo.kill("stock")
    await demo.reaching()
