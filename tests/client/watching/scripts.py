"""Events of watches, and what makes them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from waypost.client.watching.events import Event


def service(name: str, revision: int, *, uid: str = "u") -> dict[str, Any]:
    """Make a Service as a registry sends it."""
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": uid,
        "resourceVersion": str(revision),
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata}


def bookmark(revision: int, *, ends_initial: bool = False) -> Event:
    """Make a bookmark, which may end the first list."""
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if ends_initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return Event("BOOKMARK", {"kind": "Bookmark", "apiVersion": "v1", "metadata": metadata})


def lines(*events: Event) -> bytes:
    """Write events as a stream has them."""
    return b"".join(line(event.type, event.object) for event in events)


def line(type_: str, wire: Mapping[str, Any]) -> bytes:
    """Write one event."""
    return json.dumps({"type": type_, "object": wire}).encode() + b"\n"


class Streams(httpx.AsyncBaseTransport):
    """Answers requests in turn: octets of a stream, an answer, or an error; then it is silent."""

    def __init__(self, *answers: bytes | httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []
        """The queries of the requests, each with its ``path``."""
        self.hosts: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append({"path": request.url.path, **request.url.params})
        self.hosts.append(request.url.host)
        answer = self.answers.pop(0) if self.answers else _Silence()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, stream=_Sent(answer) if isinstance(answer, bytes) else answer)


class _Sent(httpx.AsyncByteStream):
    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._octets


class _Silence(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""


def refusal(code: int, reason: str, **headers: str) -> httpx.Response:
    """Make an answer that refuses."""
    status: dict[str, object] = {
        "kind": "Status",
        "code": code,
        "reason": reason,
        "message": f"no: {reason}",
    }
    if reason == "NotFound":
        status["details"] = {"kind": "services", "name": "ent"}
    return httpx.Response(code, json=status, headers=headers)
