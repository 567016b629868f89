"""Containers are endpoints as long as they run, whatever ends and starts again meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.registrar.docker.desired import Place
from app.registrar.docker.engine import Engine
from app.registrar.docker.following import STOPPING_S_MORE, Followed
from app.registrar.docker.reconciling import Reconciler
from app.registrar.docker.run import ENGINE_AWAY_S_MAX, Registering
from tests.client.fake_clock import FakeClock
from tests.client.relay import Relay
from tests.registrar.docker.engines import FakeEngine, Operating
from tests.registries import an_api
from tests.waiting import eventually, until
from waypost.client import Waypost
from waypost.client.pace import CLOCK

WEB = {"waypost.service": "web", "waypost.port": "80:8080"}
PLACE = Place(registrar="m1", lease_s=300)
RESYNC_S = 1000.0


@dataclass
class World:
    """A registry, and what it was asked to write."""

    api: httpx.AsyncClient
    writes: list[str]

    async def endpoints(self, service: str = "web") -> dict[str, str]:
        """Give the state of each endpoint by the first part of its Pod's name."""
        listed = (await self.api.get("/endpointslices", params={"namespace": "default"})).json()
        return {
            endpoint["targetRef"]["name"].split(".")[0]: state(endpoint["conditions"])
            for slice_ in listed["items"]
            if slice_["metadata"]["labels"]["kubernetes.io/service-name"] == service
            for endpoint in slice_.get("endpoints") or ()
        }

    async def becomes(self, **expected: str) -> None:
        async def is_so() -> bool:
            return await self.endpoints() == {
                name.replace("_", "-"): each for name, each in expected.items()
            }

        try:
            await eventually(is_so)
        except TimeoutError:
            pytest.fail(f"{await self.endpoints()} is not {expected}")


def state(conditions: dict[str, bool]) -> str:
    if conditions["terminating"]:
        return "terminating"
    return "ready" if conditions["ready"] else "not ready"


@pytest.fixture
async def world(database_url: str) -> AsyncGenerator[World]:
    async with an_api(database_url) as client:
        yield World(client, [])


