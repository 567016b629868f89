"""Revocation among three servers on one database: obeyed by all, exactly by revision."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from app.administrators import FILE_NAME
from tests.end_to_end.processes import Serving, serving
from tests.waiting import WITHIN_S, eventually

pytestmark = pytest.mark.end_to_end

RBAC = "rbac.authorization.k8s.io"
BINDING: dict[str, Any] = {
    "metadata": {"name": "alice-views"},
    "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"},
    "subjects": [{"kind": "User", "apiGroup": RBAC, "name": "alice"}],
}


@pytest.fixture(scope="module")
async def servers(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[tuple[Serving, Serving, Serving], None]:
    """Run three servers with authentication on one database, for all tests."""
    async with AsyncExitStack() as stack:

        async def one(number: int) -> Serving:
            folder = tmp_path_factory.mktemp(f"revocation-{number}")
            running = serving(folder, "--auth", database_url=module_database_url)
            return await stack.enter_async_context(running)

        yield (await one(1), await one(2), await one(3))


def administrator_of(servers: Sequence[Serving]) -> dict[str, str]:
    """The token that the first of them left, and no other."""
    files = [each.log.parent / "state" / FILE_NAME for each in servers]
    assert [file.exists() for file in files] == [True, False, False]
    return bearer(files[0].read_text().strip())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def a_viewer(server: Serving, admin: dict[str, str]) -> tuple[str, dict[str, str], str]:
    """Give alice the role ``view`` and a token; its id, the credentials, and the revision."""
    bound = await server.client.put("/clusterrolebindings/alice-views", json=BINDING, headers=admin)
    assert bound.is_success, bound.text
    made = await server.client.post("/tokens", json={"spec": {"user": "alice"}}, headers=admin)
    assert made.is_success, made.text
    token = made.json()
    metadata = token["metadata"]
    return metadata["name"], bearer(token["status"]["token"]), metadata["resourceVersion"]


async def every(answers: Sequence[Awaitable[httpx.Response]]) -> list[int]:
    return [answer.status_code for answer in await asyncio.gather(*answers)]


async def watched_to_its_end(
    server: Serving, headers: dict[str, str], since: str, is_begun: asyncio.Event
) -> list[dict[str, Any]]:
    """Read a stream until the server ends it."""
    path = f"/watch?kinds=Service&resourceVersion={since}"
    async with server.client.stream("GET", path, headers=headers, timeout=WITHIN_S) as stream:
        assert stream.status_code == 200
        is_begun.set()
        return [json.loads(line) async for line in stream.aiter_lines()]


async def watches(
    servers: Sequence[Serving], headers: dict[str, str], since: str
) -> list[asyncio.Task[list[dict[str, Any]]]]:
    """Begin a watch of each server."""
    begun = [asyncio.Event() for _ in servers]
    tasks = [
        asyncio.create_task(watched_to_its_end(server, headers, since, event))
        for server, event in zip(servers, begun, strict=True)
    ]
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*(event.wait() for event in begun))
    return tasks


async def test_what_one_server_revokes_all_refuse_exactly_by_revision(
    servers: tuple[Serving, Serving, Serving],
) -> None:
    admin = administrator_of(servers)
    name, alice, since = await a_viewer(servers[0], admin)
    known = f"/services?resourceVersion={since}"
    assert await every([each.client.get(known, headers=alice) for each in servers]) == [200] * 3
    streams = await watches(servers, alice, since)
    before = await servers[1].client.post(
        "/services",
        json={"metadata": {"name": "before"}, "spec": {"ports": [{"port": 80}]}},
        headers=admin,
    )
    assert before.is_success, before.text

    gone = await servers[2].client.delete(f"/tokens/{name}", headers=admin)

    revision = gone.json()["metadata"]["resourceVersion"]
    # Whoever names the revision is refused, whether the server had heard of it before or not.
    exact = f"/services?resourceVersion={revision}"
    assert await every([each.client.get(exact, headers=alice) for each in servers]) == [401] * 3
    # From then on no server forgets it.
    assert (
        await every([each.client.get("/services", headers=alice) for each in servers]) == [401] * 3
    )
    for lines in await asyncio.gather(*streams):
        events = [line for line in lines if line["type"] != "BOOKMARK"]
        assert [each["type"] for each in events] == ["ADDED", "ERROR"]
        assert events[0]["object"]["metadata"]["name"] == "before"
        assert (events[1]["object"]["code"], events[1]["object"]["reason"]) == (
            401,
            "Unauthorized",
        )


async def test_servers_that_are_not_told_the_revision_hear_of_it(
    servers: tuple[Serving, Serving, Serving],
) -> None:
    admin = administrator_of(servers)
    name, alice, since = await a_viewer(servers[0], admin)
    known = f"/services?resourceVersion={since}"
    assert await every([each.client.get(known, headers=alice) for each in servers]) == [200] * 3

    gone = await servers[0].client.delete(f"/tokens/{name}", headers=admin)
    assert gone.is_success, gone.text

    assert (await servers[0].client.get("/services", headers=alice)).status_code == 401
    for server in servers[1:]:
        answers: list[int] = []

        async def is_refused(server: Serving = server, answers: list[int] = answers) -> bool:
            answers.append((await server.client.get("/services", headers=alice)).status_code)
            return answers[-1] == 401

        await eventually(is_refused)
        assert answers == sorted(answers)
        assert set(answers) <= {200, 401}


async def test_a_role_that_is_taken_away_ends_the_streams_of_all_servers(
    servers: tuple[Serving, Serving, Serving],
) -> None:
    admin = administrator_of(servers)
    _, alice, since = await a_viewer(servers[0], admin)
    streams = await watches(servers, alice, since)
    gone = await servers[1].client.delete("/clusterrolebindings/alice-views", headers=admin)
    assert gone.is_success, gone.text
    for lines in await asyncio.gather(*streams):
        events = [line for line in lines if line["type"] != "BOOKMARK"]
        assert [each["type"] for each in events] == ["ERROR"]
        assert events[0]["object"]["code"] == 403
    listed = await servers[1].client.get("/clusterrolebindings", headers=admin)
    exact = f"/services?resourceVersion={listed.json()['metadata']['resourceVersion']}"
    assert await every([each.client.get(exact, headers=alice) for each in servers]) == [403] * 3
