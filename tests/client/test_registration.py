"""What runs is registered while it runs, renews its lease, and is removed when it ends."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.client.relay import Relay
from tests.registries import an_api
from tests.waiting import until
from waypost.client.errors import NotFound, Unreachable, WaypostError
from waypost.client.http.registry_client import RegistryClient
from waypost.client.registration import PodRegistrar, Registered, keep_registered

SERVICE: Mapping[str, Any] = {
    "kind": "Service",
    "metadata": {"name": "ent"},
    "spec": {"selector": {"app": "ent"}, "ports": [{"port": 80}]},
}


def pod(address: str = "10.0.0.5") -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ent-1", "labels": {"app": "ent"}},
        "spec": {"leaseDurationSeconds": 15},
        "status": {"podIPs": [{"ip": address}]},
    }


def registrar_over(
    transport: httpx.AsyncBaseTransport, *urls: str, address: str = "10.0.0.5"
) -> PodRegistrar:
    client = RegistryClient(urls or ["http://localhost"], transport=transport)
    return PodRegistrar(client, pod(address))


@pytest.fixture
async def api(database_url: str) -> AsyncGenerator[httpx.AsyncClient]:
    async with an_api(database_url) as client:
        await client.post("/services", json=SERVICE)
        yield client


async def endpoints(api: httpx.AsyncClient) -> list[str]:
    listed = await api.get("/endpointslices", params={"namespace": "default"})
    return [
        address
        for slice_ in listed.json()["items"]
        for endpoint in slice_.get("endpoints") or ()
        for address in endpoint["addresses"]
    ]


async def test_a_pod_is_registered_renewed_and_removed(api: httpx.AsyncClient) -> None:
    registrar = registrar_over(Relay(api))
    assert not await registrar.renew(), "it is not registered yet"
    await registrar.register()
    assert await endpoints(api) == ["10.0.0.5"]
    assert await registrar.renew()
    await registrar.register()
    await registrar.remove()
    assert await endpoints(api) == []
    await registrar.remove()


async def test_a_pod_of_the_same_name_is_taken_over(api: httpx.AsyncClient) -> None:
    await registrar_over(Relay(api)).register()
    await registrar_over(Relay(api), address="10.0.0.6").register()
    assert await endpoints(api) == ["10.0.0.6"]


async def test_the_next_api_is_asked_when_one_does_not_answer() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(503 if request.url.host == "down" else 200, json={})

    registrar = registrar_over(httpx.MockTransport(answer), "http://down", "http://up")
    with pytest.raises(Unreachable):
        await registrar.register()
    await registrar.register()
    assert asked == ["down", "up"]


@pytest.mark.parametrize("metadata", [None, {}, {"name": ""}, {"name": 7}, {"namespace": "a"}])
def test_a_pod_needs_a_name(metadata: object) -> None:
    client = RegistryClient(["http://localhost"])
    with pytest.raises(ValueError, match=r"metadata\.name"):
        PodRegistrar(client, {"kind": "Pod", "metadata": metadata})


@dataclass
class Book:
    """A registry of one name, which may be away."""

    name: str = "default/ent-1"
    done: list[str] = field(default_factory=list[str])
    has_it: bool = False
    away: WaypostError | None = None

    def _note(self, what: str) -> None:
        if self.away is not None:
            raise self.away
        self.done.append(what)

    async def register(self) -> None:
        self._note("register")
        self.has_it = True

    async def renew(self) -> bool:
        self._note("renew")
        return self.has_it

    async def remove(self) -> None:
        self._note("remove")
        self.has_it = False


def kept(book: Book, *, is_registered: bool = False) -> AbstractAsyncContextManager[Registered]:
    """Keep a book's name registered, with heartbeats at no interval."""
    return keep_registered(book, failures=WaypostError, heartbeat_s=0, is_registered=is_registered)


async def test_it_is_registered_once_and_renewed_until_the_block_ends() -> None:
    book = Book()
    async with kept(book) as registered:
        await until(lambda: len(book.done) > 3)
        assert (registered.name, registered.problem) == ("default/ent-1", "")
    assert book.done[0] == "register"
    assert set(book.done[1:-1]) == {"renew"}
    assert book.done[-1] == "remove"


async def test_what_is_registered_already_is_only_renewed() -> None:
    book = Book(has_it=True)
    async with kept(book, is_registered=True):
        await until(lambda: len(book.done) > 3)
    assert "register" not in book.done


async def test_what_others_deleted_is_registered_again() -> None:
    book = Book()
    async with kept(book):
        await until(lambda: book.has_it)
        book.has_it = False
        await until(lambda: book.has_it)
    assert book.done.count("register") == 2


async def test_a_failure_is_logged_once_and_retried(caplog: pytest.LogCaptureFixture) -> None:
    book = Book(away=Unreachable("refused", url="http://a"))
    async with kept(book) as registered:
        await until(lambda: bool(registered.problem))
        for _ in range(5):
            await asyncio.sleep(0)
        assert registered.problem == "http://a: refused"
        book.away = None
        await until(lambda: book.has_it)
        await until(lambda: not registered.problem)
    (line,) = caplog.messages
    assert line == "could not register default/ent-1: http://a: refused; retrying"


async def test_a_block_ends_though_the_registry_is_away(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()
    async with kept(book):
        await until(lambda: book.has_it)
        book.away = Unreachable("refused")
    assert "stays registered until its lease expires: refused" in caplog.text


async def test_what_fails_in_another_way_is_not_hidden() -> None:
    book = Book()
    book.away = NotFound({})

    async def present() -> None:
        async with keep_registered(book, failures=Unreachable, heartbeat_s=0):
            await asyncio.sleep(0)

    with pytest.raises(NotFound):
        await present()


async def test_an_error_of_the_block_removes_it_too() -> None:
    book = Book()

    async def fail() -> None:
        async with kept(book):
            await until(lambda: book.has_it)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert book.done[-1] == "remove"