@asynccontextmanager
async def registrar(
    world: World,
    engine: Operating,
    *,
    resync_s: float = RESYNC_S,
    stopping_s_more: float = STOPPING_S_MORE,
) -> AsyncGenerator[Followed]:
    """Run a registrar during the block; it ends as one that is killed does."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.method != "GET" and not request.url.path.endswith("/heartbeats"):
            world.writes.append(f"{request.method} {request.url.path}")
        return await Relay(world.api).handle_async_request(request)

    async with (
        Engine(engine.socket) as followed_engine,
        Waypost("http://localhost", transport=httpx.MockTransport(answer)) as waypost,
    ):
        followed = Followed(followed_engine, CLOCK, stopping_s_more=stopping_s_more)
        registering = Registering(followed, Reconciler(waypost, PLACE.registrar), PLACE)
        running = asyncio.create_task(registering.run(resync_s))
        try:
            await until(lambda: followed.away_since_s is None)
            yield followed
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def test_replicas_come_and_go(world: World, operated: Operating) -> None:
    await operated.run("web-1", "plain", labels=WEB)
    async with registrar(world, operated):
        await world.becomes(web_1="ready")
        await operated.run("web-2", "plain", "dual", labels=WEB)
        await world.becomes(web_1="ready", web_2="ready")
        await operated.do("rm -f", "web-1")
        await world.becomes(web_2="ready")
        await operated.do("pause", "web-2")
        await world.becomes(web_2="not ready")
        await operated.do("unpause", "web-2")
        await world.becomes(web_2="ready")


async def test_a_container_that_stops_drains_and_is_removed(
    world: World, operated: Operating
) -> None:
    await operated.run("web-1", "plain", labels=WEB)
    async with registrar(world, operated):
        await world.becomes(web_1="ready")
        await operated.do("kill -s HUP", "web-1")
        stopping = asyncio.create_task(operated.do("stop", "web-1"))
        await world.becomes(web_1="terminating")
        await world.becomes()
        await stopping
        await operated.do("start", "web-1")
        await world.becomes(web_1="ready")


async def test_a_container_that_goes_on_regardless_is_registered_again(
    world: World, fake: FakeEngine
) -> None:
    await fake.run("web-1", "plain", labels=WEB)
    async with registrar(world, fake, stopping_s_more=0.5):
        await world.becomes(web_1="ready")
        await fake.do("kill -s TERM", "web-1")
        await world.becomes(web_1="terminating")
        await world.becomes(web_1="ready")


async def test_one_that_was_started_again_unseen_is_not_stopping(
    world: World, fake: FakeEngine
) -> None:
    await fake.run("web-1", "plain", labels=WEB)
    async with registrar(world, fake, stopping_s_more=1000) as followed:
        await world.becomes(web_1="ready")
        await fake.do("kill -s TERM", "web-1")
        await until(lambda: bool(followed.stopping))
        fake.containers["web-1"].starts += 1
        fake.hang_up()
        await until(lambda: not followed.stopping)
        await world.becomes(web_1="ready")


async def test_a_health_check_is_its_readiness(world: World, operated: Operating) -> None:
    await operated.run("web-1", "plain", labels=WEB, is_checked=True)
    async with registrar(world, operated):
        await world.becomes(web_1="not ready")
        await operated.set_health("web-1", is_healthy=True)
        await world.becomes(web_1="ready")
        await operated.set_health("web-1", is_healthy=False)
        await world.becomes(web_1="not ready")


async def test_a_registrar_that_starts_again_changes_nothing_that_is_right(
    world: World, operated: Operating
) -> None:
    await operated.run("web-1", "plain", labels=WEB)
    await operated.run("web-2", "plain", labels=WEB)
    await operated.run("web-3", "plain", labels=WEB)
    async with registrar(world, operated):
        await world.becomes(web_1="ready", web_2="ready", web_3="ready")
    await operated.do("rm -f", "web-2")
    await operated.run("web-4", "plain", labels=WEB)
    assert await world.endpoints() == dict.fromkeys(("web-1", "web-2", "web-3"), "ready")
    world.writes.clear()
    async with registrar(world, operated):
        await world.becomes(web_1="ready", web_3="ready", web_4="ready")
    assert sorted(world.writes) == [
        "DELETE /pods/default/web-2.m1",
        "POST /pods",
        "POST /services",  # it exists
    ]


async def test_an_engine_that_starts_again_loses_nothing(world: World, fake: FakeEngine) -> None:
    await fake.run("web-1", "plain", labels=WEB)
    await fake.run("web-2", "plain", labels=WEB)
    async with registrar(world, fake):
        await world.becomes(web_1="ready", web_2="ready")
        world.writes.clear()
        fake.hang_up()
        fake.containers["web-2"].status = "exited"  # of which nobody was told
        await world.becomes(web_1="ready")
    assert world.writes == ["DELETE /pods/default/web-2.m1"]


async def test_an_engine_that_is_away_is_not_one_without_containers(
    world: World, folder: Path
) -> None:
    fake = FakeEngine(str(folder / "s"))
    async with fake.serving():
        await fake.run("web-1", "plain", labels=WEB)
        running = registrar(world, fake, resync_s=0.05)
        followed = await running.__aenter__()
        await world.becomes(web_1="ready")
    await until(lambda: followed.away_since_s is not None)
    world.writes.clear()
    async with fake.serving():
        await until(lambda: followed.away_since_s is None)
        await world.becomes(web_1="ready")
    await running.__aexit__(None, None, None)
    assert not [each for each in world.writes if "pods" in each]


async def test_pods_that_others_delete_come_again_at_the_next_comparison(
    world: World, fake: FakeEngine
) -> None:
    await fake.run("web-1", "plain", labels=WEB)
    async with registrar(world, fake, resync_s=0.05):
        await world.becomes(web_1="ready")
        await world.api.delete("/pods/default/web-1.m1", params={"gracePeriodSeconds": 0})
        await world.becomes(web_1="ready")
        await world.api.delete("/services/default/web")
        await world.becomes(web_1="ready")


async def test_what_others_have_made_is_left_alone(world: World, fake: FakeEngine) -> None:
    service = {
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"waypost/service": "web"}, "ports": [{"port": 8080}]},
    }
    pod = {
        "kind": "Pod",
        "metadata": {"name": "web-2.m1"},
        "status": {"podIPs": [{"ip": "10.9.9.9"}]},
    }
    await world.api.post("/services", json=service)
    await world.api.post("/pods", json=pod)
    for name in ("web-1", "web-2"):
        await fake.run(name, "plain", labels=WEB)
    async with registrar(world, fake):
        await world.becomes(web_1="ready")
        await fake.run("web-3", "plain", labels=WEB)
        await world.becomes(web_1="ready", web_3="ready")
    found = (await world.api.get("/services/default/web")).json()
    assert [port["port"] for port in found["spec"]["ports"]] == [8080]
    found = (await world.api.get("/pods/default/web-2.m1")).json()
    assert found["status"]["podIPs"] == [{"ip": "10.9.9.9"}]


async def test_a_service_of_ours_gets_the_ports_of_its_containers(
    world: World, fake: FakeEngine
) -> None:
    async def ports() -> list[int]:
        found = (await world.api.get("/services/default/web")).json()
        return [port["port"] for port in found["spec"]["ports"]]

    async def are_81() -> bool:
        return await ports() == [81]

    await fake.run("web-1", "plain", labels=WEB)
    async with registrar(world, fake):
        await world.becomes(web_1="ready")
        assert await ports() == [80]
        await fake.do("rm -f", "web-1")
        await fake.run("web-1", "plain", labels={**WEB, "waypost.port": "81:8080"})
        await eventually(are_81)


async def test_containers_beyond_the_bound_are_left_out(fake: FakeEngine) -> None:
    async with Engine(fake.socket) as engine:
        followed = Followed(engine, CLOCK, containers_max=2)
        for number in range(3):
            await fake.run(f"web-{number}", "plain", labels=WEB)
        await followed.read()
        assert (len(followed.containers), followed.left_out) == (2, 1)


async def test_only_what_has_changed_is_inspected(world: World, fake: FakeEngine) -> None:
    for number in range(5):
        await fake.run(f"web-{number}", "plain", labels=WEB)
    async with registrar(world, fake):
        await until(lambda: len(fake.inspected) == 5)
        await fake.run("web-5", "plain", labels=WEB)
        await until(lambda: len(fake.inspected) == 6)


async def test_heartbeats_end_when_the_engine_has_been_away_for_long(
    world: World, fake: FakeEngine
) -> None:
    asked: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return await Relay(world.api).handle_async_request(request)

    clock = FakeClock()
    await fake.run("web-1", "plain", labels=WEB)
    async with (
        Engine(fake.socket) as engine,
        Waypost("http://localhost", transport=httpx.MockTransport(answer)) as waypost,
    ):
        followed = Followed(engine, clock)
        registering = Registering(followed, Reconciler(waypost, "m1"), PLACE, clock)
        await registering.register_once()
        await registering.renew_once()
        assert asked[-1] == "/heartbeats"
        clock.time_s += ENGINE_AWAY_S_MAX + 1
        asked.clear()
        await registering.renew_once()
        assert asked == []
