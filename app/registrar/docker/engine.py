"""A Docker engine over its Unix socket: which containers there are, and what happens to them.

    GET /containers/json, /containers/{id}/json -> Container      GET /events -> Happening, …

Two requests and a stream are all that is needed of it: httpx speaks to a Unix socket itself.
Source: Docker Engine API 1.41, which engines from 20.10 on have, and Podman.
"""

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

import httpx

from app.registrar.docker.containers import Container, container_of, is_followed
from waypost.client.shapes import mapping, text

API: Final = "/v1.41"
ANSWER_S_MAX: Final = 10.0  # between two reads of an answer; a stream of events has no limit
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
LINE_BYTES_MAX: Final = 1024 * 1024  # of one event
_FILTERS: Final = {"type": ["container", "network"]}
_ACTIONS: Final = frozenset(
    {
        *("start", "kill", "die", "destroy", "pause", "unpause", "rename", "health_status"),
        *("connect", "disconnect"),
    }
)
"""What changes a registration; each health check, for one, has three events more."""
_ID: Final = re.compile("[0-9a-f]{12,64}")


class EngineFailed(Exception):
    """The engine cannot be reached, or its answer is not one; a retry may help."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of one container."""

    container: str
    """Its id."""
    action: str
    """Such as ``start``, ``kill``, ``die``, ``health_status: healthy``, ``connect``."""
    signal: str = ""
    """The number of the signal of a ``kill``."""


class Engine(AbstractAsyncContextManager["Engine"]):
    """A Docker engine; every method raises EngineFailed."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=socket),
            base_url="http://engine",
            timeout=ANSWER_S_MAX,
            trust_env=False,
        )

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def followed(self) -> tuple[str, ...]:
        """List the ids of running containers to be registered."""
        listed = await self._read("/containers/json")
        if not isinstance(listed, list):
            raise EngineFailed(f"{self._socket}: its list of containers is none")
        return tuple(
            text(each, "Id")
            for each in cast("list[object]", listed)
            if is_followed(mapping(mapping(each).get("Labels")))
        )

    async def inspect(self, id_: str) -> Container | None:
        """Read one container, by its id or the beginning of it; None when there is none."""
        found = await self._read(f"/containers/{id_}/json") if _ID.fullmatch(id_) else None
        return None if found is None else container_of(mapping(found))

    async def name(self) -> str:
        """Give the engine's name, which is that of its machine."""
        return text(await self._read("/info"), "Name")

    async def events(self) -> AsyncGenerator[Happening | None, None]:
        """Yield None once the stream has begun, then what happens, until the engine ends it."""
        query = {"filters": json.dumps(_FILTERS)}
        timeout = httpx.Timeout(ANSWER_S_MAX, read=None)
        try:
            async with self._http.stream(
                "GET", f"{API}/events", params=query, timeout=timeout
            ) as answer:
                _require(answer, self._socket)
                yield None
                async with aclosing(_lines(answer)) as lines:
                    async for line in lines:
                        if (happening := _happening_of(line)) is not None:
                            yield happening
        except (httpx.HTTPError, ValueError) as error:
            raise EngineFailed(f"{self._socket}: {_words_of(error)}") from None

    async def _read(self, path: str) -> object:
        """Get a document; None when there is none at this path."""
        try:
            async with self._http.stream("GET", f"{API}{path}") as answer:
                if answer.status_code == HTTPStatus.NOT_FOUND:
                    return None
                _require(answer, self._socket)
                read = bytearray()
                async for chunk in answer.aiter_bytes():
                    read += chunk
                    if len(read) > ANSWER_BYTES_MAX:
                        raise EngineFailed(f"{self._socket}: its answer is too large")
                return json.loads(read)
        except (httpx.HTTPError, ValueError) as error:
            raise EngineFailed(f"{self._socket}: {_words_of(error)}") from None


def _require(answer: httpx.Response, socket: str) -> None:
    if not answer.is_success:
        raise EngineFailed(f"{socket}: it answers {answer.status_code} to {answer.url.path}")


async def _lines(answer: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a stream; raises ValueError for one that is too long."""
    rest = b""
    async for chunk in answer.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_BYTES_MAX:
            raise ValueError("an event is too long")
        for line in lines:
            if line.strip():
                yield line


def _happening_of(line: bytes) -> Happening | None:
    """Read an event; None when it changes no registration.  Raises ValueError."""
    event: Mapping[str, Any] = mapping(json.loads(line))
    actor = mapping(event.get("Actor"))
    attributes = mapping(actor.get("Attributes"))
    id_ = text(attributes, "container") if event.get("Type") == "network" else text(actor, "ID")
    action = text(event, "Action")
    if not id_ or action.partition(":")[0] not in _ACTIONS:
        return None
    return Happening(id_, action, text(attributes, "signal"))


def _words_of(error: Exception) -> str:
    return str(error) or type(error).__name__
