"""Answers of hostile servers are read within bounds, over real sockets."""

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from tests.client.hostile_servers import (
    OK,
    SOCKET_OCTETS_MAX,
    Hostile,
    Script,
    bomb,
    endless_gzip,
    gzipped,
    hostile,
    whole,
)
from waypost.client.errors import Misbehaved, Unreachable
from waypost.client.http.answer import BOUNDS, Answer, Bounds
from waypost.client.http.bounded_reading import http_client, read_answer, read_lines

MEBIBYTE = 1024 * 1024
TIGHT = replace(BOUNDS, answer_octets_max=MEBIBYTE, line_octets_max=MEBIBYTE)
IMPATIENT = replace(
    TIGHT, answer_s_max=0.5, line_s_max=0.5
)  # longer than the pause between two pieces


@asynccontextmanager
async def a_client() -> AsyncGenerator[httpx.AsyncClient, None]:
    async with http_client() as client:
        yield client


async def answer_of(server: Hostile, bounds: Bounds = TIGHT) -> Answer:
    async with a_client() as client:
        return await read_answer(client, client.build_request("GET", f"{server.url}/x"), bounds)


class NotAStreamError(Exception):
    pass


def refuse(answer: Answer) -> None:
    raise NotAStreamError(answer.status_code, answer.body)


async def lines_of(server: Hostile, bounds: Bounds = TIGHT) -> list[bytes]:
    async with a_client() as client:
        request = client.build_request("GET", f"{server.url}/x")
        batches = read_lines(client, request, bounds, check=refuse)
        return [line async for lines in batches for line in lines]


@pytest.mark.parametrize(
    "script",
    [whole(b"[1]"), gzipped(gzip.compress(b"[1]")), gzipped(gzip.compress(b"[1]"), "X-GZIP")],
)
async def test_an_answer_is_decompressed(script: Script) -> None:
    async with hostile(script) as server:
        answer = await answer_of(server)
    assert (answer.status_code, answer.body) == (200, b"[1]")
    assert b"accept-encoding: gzip\r\n" in server.requests[0].lower()


async def test_an_empty_answer_may_be_declared_compressed() -> None:
    script = whole(b"", "Content-Encoding: gzip", status="204 No Content")
    async with hostile(script) as server:
        assert (await answer_of(server)).body == b""


async def test_lines_are_read_as_they_arrive() -> None:
    script = Script(OK + b"\r\n" + b'{"a":1}\n\n{"b"' + b":2}\nrest")
    async with hostile(script) as server:
        assert await lines_of(server) == [b'{"a":1}', b'{"b":2}', b"rest"]


