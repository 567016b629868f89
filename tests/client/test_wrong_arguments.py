"""What can never be right is refused by the client itself, and nothing is sent."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx
import pytest

from waypost.client import Endpoint, InvalidArgument, InvalidURL, Waypost

WRONG: Any = None  # for parameters that are texts
NAMES: list[Any] = ["", ".", "..", "a/b", "%2e%2e", "\ud800", None, 5]
SERVICE: dict[str, Any] = {"kind": "Service", "metadata": {"name": "ent"}}
Call = Callable[[Waypost], Awaitable[object]]


async def registered(waypost: Waypost, pod: dict[str, Any] | Endpoint) -> None:
    async with waypost.register(pod):
        pytest.fail("it is not registered")


BY_NAME: dict[str, Callable[[Waypost, Any], Awaitable[object]]] = {
    "get": lambda w, name: w.get("Service", name),
    "get in a namespace": lambda w, name: w.get("Service", "ent", namespace=name),
    "patch": lambda w, name: w.patch("Node", name, {}),
    "delete": lambda w, name: w.delete("Pod", name, missing_ok=True),
    "delete in a namespace": lambda w, name: w.delete(
        "Pod", "ent-1", namespace=name, missing_ok=True
    ),
    "explain": lambda w, name: w.explain(name),
    "rules": lambda w, name: w.rules(name),
    "rules_text": lambda w, name: w.rules_text(name),
    "rules_changes": lambda w, name: w.rules_changes(name, "1"),
    "replace": lambda w, name: w.replace({"kind": "Node", "metadata": {"name": name}}),
    "register": lambda w, name: registered(w, {"metadata": {"name": name}}),
    "register an endpoint": lambda w, name: registered(
        w, Endpoint(service=name, address="10.0.0.7")
    ),
}
CALLS: dict[str, Call] = {
    "an unknown kind": lambda w: w.get("Deployment", "ent"),
    "no kind": lambda w: w.delete(WRONG, "ent"),
    "a manifest without a kind": lambda w: w.create({"metadata": {}}),
    "a manifest without a name": lambda w: w.replace({"kind": "Service"}),
    "a subresource": lambda w: w.replace(SERVICE, subresource="../.."),
    "a set": lambda w: w.create({**SERVICE, "spec": {"ports": {80}}}),
    "no number": lambda w: w.create({**SERVICE, "spec": {"a": float("nan")}}),
    "half a character": lambda w: w.apply("\ud800"),
    "half a character in a query": lambda w: w.list("Service", label_selector="\ud800"),
    "a mode": lambda w: cast("Awaitable[object]", w.rules("n1", mode=WRONG)),
    "another host": lambda w: w.ask("GET", "@127.0.0.1:18090/x"),
    "a path without a slash": lambda w: w.ask("GET", "services"),
    "a query in a path": lambda w: w.ask("GET", "/services?limit=5"),
    "a method": lambda w: w.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET", "/services"),
    "a lease": lambda w: registered(
        w, {"metadata": {"name": "a"}, "spec": {"leaseDurationSeconds": 0}}
    ),
}


@pytest.fixture
async def waypost() -> Waypost:
    def answer(request: httpx.Request) -> httpx.Response:
        pytest.fail(f"{request.method} {request.url} was sent")

    return Waypost("http://localhost", token="", transport=httpx.MockTransport(answer))


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("call", BY_NAME.values(), ids=BY_NAME.keys())
async def test_what_no_name_is_is_refused(
    call: Callable[[Waypost, Any], Awaitable[object]], name: object, waypost: Waypost
) -> None:
    with pytest.raises(InvalidArgument):
        await call(waypost, name)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_what_can_never_be_right_is_refused(call: Call, waypost: Waypost) -> None:
    with pytest.raises(InvalidArgument):
        await call(waypost)


def test_a_watch_is_refused_at_once() -> None:
    waypost = Waypost("http://localhost", token="")
    with pytest.raises(InvalidArgument, match="no kind"):
        waypost.watch("Deployment")


@pytest.mark.parametrize("address", ["localhost", "10.0.0.256", ""])
async def test_an_endpoint_has_an_address(address: str) -> None:
    service = {**SERVICE, "spec": {"selector": {"app": "ent"}}}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=service))
    async with Waypost("http://localhost", token="", transport=transport) as waypost:
        with pytest.raises(InvalidArgument, match="not an IP address"):
            await registered(waypost, Endpoint(service="ent", address=address))


@pytest.mark.parametrize("url", ["http://a?x=1", "http://a/b#c", "http://a?", "http://a#", WRONG])
def test_a_url_to_which_no_path_can_be_added_is_refused(url: str) -> None:
    with pytest.raises(InvalidURL):
        Waypost([url])
