"""HTTP clients of other languages as they are by default, among them those that offer HTTP/2.

An offer (``Upgrade: h2c``) may be ignored (RFC 9110 section 7.8): each request is answered over
HTTP/1.1, and the connection goes on.
"""

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from tests.end_to_end.processes import Serving, serving

pytestmark = pytest.mark.end_to_end

HERE = Path(__file__).parent
OFFER = b"Upgrade: h2c\r\n"
SHOWN = "%{http_code} %{http_version} %{num_connects}\n"
PIECE_OCTETS = 65_536
JSON = "Content-Type: application/json"
NOTE = "long" * 50_000  # an annotation, of many segments


@dataclass(slots=True)
class Wire:
    """A port before the server's, with what clients sent over each connection to it."""

    port: int = 0
    connections: list[bytearray] = field(default_factory=list[bytearray])

    @property
    def offers(self) -> list[int]:
        """How often HTTP/2 was offered over each connection."""
        return [sent.count(OFFER) for sent in self.connections]


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Serving, None]:
    async with serving(tmp_path_factory.mktemp("clients")) as running:
        yield running


@pytest.fixture
async def wire(running: Serving) -> AsyncGenerator[Wire, None]:
    """Pass on what clients send, and remember it, until all connections have ended."""
    wire, passed = Wire(), list[asyncio.Future[tuple[None, None]]]()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = bytearray()
        wire.connections.append(sent)
        server = await asyncio.open_connection("127.0.0.1", running.api_port)
        ways = (passing(reader, server[1], sent), passing(server[0], writer))
        passed.append(asyncio.gather(*ways))

    relay = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with relay:
        wire.port = relay.sockets[0].getsockname()[1]
        yield wire
    await asyncio.gather(*passed)


async def passing(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray | None = None
) -> None:
    """Pass octets on until their sender ends, and add them to those seen."""
    with contextlib.suppress(ConnectionError):
        while octets := await reader.read(PIECE_OCTETS):
            if seen is not None:
                seen += octets
            writer.write(octets)
            await writer.drain()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


def require(program: str) -> None:
    if shutil.which(program) is None:
        left_out(f"{program} not found")


def left_out(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; in continuous integration these tests must run")
    pytest.skip(reason)


async def printed_by(*command: str, taking: str = "") -> list[str]:
    """Run a program to its end; gives the lines that it prints."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(taking.encode())
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


async def test_the_jdk_reads_and_writes_over_one_connection(wire: Wire) -> None:
    require("javac")  # which a runtime without the development kit lacks
    api = f"http://127.0.0.1:{wire.port}"
    assert await printed_by("java", str(HERE / "JDKClient.java"), api) == [
        "POST /services 201 HTTP_1_1",
        "GET /services/default/by-jdk 200 HTTP_1_1",
        "PUT /services/default/by-jdk 200 HTTP_1_1",
        "GET /services/default/by-jdk 200 HTTP_1_1",
        "whole",
        "GET /nowhere 404 HTTP_1_1",
        "DELETE /services/default/by-jdk 200 HTTP_1_1",
    ]
    assert wire.offers == [6], "the client offers HTTP/2 with every request"


@pytest.mark.parametrize("coding", [(), ("-H", "Transfer-Encoding: chunked")])
async def test_curl_reads_and_writes_over_one_connection(
    wire: Wire, tmp_path: Path, coding: tuple[str, ...]
) -> None:
    require("curl")
    if "HTTP2" not in " ".join(await printed_by("curl", "--version")):
        left_out("curl is built without HTTP/2")
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "by-curl", "annotations": {"note": NOTE}},
        "spec": {"ports": [{"port": 80}]},
    }
    api, got = f"http://127.0.0.1:{wire.port}", tmp_path / "got"
    asking = ("--http2", "-sS", "-w", SHOWN)
    written = (*asking, "-o", os.devnull, "-H", JSON, *coding, "--data-binary", "@-")
    printed = await printed_by(
        *("curl", *written, f"{api}/services"),
        *("--next", *asking, "-o", str(got), f"{api}/services/default/by-curl"),
        *("--next", *asking, "-o", os.devnull, "-X", "DELETE", f"{api}/services/default/by-curl"),
        taking=json.dumps(service),
    )
    assert printed == ["201 1.1 1", "200 1.1 0", "200 1.1 0"]
    assert json.loads(got.read_text())["metadata"]["annotations"] == {"note": NOTE}
    assert wire.offers == [3], "the client offers HTTP/2 with every request"
