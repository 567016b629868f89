"""Answers are compressed for clients that accept it, and mean the same.

The laws: decompressed, an answer is the one that another client gets; its other header fields are
the same; HEAD has those of GET; and a stream is sent event by event.
"""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from app.api import application
from app.api.http.compression import BESIDE_BYTES_MIN, Compression
from app.api.http.packing import PACKED_BYTES_MIN
from app.main import VERSION
from app.schemas.objects.encoding import OBJECTS_A_PIECE
from tests.api.objects.test_collections import a_manifest, created
from tests.api.sockets import serving
from tests.registries import a_client, a_registry
from tests.rounds import work_a_round

GZIP, PLAIN = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}


@pytest.fixture
async def sized() -> AsyncGenerator[httpx.AsyncClient, None]:
    """Talk to an application whose answers have the size, the status and the type asked for."""
    app = FastAPI()

    @app.get("/{size}")
    async def get(size: int, status: int = 200, media: str = "text/plain") -> Response:
        headers = {"ETag": '"1"', "Vary": "Accept"}
        return Response(b"x" * size, status, headers, media_type=media)

    @app.get("/pieces/{size}")
    async def get_pieces(size: int) -> Response:
        return StreamingResponse(pieces(size), media_type="application/json")

    app.add_middleware(Compression)
    async with a_client(app) as client:
        yield client


async def created_long(api: httpx.AsyncClient) -> None:
    manifest = a_manifest()
    manifest["metadata"]["annotations"] = {"note": "x" * PACKED_BYTES_MIN}
    answer = await api.post("/services", json=manifest)
    assert answer.is_success, answer.text


async def pieces(size: int) -> AsyncIterator[bytes]:
    for letter in b"abc":
        yield bytes([letter]) * size


