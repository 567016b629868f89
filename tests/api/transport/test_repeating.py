"""Repeated requests over real sockets: which are answered from kept answers, and which are not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest
from starlette.types import Receive, Scope, Send

from app.api.http.kept_answers import ANSWER_OCTETS_MAX, KeptAnswers, keep_while
from app.api.transport.repeating import HEAD_OCTETS_KEPT_MAX, Repeating
from app.api.transport.server import HTTPServer, listen
from app.api.transport.tls import TLS
from app.domain.names import Revision
from app.domain.snapshot import Snapshot
from tests.api.sockets import Answer, Client, serving
from tests.api.transport.test_tls import ALICE, files, trusting
from tests.waiting import until

GET = b"GET /a HTTP/1.1\r\nhost: localhost\r\n\r\n"
NOW = datetime.now(UTC)


@dataclass(slots=True)
class Page:
    """Answers with the number of the request, and lets its answer be kept for good."""

    asked: list[str] = field(default_factory=list[str])
    size: int = 0
    going_on: asyncio.Event = field(default_factory=asyncio.Event)
    snapshot: Snapshot = field(default_factory=lambda: Snapshot(revision=Revision(1)))

    def __post_init__(self) -> None:
        self.going_on.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body", False):
            pass
        self.asked.append(scope["path"])
        await self.going_on.wait()
        keep_while(scope, lambda _: True)
        body = f"{len(self.asked)}".encode().ljust(self.size)
        head = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def page() -> Page:
    return Page()


@asynccontextmanager
async def talking(page: Page, *, head_s_max: float = 20.0) -> AsyncGenerator[Client, None]:
    """Serve a page that is kept, and talk to it."""
    async with (
        serving(page, kept=KeptAnswers(page), head_s_max=head_s_max) as port,
        Client(port) as client,
    ):
        yield client


async def answers(client: Client, octets: bytes, times: int = 3) -> list[bytes]:
    return [(await client.ask(octets)).body for _ in range(times)]


async def test_the_same_octets_get_the_same_answer_without_being_parsed(page: Page) -> None:
    async with talking(page) as client:
        first = await client.ask(GET)
        assert await client.ask(GET) == first
        client.close()
        assert await client.ask(GET) == first
    assert page.asked == ["/a"]
    assert dict(first.fields)["x-content-type-options"] == "nosniff"


async def test_other_octets_are_another_request(page: Page) -> None:
    async with talking(page) as client:
        assert await answers(client, GET) == [b"1"] * 3
        assert await answers(client, GET.replace(b"/a", b"/b")) == [b"2"] * 3
        assert await answers(client, GET.replace(b"host", b"Host")) == [b"3"] * 3


@pytest.mark.parametrize(
    "octets",
    [
        GET.replace(b"GET", b"HEAD"),
        GET.replace(b"GET", b"POST"),
        GET.replace(b"GET", b"OPTIONS"),
        b"GET /a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\nab",
        b"GET /a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\n\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
        b"GET /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET /a HTTP/1.0\r\nhost: localhost\r\n\r\n",
        GET.replace(b"/a", b"/" + b"a" * HEAD_OCTETS_KEPT_MAX),
        b"\r\n" + GET,
    ],
    ids=lambda octets: octets[:90].decode().replace("\r\n", "|"),
)
async def test_these_are_never_answered_from_kept_answers(page: Page, octets: bytes) -> None:
    async with talking(page) as client:
        for _ in range(3):
            await client.send(octets)
            if b"expect" in octets:
                await client.read(is_head=True)
            await client.read(is_head=octets.startswith(b"HEAD"))
    assert len(page.asked) == 3


async def test_a_head_whose_body_follows_apart_is_no_request_by_itself(page: Page) -> None:
    head = GET[:-2] + b"content-length: 4\r\n\r\n"
    async with talking(page) as client:
        for number in range(3):
            await client.send(head)
            await client.send(b"\r\n\r\n")
            assert (await client.read()).body == b"%d" % (number + 1)


async def test_octets_in_a_body_that_look_like_a_known_request_are_a_body(page: Page) -> None:
    head = b"POST /b HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(GET)
    async with Repeatedly(page) as place:
        await place.client.ask(GET)
        await place.client.send(head)
        await until(lambda: place.connection.url == b"/b")
        await place.client.send(GET)
        assert (await place.client.read()).body == b"2"
        assert (await place.client.ask(GET)).body == b"1"
    assert page.asked == ["/a", "/b"]


async def test_octets_behind_the_beginning_of_a_head_belong_to_it(page: Page) -> None:
    async with Repeatedly(page) as place:
        await place.client.ask(GET)
        await place.client.send(b"GET /b HTTP/1.1\r\nx: ")
        await until(lambda: place.connection.url == b"/b")
        await place.client.send(GET)
        assert (await place.client.read()).body == b"2"
    assert page.asked == ["/a", "/b"]


async def test_pipelined_requests_are_answered_in_order(page: Page) -> None:
    other = GET.replace(b"/a", b"/b")
    async with talking(page) as client:
        await client.ask(GET)
        await client.send(GET + other + GET + GET)
        assert [(await client.read()).body for _ in range(4)] == [b"2", b"3", b"4", b"5"]


async def test_a_known_request_behind_one_that_is_being_answered_waits_for_it(page: Page) -> None:
    async with Repeatedly(page) as place:
        await place.client.ask(GET)
        page.going_on.clear()
        await place.client.send(GET.replace(b"/a", b"/b"))
        await until(lambda: len(page.asked) == 2)
        await place.client.send(GET)
        await until(lambda: bool(place.connection.pipeline))
        page.going_on.set()
        assert [(await place.client.read()).body for _ in range(2)] == [b"2", b"3"]
    assert page.asked == ["/a", "/b", "/a"]


async def test_a_request_while_its_first_is_being_answered_is_asked_for_itself(page: Page) -> None:
    page.going_on.clear()
    async with (
        serving(page, kept=KeptAnswers(page)) as port,
        Client(port) as one,
        Client(port) as other,
    ):
        await one.send(GET)
        await other.send(GET)
        await until(lambda: len(page.asked) == 2)
        page.going_on.set()
        assert {(await one.read()).body, (await other.read()).body} == {b"2"}
        assert (await one.ask(GET)).body == b"2"


@pytest.mark.parametrize("size", [ANSWER_OCTETS_MAX - 1_000, ANSWER_OCTETS_MAX])
async def test_a_long_answer_is_not_kept(page: Page, size: int) -> None:
    page.size = size
    async with talking(page) as client:
        for _ in range(2):
            assert len((await client.ask(GET)).body) == size
    assert len(page.asked) == (1 if size < ANSWER_OCTETS_MAX else 2)


@dataclass
class Repeatedly:
    """A server with one connection, whose server side a test sees."""

    page: Page

    async def __aenter__(self) -> Self:
        ready = asyncio.Event()
        self._listener = listen("127.0.0.1", 0)
        self.server = HTTPServer(
            self.page, started=ready.set, stopping=lambda: None, kept=KeptAnswers(self.page)
        )
        self._running = asyncio.create_task(self.server.serve([self._listener]))
        await ready.wait()
        self.client = Client(self._listener.getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self.client.close()
        self.server.should_exit = True
        await self._running
        self._listener.close()

    @property
    def connection(self) -> Repeating:
        (found,) = self.server.server_state.connections
        assert isinstance(found, Repeating)
        return found


async def test_a_client_that_does_not_read_gets_no_more_from_kept_answers(page: Page) -> None:
    async with Repeatedly(page) as place:
        await place.client.ask(GET)
        place.connection.pause_writing()  # as the transport does above its high-water mark
        await place.client.send(GET)
        await until(lambda: len(page.asked) == 2)
        place.connection.resume_writing()
        assert (await place.client.read()).body == b"2"
        assert (await place.client.ask(GET)).body == b"1"
    assert len(page.asked) == 2


async def test_each_answer_puts_off_the_end_of_an_idle_connection(page: Page) -> None:
    async with Repeatedly(page) as place:
        await place.client.ask(GET)
        await place.client.ask(GET)
        connection = place.connection
        for _ in range(2):
            due = connection.timeout_keep_alive_task
            assert due is not None
            connection.timeout_keep_alive_handler()  # as the loop does when its time has come
            assert connection.timeout_keep_alive_task not in (None, due)
            assert not connection.transport.is_closing()
            due.cancel()
        assert place.server.server_state.total_requests == 2
        assert (await place.client.ask(GET)).body == b"1"


async def test_an_idle_connection_is_closed_after_a_kept_answer_too(page: Page) -> None:
    async with Repeatedly(page) as place:
        await place.client.ask(GET)
        place.client.close()
        await until(lambda: not place.server.server_state.connections)
        await place.client.send(b"")
        await until(lambda: bool(place.server.server_state.connections))
        place.connection.timeout_keep_alive = 0
        assert (await place.client.ask(GET)).body == b"1"
        await until(lambda: not place.server.server_state.connections)
    assert page.asked == ["/a"]


async def test_the_time_for_a_first_head_ends_with_a_kept_answer(page: Page) -> None:
    async with (
        serving(page, kept=KeptAnswers(page), head_s_max=0.2) as port,
        Client(port) as before,
        Client(port) as client,
    ):
        await before.ask(GET)
        await client.ask(GET)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""  # a later one, which has sent nothing in that time
        writer.close()
        assert (await client.ask(GET)).body == b"1"
    assert page.asked == ["/a"]


async def test_answers_are_kept_over_tls_too(page: Page, tmp_path: Path) -> None:
    tls = TLS(files(tmp_path), now=NOW)
    async with (
        serving(page, kept=KeptAnswers(page), tls=tls) as port,
        Client(port, trusting()) as client,
    ):
        first = await client.ask(GET)
        assert [await client.ask(GET) for _ in range(2)] == [first, first]
    assert page.asked == ["/a"]
    assert first.field("strict-transport-security") == "max-age=31536000"


async def test_a_connection_with_a_certificate_has_no_part_in_them(
    page: Page, tmp_path: Path
) -> None:
    tls = TLS(files(tmp_path), now=NOW)

    async def asked(client: Client) -> list[Answer]:
        return [await client.ask(GET) for _ in range(2)]

    async with (
        serving(page, kept=KeptAnswers(page), tls=tls) as port,
        Client(port, trusting(ALICE, tmp_path)) as alice,
        Client(port, trusting()) as anyone,
    ):
        assert [each.body for each in await asked(alice)] == [b"1", b"2"]
        assert [each.body for each in await asked(anyone)] == [b"3", b"3"]
        assert [each.body for each in await asked(alice)] == [b"4", b"5"]
