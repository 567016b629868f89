"""A stream is sent piece by piece, from the outermost layer, for as long as somebody reads."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import delivery
from app.api.delivery import EventStream, Outermost
from tests.waiting import until


class Client:
    """Reads what it is sent, until it goes."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        body = message.get("body", b"").decode()
        self.heard.append(body or message["type"].removeprefix("http.response."))


def answering(pieces: AsyncGenerator[bytes, None], client: Client) -> ASGIApp:
    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        await EventStream(pieces)(scope, receive, send)
        client.heard.append("returned")

    return layer


async def three() -> AsyncGenerator[bytes, None]:
    for piece in (b"1", b"2", b"3"):
        yield piece


async def endless() -> AsyncGenerator[bytes, None]:
    yield b"1"
    await asyncio.Event().wait()


async def test_layers_have_returned_when_the_outermost_sends() -> None:
    client = Client()
    await Outermost(answering(three(), client))({"type": "http"}, client.receive, client.send)
    assert client.heard == ["start", "returned", "1", "2", "3", "body"]


async def test_without_an_outermost_layer_the_stream_is_sent_where_it_is() -> None:
    client = Client()
    await answering(three(), client)({"type": "http"}, client.receive, client.send)
    assert client.heard == ["start", "1", "2", "3", "body", "returned"]


async def test_a_stream_ends_when_its_client_goes() -> None:
    client = Client()
    app = Outermost(answering(endless(), client))
    streaming = asyncio.create_task(app({"type": "http"}, client.receive, client.send))
    await until(lambda: "1" in client.heard)
    client.gone.set()
    await streaming
    assert client.heard == ["start", "returned", "1"]


async def test_being_cancelled_is_not_taken_for_a_client_that_has_gone() -> None:
    client = Client()
    app = Outermost(answering(endless(), client))
    streaming = asyncio.create_task(app({"type": "http"}, client.receive, client.send))
    await until(lambda: "1" in client.heard)
    streaming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await streaming


async def test_a_client_that_does_not_read_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "STALL_S", 0.01)
    client = Client()

    async def stuck(message: Message) -> None:
        await client.send(message)
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    await Outermost(answering(three(), client))({"type": "http"}, client.receive, stuck)
    assert client.heard == ["start", "returned", "1"]