async def raw(client: httpx.AsyncClient, path: str, **headers: str) -> tuple[httpx.Headers, bytes]:
    """Give the header fields and the octets as they are sent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.stream("GET", path, headers=named) as answer:
        return answer.headers, b"".join([piece async for piece in answer.aiter_raw()])


@pytest.mark.parametrize("size", [0, 1, PACKED_BYTES_MIN - 1, PACKED_BYTES_MIN, BESIDE_BYTES_MIN])
@pytest.mark.parametrize("status", [200, 201, 422])
async def test_an_answer_is_compressed_from_a_size_on(
    sized: httpx.AsyncClient, size: int, status: int
) -> None:
    path = f"/{size}?status={status}"
    headers, octets = await raw(sized, path, accept_encoding="gzip")
    plain_headers, plain = await raw(sized, path, accept_encoding="identity")
    is_packed = size >= PACKED_BYTES_MIN
    assert ("content-encoding" in headers) == is_packed
    assert (gzip.decompress(octets) if is_packed else octets) == plain == b"x" * size
    assert headers["content-length"] == str(len(octets))
    for each in (headers, plain_headers):
        assert each["etag"] == '"1"'
        assert each["vary"] == "Accept, Accept-Encoding"
    assert "content-encoding" not in plain_headers


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_says_what_it_depends_on(
    sized: httpx.AsyncClient, status: int
) -> None:
    headers, octets = await raw(sized, f"/0?status={status}", accept_encoding="gzip")
    assert (headers["vary"], octets) == ("Accept, Accept-Encoding", b"")
    assert "content-encoding" not in headers


@pytest.mark.parametrize("media", ["image/png", "text/event-stream", "application/x-ndjson"])
async def test_streams_and_compressed_types_are_left_as_they_are(
    sized: httpx.AsyncClient, media: str
) -> None:
    headers, octets = await raw(sized, f"/{BESIDE_BYTES_MIN}?media={media}", accept_encoding="gzip")
    assert "content-encoding" not in headers
    assert octets == b"x" * BESIDE_BYTES_MIN
    assert (headers["vary"] == "Accept") == (media != "image/png")


async def test_each_piece_of_a_long_answer_can_be_read_when_it_is_sent(
    sized: httpx.AsyncClient,
) -> None:
    headers, octets = await raw(sized, "/pieces/5000", accept_encoding="gzip")
    assert headers["content-encoding"] == "gzip"
    assert "content-length" not in headers
    assert gzip.decompress(octets) == b"a" * 5_000 + b"b" * 5_000 + b"c" * 5_000
    sent: list[bytes] = []

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await StreamingResponse(pieces(5_000), media_type="application/json").stream_response(send)

    scope = {"type": "http", "headers": [(b"accept-encoding", b"gzip")]}
    await Compression(app)(scope, _never, send)
    reader = zlib.decompressobj(zlib.MAX_WBITS + 16)
    read = [reader.decompress(octets) for octets in sent]
    assert b"".join(read[:2]) == b"a" * 5_000, "the first piece does not wait for the second"


async def _never() -> dict[str, object]:
    raise AssertionError("nothing is received")


@pytest.mark.parametrize("size", [BESIDE_BYTES_MIN - 1, BESIDE_BYTES_MIN])
async def test_large_answers_are_compressed_in_a_thread(
    sized: httpx.AsyncClient, size: int
) -> None:
    quick = await work_a_round(sized.get(f"/{size}", headers=PLAIN), lambda: 0)
    packed = await work_a_round(sized.get(f"/{size}", headers=GZIP), lambda: 0)
    assert packed[0].text == quick[0].text
    assert (len(packed[1]) > len(quick[1])) == (size >= BESIDE_BYTES_MIN)


@pytest.mark.parametrize(
    "path",
    ["/services/default/ent", "/services", "/openapi.json", "/services/default/nothing", "/"],
)
async def test_head_has_the_header_fields_of_get(api: httpx.AsyncClient, path: str) -> None:
    await created_long(api)
    whole = await api.get(path, headers=GZIP)
    head = await api.head(path, headers=GZIP)
    assert head.headers == whole.headers
    assert head.content == b""


async def test_a_tag_holds_for_both_codings(api: httpx.AsyncClient) -> None:
    path = "/services/default/ent"
    await created_long(api)
    packed, plain = await api.get(path, headers=GZIP), await api.get(path, headers=PLAIN)
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    tag = packed.headers["etag"]
    assert tag == plain.headers["etag"] == f'"{plain.json()["metadata"]["resourceVersion"]}"'
    for coding in (GZIP, PLAIN):
        known = await api.get(path, headers={**coding, "If-None-Match": tag})
        assert (known.status_code, known.content) == (304, b"")
        assert known.headers["vary"] == "Accept-Encoding"
    written = await api.put(path, json=plain.json(), headers={**GZIP, "If-Match": tag})
    assert written.status_code == httpx.codes.OK


async def test_a_long_list_is_compressed_piece_by_piece(api: httpx.AsyncClient) -> None:
    items = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{n}"}, "spec": NAMELESS}
        for n in range(OBJECTS_A_PIECE + 1)
    ]
    applied = await api.post("/apply", json={"apiVersion": "v1", "kind": "List", "items": items})
    assert applied.is_success, applied.text
    assert applied.headers["content-encoding"] == "gzip"
    for form in ("application/json", "application/yaml"):
        packed = await api.get("/services", headers={**GZIP, "Accept": form})
        plain = await api.get("/services", headers={**PLAIN, "Accept": form})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content
        assert len(packed.content) > BESIDE_BYTES_MIN


NAMELESS = {"clusterIP": "None", "ports": [{"port": 80}]}


@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/event-stream"])
@pytest.mark.parametrize("path", ["/watch?kinds=Service", "/services?watch=true"])
async def test_a_watch_is_sent_event_by_event(database_url: str, path: str, accept: str) -> None:
    app = application.build(version=VERSION)
    async with a_registry(database_url) as registry, a_client(app) as client:
        app.state.registry = registry
        async with serving(app) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n"
            writer.write(f"{head}Accept-Encoding: gzip\r\n\r\n".encode())
            fields = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert "content-encoding" not in fields
            assert "accept-encoding" not in fields
            await reader.readuntil(b"initial-events-end")
            await created(client, "ent")
            event = await reader.readuntil(b"\n")
            while b"ADDED" not in event:
                event = await reader.readuntil(b"\n")
            writer.close()


async def test_refusals_are_compressed_too(api: httpx.AsyncClient) -> None:
    ports = [{"name": f"p{n}", "port": 0} for n in range(50)]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}}
    body = json.dumps({**service, "spec": {"ports": ports}})
    headers = {**GZIP, "Content-Type": "application/json"}
    answer = await api.post("/services", content=body, headers=headers)
    assert answer.headers["content-encoding"] == "gzip"
    assert (answer.status_code, answer.json()["reason"]) == (422, "Invalid")
