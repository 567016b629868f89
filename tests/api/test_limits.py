"""Bounds on what is done at once: those over it are told when to come back."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from app.api import errors, limits
from app.api.limits import RequestLimit
from app.api.streams import NDJSON
from tests.registries import a_client
from tests.waiting import until


def an_application(going_on: asyncio.Event) -> FastAPI:
    app = FastAPI()
    errors.install(app)

    @app.get("/slow")
    async def slow() -> str:
        await going_on.wait()
        return "done"

    @app.get("/livez")
    async def livez() -> str:
        return "ok"

    @app.post("/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"{}\n"
            await going_on.wait()

        return StreamingResponse(pieces(), media_type=NDJSON)

    app.add_middleware(RequestLimit, requests_max=2)
    return app


async def test_a_request_over_the_bound_is_refused_at_once_and_served_later() -> None:
    going_on = asyncio.Event()
    async with a_client(an_application(going_on)) as client:
        held = [asyncio.create_task(client.get("/slow")) for _ in range(2)]
        await asyncio.sleep(0.05)

        refused = await client.get("/slow")
        assert refused.status_code == httpx.codes.TOO_MANY_REQUESTS
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["reason"] == "TooManyRequests"
        assert (await client.get("/livez")).is_success, "health is always told"

        going_on.set()
        assert [response.status_code for response in await asyncio.gather(*held)] == [200, 200]
        assert (await client.get("/slow")).is_success


async def test_streams_leave_their_slot_when_they_begin() -> None:
    going_on = asyncio.Event()
    async with a_client(an_application(going_on)) as client:
        streams: list[asyncio.Task[httpx.Response]] = []
        for _ in range(5):
            streams.append(asyncio.create_task(client.get("/stream")))
            await asyncio.sleep(0.05)
        assert (await client.post("/body", content=b"x")).is_success
        going_on.set()
        assert all(response.is_success for response in await asyncio.gather(*streams))


async def test_a_body_that_comes_too_slowly_frees_its_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "PIECE_S_MAX", 0.05)
    refused: list[int] = []

    async def dawdling() -> dict[str, object]:
        await asyncio.sleep(10)
        raise AssertionError

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            refused.append(int(str(message["status"])))

    app = an_application(asyncio.Event())
    scope: dict[str, object] = {
        "type": "http",
        "method": "POST",
        "path": "/body",
        "headers": [],
        "query_string": b"",
        "app": app,
    }
    answering = asyncio.create_task(app(scope, dawdling, send))  # type: ignore[arg-type]
    await until(lambda: refused == [httpx.codes.TOO_MANY_REQUESTS])
    await answering
