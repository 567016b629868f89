"""Requests by the client of long-running processes, in an event loop for each of them.

method, path -> Answer | lines,  or Unreachable | Misbehaved

For what ``direct`` does not do: proxies, unusual URLs, and the transports of tests.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, aclosing

import httpx

from waypost.client.http.answer import Answer, Bounds
from waypost.client.http.credentials import Credentials
from waypost.client.http.queries import JSON, Query
from waypost.client.http.registry_client import RegistryClient, are_elsewhere, checked_url


class LoopedClient:
    """One server, by its URL; ``transport`` replaces the network."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None,
        bounds: Bounds,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raise InvalidURL when ``url`` is malformed."""
        self._url = checked_url(url)
        self._credentials, self._bounds = credentials, bounds
        self._transport = transport

    def answer(  # noqa: PLR0913  what a request may have
        self,
        method: str,
        path: str,
        *,
        query: Query,
        content: str | None = None,
        content_type: str = JSON,
        accept: str,
    ) -> Answer:
        """Send a request and read the whole answer, whatever its status."""

        async def ask() -> Answer:
            async with self._client(lambda _: None) as client:
                return await client.answer(
                    method,
                    path,
                    query=query,
                    body=content,
                    content_type=content_type,
                    accept=accept,
                )

        return asyncio.run(ask())

    def lines(
        self, path: str, *, query: Query, check: Callable[[Answer], None]
    ) -> Generator[list[bytes]]:
        """Yield the lines of a stream in batches; ``check`` raises for another answer."""
        with asyncio.Runner() as runner:
            opened, client = AsyncExitStack(), self._client(check)
            try:
                runner.run(opened.enter_async_context(client))
                lines = client.lines(path, query=query)
                runner.run(opened.enter_async_context(aclosing(lines)))
                while some := runner.run(_next(lines)):
                    yield some
            finally:
                runner.run(opened.aclose())

    def _client(self, check: Callable[[Answer], None]) -> RegistryClient:
        return RegistryClient(
            [self._url],
            credentials=self._credentials,
            uses_proxies=are_elsewhere([self._url]),
            transport=self._transport,
            bounds=self._bounds,
            check=check,
            logs_failures=False,
        )


async def _next(lines: AsyncGenerator[list[bytes], None]) -> list[bytes]:
    return await anext(lines, None) or []
