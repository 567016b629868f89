"""Programs with the client of Python, against servers that are killed and started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from app.administrators import FILE_NAME as ADMINISTRATOR
from app.store.keeping.compaction import compact
from tests.databases import connected
from tests.end_to_end.processes import Serving, free_port, serving
from tests.waiting import WITHIN_S, eventually, until
from waypost.client import (
    BlockingWaypost,
    Change,
    Endpoint,
    Forbidden,
    NotFound,
    Unauthorized,
    Waypost,
)

pytestmark = pytest.mark.end_to_end

Document = dict[str, Any]
RECOVERY_S_MAX = 3 * WITHIN_S  # a server starts, and the client's pauses grow


def service(name: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
    }


async def following(changes: AsyncIterator[Change[Document]]) -> tuple[str, str]:
    async with asyncio.timeout(RECOVERY_S_MAX):
        change = await anext(changes)
    return change.type.value, change.object["metadata"]["name"]


@pytest.fixture
def port() -> str:
    return str(free_port())


def a_server(folder: Path, database_url: str, port: str) -> AbstractAsyncContextManager[Serving]:
    return serving(folder, api_port=port, database_url=database_url, bootstrap="false")


async def test_a_watch_goes_on_after_the_server_was_killed(
    tmp_path: Path, database_url: str, port: str
) -> None:
    async with Waypost(f"http://127.0.0.1:{port}", token="") as waypost:
        async with a_server(tmp_path, database_url, port) as server:
            await waypost.create(service("first"))
            watch = waypost.watch("Service")
            assert await following(watch) == ("ADDED", "first")
            await waypost.create(service("second"))
            assert await following(watch) == ("ADDED", "second")
            await server.kill()
        waiting = asyncio.create_task(following(watch))
        await until(lambda: bool(watch.problem))
        async with a_server(tmp_path, database_url, port):
            await waypost.create(service("third"))
            assert await waiting == ("ADDED", "third")
            await waypost.delete("Service", "first")
            assert await following(watch) == ("DELETED", "first")
            await watch.aclose()


async def test_a_watch_whose_revision_was_compacted_gives_the_differences(
    tmp_path: Path, database_url: str, port: str
) -> None:
    async with Waypost(f"http://127.0.0.1:{port}", token="") as waypost:
        async with a_server(tmp_path, database_url, port) as server:
            await waypost.apply([service("changed"), service("gone"), service("same")])
            watch = waypost.watch("Service")
            names = [await following(watch) for _ in range(3)]
            assert names == [("ADDED", name) for name in ("changed", "gone", "same")]
            await server.kill()
        async with (
            a_server(tmp_path, database_url, str(free_port())) as server,
            Waypost(f"http://127.0.0.1:{server.api_port}", token="") as writer,
        ):
            await writer.delete("Service", "gone")
            await writer.patch("Service", "changed", {"metadata": {"labels": {"a": "b"}}})
            await writer.create(service("new"))
        async with connected(database_url) as engine:
            assert await compact(engine, history_s=0, changes_min=0) > int(watch.revision or "0")
        async with a_server(tmp_path, database_url, port):
            differences = [await following(watch) for _ in range(3)]
            assert differences == [("MODIFIED", "changed"), ("ADDED", "new"), ("DELETED", "gone")]
            await watch.aclose()


async def is_ready(waypost: Waypost, service_name: str) -> bool:
    explained = await waypost.explain(service_name)
    return [each["verdict"] for each in explained["pods"]] == ["Ready"]


async def test_a_registration_lasts_through_a_crash_and_ends_with_its_block(
    tmp_path: Path, database_url: str, port: str
) -> None:
    pod: Document = {
        "metadata": {"name": "ent-1", "labels": {"app": "ent"}},
        "spec": {"leaseDurationSeconds": 2},
        "status": {"podIPs": [{"ip": "10.0.0.7"}]},
    }
    async with Waypost(f"http://127.0.0.1:{port}", token="") as waypost:
        async with a_server(tmp_path, database_url, port) as server:
            await waypost.create(service("ent"))
            registering = waypost.register(pod)
            registered = await registering.__aenter__()
            assert await is_ready(waypost, "ent")
            await server.kill()
        await until(lambda: bool(registered.problem))
        async with a_server(tmp_path, database_url, port):
            await until(lambda: not registered.problem)
            await eventually(lambda: is_ready(waypost, "ent"))
            await waypost.delete("Pod", "ent-1", grace_period_s=0)
            await eventually(lambda: is_ready(waypost, "ent"))
            await registering.__aexit__(None, None, None)
            with pytest.raises(NotFound):
                await waypost.get("Pod", "ent-1")


async def test_a_program_without_an_event_loop_does_the_same(
    tmp_path: Path, database_url: str
) -> None:
    def program(url: str) -> list[str]:
        seen: list[str] = []
        with BlockingWaypost(url, token="") as waypost:
            waypost.create(service("ent"))
            with (
                waypost.watch("EndpointSlice") as watch,
                waypost.register(Endpoint(service="ent", address="10.0.0.7")),
            ):
                for change in watch:
                    addresses = [
                        address
                        for endpoint in change.object["endpoints"]
                        for address in endpoint["addresses"]
                    ]
                    if addresses:
                        seen += addresses
                        break
            seen += waypost.resolve("ent")["addresses"]
        return seen

    async with serving(tmp_path, database_url=database_url, bootstrap="false") as server:
        url = f"http://127.0.0.1:{server.api_port}"
        (endpoint, address) = await asyncio.to_thread(program, url)
        assert endpoint == "10.0.0.7"
        assert address.startswith("10.")


async def test_credentials_are_those_of_a_file_and_refusals_say_what_is_missing(
    tmp_path: Path, database_url: str
) -> None:
    async with serving(tmp_path, "--auth", database_url=database_url) as server:
        url, file = f"http://127.0.0.1:{server.api_port}", tmp_path / "token"
        administrator = (tmp_path / "state" / ADMINISTRATOR).read_text()
        async with Waypost(url, token="") as nobody:
            with pytest.raises(Unauthorized):
                await nobody.list("Service")
        file.write_text(administrator)
        async with Waypost(url, token_file=file) as waypost:
            await waypost.create(service("ent"))
            issued = await waypost.create({"kind": "Token", "spec": {"user": "alice"}})
            file.write_text(issued["status"]["token"])
            user = (await waypost.whoami())["status"]["userInfo"]
            assert user.get("username") == "alice", "the file is read again"
            with pytest.raises(Forbidden, match="alice"):
                await waypost.list("Service")
            watch = waypost.watch("Service")
            with pytest.raises(Forbidden):
                await following(watch)
