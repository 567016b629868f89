"""What is no answer of a registry is never taken for one, whatever is asked."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client.hostile_servers import hostile, whole
from waypost.client import (
    Endpoint,
    Misbehaved,
    NoSuchPath,
    Retries,
    Unauthorized,
    Waypost,
    WaypostError,
)

SERVICE: dict[str, Any] = {"kind": "Service", "metadata": {"name": "ent"}}
POD: dict[str, Any] = {"kind": "Pod", "metadata": {"name": "ent-1"}}


async def each(waypost: Waypost) -> list[object]:
    return [found async for found in waypost.each("Service")]


async def registered(waypost: Waypost) -> None:
    async with waypost.register(POD):
        pytest.fail("it is not registered")


async def endpoint(waypost: Waypost) -> None:
    async with waypost.register(Endpoint(service="ent", address="10.0.0.7")):
        pytest.fail("it is not registered")


CALLS: dict[str, Callable[[Waypost], Awaitable[object]]] = {
    "get": lambda w: w.get("Service", "ent"),
    "list": lambda w: w.list("Service"),
    "each": each,
    "create": lambda w: w.create(SERVICE),
    "replace": lambda w: w.replace(SERVICE),
    "patch": lambda w: w.patch("Service", "ent", {}),
    "delete": lambda w: w.delete("Service", "ent", missing_ok=True),
    "apply": lambda w: w.apply([SERVICE]),
    "resolve": lambda w: w.resolve("ent"),
    "resolve_all": lambda w: w.resolve_all(["ent"]),
    "explain": lambda w: w.explain("ent"),
    "rules": lambda w: w.rules("n1"),
    "rules of nftables": lambda w: w.rules("n1", mode="nftables"),
    "rules_changes": lambda w: w.rules_changes("n1", "5"),
    "rules_changes of nftables": lambda w: w.rules_changes("n1", "5", mode="nftables"),
    "render": lambda w: w.render({"node": {"apiVersion": "v1", "kind": "Node", "metadata": {}}}),
    "whoami": lambda w: w.whoami(),
    "can_i": lambda w: w.can_i("get", "Service"),
    "register": registered,
    "register an endpoint": endpoint,
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())

WRONG: dict[str, object] = {
    "nothing": {},
    "another kind": {"kind": "Paths", "metadata": {}, "items": [], "results": []},
    "no items": {"kind": "ServiceList", "metadata": {}, "items": None},
    "items of no objects": {"kind": "ServiceList", "metadata": {}, "items": [None]},
    "no metadata": {"kind": "Pod", "metadata": None},
    "no resolutions": {"resolutions": None},
    "too few resolutions": {"resolutions": []},
    "a number as its kind": {"kind": 5},
}
wrong = pytest.mark.parametrize("document", WRONG.values(), ids=WRONG.keys())


def answered(answer: httpx.Response) -> Waypost:
    return Waypost(
        "http://localhost",
        token="",
        transport=httpx.MockTransport(lambda _: answer),
        retries=Retries(attempts_max=1),
    )


@calls
@wrong
async def test_an_answer_of_another_shape_is_misbehaviour(
    call: Callable[[Waypost], Awaitable[object]], document: object
) -> None:
    async with answered(httpx.Response(200, json=document)) as waypost:
        with pytest.raises(Misbehaved, match="http://localhost: its answer"):
            await call(waypost)


@given(st.sampled_from([*CALLS]), st.sampled_from(["Service", "ServiceList", "Pod"]), st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
async def test_whatever_is_answered_only_errors_of_the_client_are_raised(
    name: str, kind: str, data: st.DataObject
) -> None:
    inner = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.none(), max_size=2)
    some = st.dictionaries(st.sampled_from(["metadata", "items", "spec", "status"]), inner)
    answer = httpx.Response(200, json={"kind": kind, **data.draw(some)})
    async with answered(answer) as waypost:
        with suppress(WaypostError):
            await CALLS[name](waypost)


@calls
async def test_a_path_that_does_not_exist_is_no_missing_object(
    call: Callable[[Waypost], Awaitable[object]],
) -> None:
    status = {"kind": "Status", "reason": "NotFound", "message": 'there is no path "/api/pods"'}
    async with answered(httpx.Response(404, json=status)) as waypost:
        with pytest.raises(NoSuchPath, match="no path") as error:
            await call(waypost)
    assert error.value.url == "http://localhost"


async def test_a_list_of_another_server_is_not_empty() -> None:
    listing = json.dumps({"kind": "ServiceList", "items": {}}).encode()
    async with hostile(whole(listing)) as server, Waypost(server.url, token="") as waypost:
        with pytest.raises(Misbehaved, match=f"{server.url}.*metadata"):
            await waypost.list("Service")


async def test_a_missing_token_is_explained() -> None:
    status = {"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized"}
    async with answered(httpx.Response(401, json=status)) as waypost:
        with pytest.raises(Unauthorized, match="WAYPOST_TOKEN_FILE") as error:
            await waypost.whoami()
    assert error.value.url == "http://localhost"
    assert error.value.problem == "Unauthorized"
