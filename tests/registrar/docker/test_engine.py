"""The contract of an engine, which the fake one and Docker's own obey; and wrong answers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from app.registrar.docker.containers import Container, Health
from app.registrar.docker.engine import Engine, EngineFailed, Happening
from app.registrar.docker.following import stops
from tests.registrar.docker.engines import Operating
from tests.waiting import WITHIN_S, eventually

LABELS = {"waypost.service": "web"}


@pytest.fixture
async def engine(operated: Operating) -> AsyncGenerator[Engine]:
    async with Engine(operated.socket) as engine:
        yield engine


async def inspected(engine: Engine, id_: str) -> Container:
    found = await engine.inspect(id_)
    assert found is not None
    return found


async def test_a_container_is_listed_by_its_labels_and_inspected(
    operated: Operating, engine: Engine
) -> None:
    id_ = await operated.run("web-1", "plain", labels=LABELS)
    await operated.run("other", "plain", labels={})
    assert await engine.followed() == (id_,)
    found = await inspected(engine, id_)
    assert (found.id, found.name, found.labels) == (id_, "web-1", LABELS)
    assert (found.is_running, found.is_paused, found.health) == (True, False, Health.NONE)
    assert (found.exposed, found.is_in_host_network) == (("8080/tcp",), False)
    assert [*found.networks] == ["plain"]
    assert found == await inspected(engine, id_[:12]), "the beginning of an id is enough"
    assert await engine.name()


async def test_a_network_of_two_families_gives_two_addresses(
    operated: Operating, engine: Engine
) -> None:
    id_ = await operated.run("web-1", "plain", "dual", labels=LABELS)
    found = await inspected(engine, id_)
    assert sorted(found.networks) == ["dual", "plain"]
    four, six = found.networks["dual"]
    assert "." in four
    assert six.startswith("fd77:")
    assert len(found.networks["plain"]) == 1


async def test_what_is_not_there_is_none(engine: Engine) -> None:
    assert await engine.inspect("f" * 64) is None
    assert await engine.inspect("../../info") is None


async def test_what_happens_is_told(operated: Operating, engine: Engine) -> None:
    async with asyncio.timeout(WITHIN_S), aclosing(engine.events()) as events:
        assert await anext(events) is None, "the stream has begun"
        id_ = await operated.run("web-1", "plain", labels=LABELS)

        async def until_action(action: str) -> Happening:
            async for happening in events:
                if happening is not None and (happening.container, happening.action) == (
                    id_,
                    action,
                ):
                    return happening
            raise AssertionError

        await until_action("start")
        await operated.do("pause", "web-1")
        await until_action("pause")
        assert (await inspected(engine, id_)).is_paused
        await operated.do("unpause", "web-1")
        await operated.do("kill -s HUP", "web-1")
        container = await inspected(engine, id_)
        assert not stops(container, (await until_action("kill")).signal)
        stopping = asyncio.create_task(operated.do("stop", "web-1"))
        assert stops(container, (await until_action("kill")).signal)
        assert (await inspected(engine, id_)).is_running, "it is told before it has ended"
        await until_action("die")
        await stopping
        assert not (await inspected(engine, id_)).is_running
        await operated.do("start", "web-1")
        await until_action("start")


async def test_a_health_check_is_told(operated: Operating, engine: Engine) -> None:
    id_ = await operated.run("web-1", "plain", labels=LABELS, is_checked=True)
    await operated.set_health("web-1", is_healthy=True)

    async def is_healthy() -> bool:
        return (await inspected(engine, id_)).health is Health.HEALTHY

    await eventually(is_healthy)
    async with asyncio.timeout(WITHIN_S), aclosing(engine.events()) as events:
        assert await anext(events) is None
        await operated.set_health("web-1", is_healthy=False)
        async for happening in events:
            if happening is not None and happening.action.startswith("health_status"):
                break
    assert (await inspected(engine, id_)).health is Health.UNHEALTHY


async def test_an_engine_that_is_not_there_fails() -> None:
    async with Engine("/no/such/socket") as engine:
        with pytest.raises(EngineFailed, match="/no/such/socket"):
            await engine.followed()
        with pytest.raises(EngineFailed, match="/no/such/socket"):
            await anext(engine.events())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
async def test_what_is_no_engine_fails(answer: bytes, folder: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with (
        await asyncio.start_unix_server(serve, folder / "s"),
        Engine(str(folder / "s")) as engine,
    ):
        with pytest.raises(EngineFailed):
            await engine.followed()
