import asyncio
import json

import pytest

from bench.harness.load import request
from bench.harness.writer import WAYPOST_REVISION, write_paced


@pytest.mark.enable_socket
async def test_each_write_is_sent_once_and_its_revision_is_read() -> None:
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            asked.append(json.loads(await reader.readexactly(length))["name"])
            body = b'{"metadata":{"resourceVersion":"%d"}}' % len(asked)
            writer.write(
                b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    names = [f"new-{number}" for number in range(40)]
    async with server:
        written = await write_paced(
            server.sockets[0].getsockname()[1],
            [request("POST", "/services", {"name": name}) for name in names],
            a_second=10_000,
            revision_of=WAYPOST_REVISION,
        )
    assert sorted(asked) == sorted(names)
    assert [each.place for each in written] == list(range(40))
    assert {each.revision: names[each.place] for each in written} == dict(enumerate(asked, 1))
    assert all(each.sent_s <= each.answered_s for each in written)
