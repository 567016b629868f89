"""Ids of requests and traces are given back as they came, if they are well formed."""

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from app.api.http.request_ids import ID_CHARACTERS_MAX, RequestIds
from app.telemetry.origin import origin
from tests.registries import a_client

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def an_application() -> FastAPI:
    app = FastAPI()

    @app.api_route("/", methods=["GET", "POST"])
    async def answer() -> list[str]:
        return [origin().request_id, origin().traceparent]

    app.add_middleware(RequestIds, new_id=lambda: "made")
    return app


async def asked(method: str, *fields: tuple[str, str]) -> httpx.Response:
    async with a_client(an_application()) as client:
        return await client.request(method, "/", headers=list(fields))


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_well_formed_is_given_back(method: str) -> None:
    answer = await asked(method, ("X-Request-Id", "r/1@~"), ("traceparent", TRACE))
    assert answer.headers["x-request-id"] == "r/1@~"
    assert answer.headers["traceparent"] == TRACE
    assert answer.json() == ["r/1@~", TRACE]


async def test_only_a_write_is_given_an_id_of_its_own() -> None:
    assert "x-request-id" not in (await asked("GET")).headers
    assert (await asked("POST")).headers["x-request-id"] == "made"


@pytest.mark.parametrize("wrong", ["", "a b", "a,b", "a" * 129])
async def test_an_id_that_is_not_well_formed_is_ignored(wrong: str) -> None:
    assert len("a" * 129) > ID_CHARACTERS_MAX
    assert "x-request-id" not in (await asked("GET", ("X-Request-Id", wrong))).headers
    assert (await asked("POST", ("X-Request-Id", wrong))).headers["x-request-id"] == "made"


async def test_two_ids_are_none() -> None:
    twice = ("X-Request-Id", "a"), ("X-Request-Id", "b")
    assert (await asked("POST", *twice)).headers["x-request-id"] == "made"


@pytest.mark.parametrize(
    "wrong",
    [
        "ff" + TRACE[2:],
        TRACE.upper(),
        TRACE[:-1],
        TRACE + "0",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    ],
)
async def test_a_trace_that_is_not_well_formed_is_ignored(wrong: str) -> None:
    assert "traceparent" not in (await asked("GET", ("traceparent", wrong))).headers


@given(st.binary(max_size=200))
async def test_no_octets_become_a_field_of_another_kind(octets: bytes) -> None:
    scope = {"type": "http", "method": "GET", "headers": [(b"x-request-id", octets)]}
    sent: list[list[tuple[bytes, bytes]]] = []

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Message) -> None:
        sent.append(message["headers"])

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    await RequestIds(app)(scope, receive, send)
    for _, value in sent[0]:
        assert value.decode().isprintable()
        assert value == octets
