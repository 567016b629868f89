"""Connections as clients use and leave them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send

from app.api.server import HTTPServer, Moments, listen
from tests.waiting import until

REQUEST = b"GET /watch HTTP/1.1\r\nhost: waypost\r\n\r\n"


@dataclass(slots=True)
class Listening:
    """Begins an answer, and waits for its client to go."""

    running: int = 0
    left: int = 0
    begun: list[str] = field(default_factory=list[str])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.running += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        self.running -= 1
        self.left += 1


@asynccontextmanager
async def serving(app: Listening) -> AsyncGenerator[int, None]:
    """Serve until the block ends; gives the port."""
    ready = asyncio.Event()
    with listen("127.0.0.1", 0) as listener:
        server = HTTPServer(app, Moments(started=ready.set))
        running = asyncio.create_task(server.serve([listener]))
        try:
            await ready.wait()
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running


@pytest.mark.parametrize("requests", [1, 2])
async def test_whoever_goes_has_left_all_that_was_begun_for_him(requests: int) -> None:
    app = Listening()
    async with serving(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST * requests)  # the second waits behind the first
        await reader.readuntil(b"begun")
        assert app.running == 1
        writer.close()
        await until(lambda: app.left >= 1 and app.running == 0)