@pytest.mark.parametrize(
    "script",
    [
        Script(OK + b"\r\n", b"x" * 65_536),
        Script(OK + b"Content-Length: 999999999999\r\n\r\n", b"x" * 65_536),
        Script(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
        gzipped(bomb()),
        endless_gzip(),
    ],
)
async def test_a_body_without_end_is_read_up_to_the_bound(script: Script) -> None:
    async with hostile(script) as server:
        with pytest.raises(Misbehaved, match=f"its answer has more than {MEBIBYTE} bytes"):
            await answer_of(server)
        assert server.sent < SOCKET_OCTETS_MAX + 2 * MEBIBYTE


async def test_an_error_without_end_is_bounded_too() -> None:
    script = Script(b"HTTP/1.1 404 Not Found\r\n\r\n", b"x" * 65_536)
    async with hostile(script) as server:
        with pytest.raises(Misbehaved, match="more than"):
            await answer_of(server)
        with pytest.raises(Misbehaved, match="more than"):
            await lines_of(server)


async def test_a_decompression_bomb_is_never_kept_in_memory() -> None:
    packed = bomb()
    async with hostile(gzipped(packed)) as server:
        tracemalloc.start()
        try:
            with pytest.raises(Misbehaved, match="more than"):
                await answer_of(server)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 16 * MEBIBYTE


async def test_values_are_counted_as_well_as_octets() -> None:
    few = replace(TIGHT, answer_values_max=1_000)
    async with hostile(whole(b"[" + b"[]," * 10_000 + b"[]]")) as server:
        with pytest.raises(Misbehaved, match="more than 1000 values"):
            await answer_of(server, few)


@pytest.mark.parametrize("coding", ["gzip, gzip", "deflate", "br", "zstd", "gzip,identity", "x"])
async def test_unrequested_codings_are_refused_unread(coding: str) -> None:
    async with hostile(gzipped(bomb(codings=2), coding)) as server:
        with pytest.raises(Misbehaved, match="which it was not asked for"):
            await answer_of(server)
        with pytest.raises(Misbehaved, match="which it was not asked for"):
            await lines_of(server)


@pytest.mark.parametrize(
    "script",
    [
        Script(OK + b"\r\n", b"x" * 65_536),
        endless_gzip(),
    ],
)
async def test_a_line_without_end_is_read_up_to_the_bound(script: Script) -> None:
    async with hostile(script) as server:
        with pytest.raises(Misbehaved, match=f"one line has more than {MEBIBYTE} bytes"):
            await lines_of(server)
        assert server.sent < SOCKET_OCTETS_MAX + 8 * MEBIBYTE


@pytest.mark.parametrize(
    "script",
    [
        Script(b"HTTP/1.1 200 OK\r\n", b"X-Fill: " + b"x" * 1_000 + b"\r\n"),
        Script(b"HTTP/1.1 200 OK\r\nX-Fill: ", b"x" * 65_536),
        Script(b"HTTP/1.1 200 ", b"x" * 65_536),
        Script(b"", b"x" * 65_536),
        Script(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Fill: x\r\n"),
    ],
)
async def test_a_head_or_a_trailer_without_end_is_read_up_to_a_bound(script: Script) -> None:
    async with hostile(script) as server:
        with pytest.raises(Unreachable, match="HTTP is incomplete or cannot be read"):
            await answer_of(server)
        assert server.sent < SOCKET_OCTETS_MAX


CRUMBS = Script(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10_000)
DRIPS = [
    Script(OK + b"Content-Length: 100000\r\n\r\n", b"x", pause_s=0.01),
    Script(b"HTTP/1.1 200 OK\r\nX-Fill: ", b"x", pause_s=0.01),
    Script(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause_s=0.01),
    Script(
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10],
        b"\0\0\0\xff\xff",
        pause_s=0.01,
    ),
]


@pytest.mark.parametrize("script", DRIPS)
async def test_a_slow_answer_has_one_timeout_as_a_whole(script: Script) -> None:
    async with hostile(script) as server:
        with pytest.raises(Unreachable, match=r"its answer was not complete within 0\.5 s"):
            await answer_of(server, IMPATIENT)


@pytest.mark.parametrize(
    "script",
    [
        *DRIPS,
        Script(OK + b"\r\n", b"\n", pause_s=0.01),
        Script(OK + b"\r\nfirst\nsec", b"o", pause_s=0.01),
    ],
)
async def test_a_slow_line_has_one_timeout_as_a_whole(script: Script) -> None:
    async with hostile(script) as server:
        with pytest.raises(Unreachable, match=r"no complete line arrived within 0\.5 s"):
            await lines_of(server, replace(IMPATIENT, answer_s_max=60))


async def test_a_stream_may_last_longer_than_any_of_its_lines() -> None:
    lines = 8
    script = Script(OK + b"\r\n", b"{}\n", pause_s=0.1)
    async with hostile(script) as server, a_client() as client:
        request = client.build_request("GET", server.url)
        async with aclosing(read_lines(client, request, IMPATIENT, check=refuse)) as batches:
            assert all([await anext(batches) for _ in range(lines)])


async def test_a_refused_connection_is_unreachable() -> None:
    async with hostile(Script(b"", b"", pause_s=0)) as server:
        with pytest.raises(Unreachable, match="disconnected"):
            await answer_of(server)
    with pytest.raises(Unreachable, match="Connection refused"):
        await answer_of(server)


async def test_a_web_page_is_misbehaviour() -> None:
    script = whole(b"<html>log in", "Content-Type: text/html; charset=utf-8")
    async with hostile(script) as server:
        for read in (answer_of, lines_of):
            with pytest.raises(Misbehaved, match=r"a web page \(text/html\).*URL of a Waypost API"):
                await read(server)


async def test_a_stream_that_is_refused_gives_the_refusal() -> None:
    async with hostile(whole(b'{"kind":"Status"}', status="410 Gone")) as server:
        with pytest.raises(NotAStreamError, match=r"410.*Status"):
            await lines_of(server)


async def test_redirects_are_not_followed_and_cookies_not_kept() -> None:
    script = whole(b"", "Location: /login", "Set-Cookie: a=b", status="302 Found")
    async with hostile(script) as server, a_client() as client:
        for _ in range(2):
            request = client.build_request("GET", server.url)
            assert (await read_answer(client, request, TIGHT)).status_code == 302
    assert [b"cookie" in request.lower() for request in server.requests] == [False, False]


@pytest.mark.parametrize(
    ("script", "octets_max", "turns_min"),
    [
        (gzipped(bomb()), 32 * MEBIBYTE, 32 * 4),  # a yield for each 256 KiB
        (CRUMBS, 25_600, 100),  # a yield for each 256 chunks
    ],
)
async def test_the_event_loop_runs_while_one_read_is_processed(
    script: Script, octets_max: int, turns_min: int
) -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with hostile(script) as server:
        others = asyncio.create_task(take_turns())
        with pytest.raises(Misbehaved, match="more than"):
            await answer_of(server, replace(BOUNDS, answer_octets_max=octets_max))
        others.cancel()
    assert turns >= turns_min


async def test_a_line_in_the_smallest_chunks_is_bounded() -> None:
    async with hostile(CRUMBS) as server:
        with pytest.raises(Misbehaved, match="one line has more than 25600 bytes"):
            await lines_of(server, replace(TIGHT, line_octets_max=25_600))


async def test_a_refused_connection_has_sent_nothing() -> None:
    async with hostile(Script()) as server:
        pass
    for read in (answer_of, lines_of):
        with pytest.raises(Unreachable) as error:
            await read(server)
        assert not error.value.was_sent


async def test_a_connection_that_ends_without_an_answer_may_have_been_heard() -> None:
    async with hostile(Script()) as server:
        for read in (answer_of, lines_of):
            with pytest.raises(Unreachable) as error:
                await read(server)
            assert error.value.was_sent
