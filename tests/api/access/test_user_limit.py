"""A user has a quarter of the watchers and of the concurrent requests, and no more."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace

import httpx
import pytest

from app.api import application
from app.api.http.limits import Limits
from app.main import VERSION
from tests.api.access.guarded import Guarded, a_binding, a_node, a_role, a_rule, guarded, streaming
from tests.registries import a_client
from tests.waiting import WITHIN_S, until

LIMIT, SHARE = 8, 2
ROUNDS = 100  # of the event loop, in which a request without sockets has come to where it waits
WATCHING = a_role("watches", a_rule("get watch list", "services", "nodes/rules"))


@pytest.fixture(scope="module")
async def running(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Guarded, None]:
    """A registry with few watchers and few requests at once."""
    folder = tmp_path_factory.mktemp("shares")
    async with guarded(module_database_url, folder, watchers_max=LIMIT) as made:
        limits = Limits(requests_max=LIMIT)
        app = application.build(version=VERSION, limits=limits, access=made.registry.access)
        app.state.registry = made.registry
        async with a_client(app) as client:
            yield replace(made, app=app, client=client)


@pytest.fixture
async def place(running: Guarded) -> Guarded:
    """That registry, where alice and bob may watch, and alice may act for others."""
    await running.forget()
    acting = a_role("acts", a_rule("impersonate", "users"))
    await running.hold(a_node("n1"), WATCHING, acting)
    await running.hold(
        a_binding("watches", "alice"), a_binding("watches", "bob"), a_binding("acts", "alice")
    )
    return running


def watch_of(place: Guarded) -> str:
    return f"/services?watch=true&resourceVersion={place.revision}"


def poll_of(place: Guarded) -> str:
    return f"/nodes/n1/ipvs/changes?since={place.revision}&timeoutSeconds=60"


async def ended(*tasks: asyncio.Task[httpx.Response]) -> None:
    """Disconnect clients, and wait until they are gone."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def refusal(place: Guarded, path: str, headers: Mapping[str, str]) -> str:
    """Ask for what is refused because of the user's share; gives the message."""
    async with asyncio.timeout(WITHIN_S):
        answer = await place.client.get(path, headers=headers)
    assert answer.status_code == 429, answer.text
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["reason"] == "TooManyRequests"
    return answer.json()["message"]


async def test_a_user_has_a_quarter_of_the_watchers(place: Guarded) -> None:
    alice, bob = await place.as_("alice"), await place.as_("bob")
    held = [await streaming(place, watch_of(place), alice) for _ in range(SHARE)]
    await until(lambda: place.registry.watching.watchers == SHARE)
    for headers in (alice, {**alice, "impersonate-user": "bob"}):
        for path in (watch_of(place), poll_of(place)):
            assert await refusal(place, path, headers) == (
                'user "alice" has 2 watchers already, the most that one user may have of 8'
            )
    others = await streaming(place, watch_of(place), bob)
    await ended(held.pop())
    held.append(await streaming(place, watch_of(place), alice))
    await ended(*held, others)
    assert place.registry.watching.watchers == 0


async def test_a_long_poll_is_a_watcher_of_its_user(place: Guarded) -> None:
    alice = await place.as_("alice")
    held = [
        asyncio.create_task(place.client.get(poll_of(place), headers=alice)) for _ in range(SHARE)
    ]
    await until(lambda: place.registry.watching.watchers == SHARE)
    await refusal(place, watch_of(place), alice)
    await ended(*held)


@pytest.mark.parametrize("path", ["/nodes/n1/ipvs/changes?since", "/services?resourceVersion"])
async def test_a_user_has_a_quarter_of_the_requests(place: Guarded, path: str) -> None:
    alice, bob = await place.as_("alice"), await place.as_("bob")
    ahead = f"{path}={place.revision + 1}"  # waits within its request
    held = [asyncio.create_task(place.client.get(ahead, headers=alice)) for _ in range(SHARE)]
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
    assert not any(task.done() for task in held)
    assert await refusal(place, "/services", alice) == (
        'user "alice" has 2 requests that are being answered already, '
        "the most that one user may have of 8"
    )
    assert (await place.client.get("/services", headers=bob)).is_success
    assert (await place.client.get("/livez", headers=alice)).is_success, "health needs no slot"
    await place.hold(a_node("n2"))
    assert [answer.status_code for answer in await asyncio.gather(*held)] == [200, 200]
    assert (await place.client.get("/services", headers=alice)).is_success
