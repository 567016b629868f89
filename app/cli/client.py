"""The registry's API for verbs: requests that return JSON or raise an exception.

    method, path, parameters -> document | text | lines,  or an error of waypost.client.errors

Verbs see neither httpx nor status codes.  ``waypost.client`` reads answers within bounds,
in an event loop that runs for one request.
Source: contract.md, "Errors".
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from functools import partial
from typing import Final

import httpx

from app.cli.fields import Json
from app.cli.output import print_warning
from waypost.client.errors import Misbehaved, Unreachable, WaypostError
from waypost.client.http.answer import BOUNDS, Bounds
from waypost.client.http.answers import Warn, require_answered
from waypost.client.http.credentials import Credentials
from waypost.client.http.decoding import parse_document
from waypost.client.http.queries import Parameters, query_of
from waypost.client.http.registry_client import RegistryClient, are_elsewhere, checked_url

# Longer than the server may wait for a revision before it answers.
CLI_BOUNDS: Final = replace(BOUNDS, silence_s_max=60.0)


class Api:
    """One server, by its URL; ``transport`` replaces the network in tests."""

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        bounds: Bounds = CLI_BOUNDS,
        credentials: Credentials | None = None,
    ) -> None:
        """Raise InvalidURL when ``url`` is malformed."""
        self.url = checked_url(url)
        self._transport = transport
        self._bounds = bounds
        self._credentials = credentials

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Parameters | None = None,
        body: object = None,
        warn: Warn = print_warning,
    ) -> Json:
        """Send a request, ``warn`` of its warnings and return the JSON document of its answer."""
        return asyncio.run(self._document(method, path, query, body, warn))

    def read_text(self, path: str, *, query: Parameters | None = None) -> str:
        """Get a text."""
        return asyncio.run(self._text(path, query))

    def follow(self, path: str, *, query: Parameters | None = None) -> Iterator[Json]:
        """Yield the documents of a stream, one per line, until the server ends it."""
        with asyncio.Runner() as runner:
            opened, client = AsyncExitStack(), self._client()
            try:
                runner.run(opened.enter_async_context(client))
                lines = client.lines(path, query=query_of(query or {}))
                runner.run(opened.enter_async_context(aclosing(lines)))
                while some := runner.run(_next(lines)):
                    for line in some:
                        with client.failing_over():
                            document = parse_document(line)
                        yield document
            finally:
                runner.run(opened.aclose())

    def _client(self, warn: Warn = print_warning) -> RegistryClient:
        return RegistryClient(
            [self.url],
            credentials=self._credentials,
            uses_proxies=are_elsewhere([self.url]),
            transport=self._transport,
            bounds=self._bounds,
            check=partial(require_answered, warn=warn),
            logs_failures=False,
        )

    async def _document(
        self, method: str, path: str, query: Parameters | None, body: object, warn: Warn
    ) -> Json:
        async with self._client(warn) as client:
            with client.failing_over():
                answer = await client.answer(method, path, query=query_of(query or {}), body=body)
                return parse_document(answer.body, values_max=self._bounds.answer_values_max)

    async def _text(self, path: str, query: Parameters | None) -> str:
        async with self._client() as client:
            with client.failing_over():
                answer = await client.answer("GET", path, query=query_of(query or {}), accept="*/*")
                try:
                    return answer.body.decode()
                except UnicodeDecodeError:
                    problem = "the text it sends is not written in UTF-8"
                    raise Misbehaved(problem) from None


async def _next(lines: AsyncGenerator[list[bytes], None]) -> list[bytes]:
    return await anext(lines, None) or []


def words_of(error: WaypostError) -> str:
    """Word why there is no answer, and what the user can do."""
    match error:
        case Unreachable():
            return (
                f"no server answers at {error.url} ({error.problem}): "
                "start one with `waypost serve`, or name another with --api"
            )
        case Misbehaved():
            return f"what answers at {error.url} does not speak as Waypost does: {error.problem}"
        case _:
            return str(error)
