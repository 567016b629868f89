"""Limits of concurrent requests: further ones are refused with Retry-After."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import errors
from app.api.http import limits
from app.api.http.delivery import NDJSON
from app.api.http.limits import BEGUN_A_ROUND, Admission, RequestLimit
from tests.registries import a_client
from tests.rounds import work_a_round
from tests.waiting import until


def an_application(going_on: asyncio.Event, **bounds: Any) -> FastAPI:  # noqa: ANN401  bounds of several types
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

    app.add_middleware(RequestLimit, requests_max=2, **bounds)
    return app


async def test_a_request_above_the_limit_is_refused_immediately_and_served_later() -> None:
    going_on = asyncio.Event()
    async with a_client(an_application(going_on)) as client:
        held = [asyncio.create_task(client.get("/slow")) for _ in range(2)]
        await asyncio.sleep(0.05)

        refused = await client.get("/slow")
        assert refused.status_code == httpx.codes.TOO_MANY_REQUESTS
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["reason"] == "TooManyRequests"
        assert (await client.get("/livez")).is_success, "health is always answered"

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


@dataclass(slots=True)
class Upload:
    """A client that sends a body in pieces, and its answer."""

    pieces: asyncio.Queue[dict[str, object]] = field(
        default_factory=asyncio.Queue[dict[str, object]]
    )
    statuses: list[int] = field(default_factory=list[int])

    def send(self, body: bytes, *, more: bool = True) -> None:
        self.pieces.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def go_away(self) -> None:
        self.pieces.put_nowait({"type": "http.disconnect"})

    def begin(self, app: ASGIApp) -> asyncio.Task[None]:
        scope: dict[str, object] = {
            "type": "http",
            "method": "POST",
            "path": "/body",
            "headers": [],
            "query_string": b"",
            "app": app,
        }
        return asyncio.ensure_future(app(scope, self.pieces.get, self._hear))

    async def _hear(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.statuses.append(int(message["status"]))


async def test_a_body_that_arrives_too_slowly_is_refused() -> None:
    upload = Upload()
    answering = upload.begin(an_application(asyncio.Event(), body_s_min=0.05))
    upload.send(b"x")
    await answering
    assert upload.statuses == [httpx.codes.REQUEST_TIMEOUT]


async def test_received_octets_extend_the_deadline_of_a_body() -> None:
    upload = Upload()
    answering = upload.begin(an_application(asyncio.Event(), body_s_min=0.05))
    upload.send(b"x" * limits.BODY_OCTETS_A_S * 60)
    done, _ = await asyncio.wait([answering], timeout=0.3)
    assert not done
    upload.send(b"", more=False)
    await answering
    assert upload.statuses == [httpx.codes.OK]


async def test_requests_whose_bodies_are_being_received_block_no_others() -> None:
    app = an_application(asyncio.Event())
    uploads = [Upload() for _ in range(20)]
    answering = [upload.begin(app) for upload in uploads]
    for upload in uploads:
        upload.send(b"x")
    await asyncio.sleep(0)
    async with a_client(app) as client:
        assert (await client.post("/body", content=b"x" * 9)).json() == 9
    for upload in uploads:
        upload.send(b"", more=False)
        await asyncio.sleep(0)
    await asyncio.gather(*answering)
    assert {status for upload in uploads for status in upload.statuses} == {httpx.codes.OK}


async def test_all_bodies_together_are_bounded_and_release_their_octets() -> None:
    app = an_application(asyncio.Event(), bodies_octets_max=100)
    first, second, third = Upload(), Upload(), Upload()
    answering = first.begin(app)
    first.send(b"x" * 80)
    await until(first.pieces.empty)
    second.send(b"x" * 80, more=False)
    await second.begin(app)
    assert second.statuses == [httpx.codes.TOO_MANY_REQUESTS]
    first.send(b"", more=False)
    await answering
    third.send(b"x" * 80, more=False)
    await third.begin(app)
    assert (first.statuses, third.statuses) == ([httpx.codes.OK], [httpx.codes.OK])


async def test_a_client_that_disconnects_in_its_body_is_logged_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    upload = Upload()
    answering = upload.begin(an_application(asyncio.Event()))
    upload.send(b"x")
    upload.go_away()
    await answering
    assert [
        record.getMessage() for record in caplog.records if record.name == "app.api.http.limits"
    ] == ["client disconnected in the body of POST /body"]
    assert not any(record.exc_info for record in caplog.records)


MANY = 5 * BEGUN_A_ROUND


async def test_an_iteration_begins_few_requests_and_all_begin_in_order() -> None:
    admission, begun = Admission(), list[int]()

    async def begin(number: int) -> None:
        await admission.enter()
        begun.append(number)

    for _ in range(2):  # the second time as the first
        begun.clear()
        all_of_them = asyncio.gather(*map(begin, range(MANY)))
        _, rounds = await work_a_round(all_of_them, lambda: len(begun))
        assert begun == list(range(MANY))
        assert max(rounds) <= BEGUN_A_ROUND


async def test_a_disconnected_request_takes_no_place() -> None:
    admission = Admission(begun_a_round=1)
    waiting = [asyncio.create_task(admission.enter()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in waiting[1:4]:
        task.cancel()
    async with asyncio.timeout(5):
        await waiting[4]


async def test_health_is_answered_before_queued_requests() -> None:
    answered: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        answered.append(scope["path"])

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_: Message) -> None:
        pass

    limit = RequestLimit(app, requests_max=MANY)
    paths = [*("/services" for _ in range(MANY)), "/livez"]
    await asyncio.gather(*(limit({"type": "http", "path": path}, receive, send) for path in paths))
    assert answered.index("/livez") <= BEGUN_A_ROUND
    assert len(answered) == MANY + 1
