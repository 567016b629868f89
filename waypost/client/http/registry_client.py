"""The HTTP client of a registry, for the agent, a DNS replica and the command line.

    method, path, query -> Answer | document | lines,  or an error of waypost.client.errors

Several URLs are processes of one registry: after a failed or invalid answer the next
one is asked, which is logged once a minute.  Callers never see httpx.

Source: contract.md, "Errors"; style.md 4, "Errors".
"""

import json
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from typing import Any, Final

import httpx

from waypost.client.errors import (
    WORDS_CHARACTERS_MAX,
    InvalidURL,
    Misbehaved,
    Unreachable,
    shown,
)
from waypost.client.http.answer import BOUNDS, Answer, Bounds
from waypost.client.http.answers import require_success
from waypost.client.http.bounded_reading import http_client, read_answer, read_lines
from waypost.client.http.credentials import Credentials, is_loopback
from waypost.client.http.decoding import parse_document
from waypost.client.http.queries import JSON, Parameters, Query, query_of
from waypost.client.pace import Notices

MERGE_PATCH: Final = "application/merge-patch+json"

_log = logging.getLogger(__name__)


def checked_url(url: str) -> str:
    """Return a URL without a slash at its end; raises InvalidURL when it is malformed."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidURL(f"{url} is not a URL: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidURL(f"{url} is not an address such as http://127.0.0.1:8053")
    return url.rstrip("/")


def are_elsewhere(urls: Iterable[str]) -> bool:
    """Whether a proxy may be needed: it cannot reach this machine's loopback address."""
    return not any(is_loopback(httpx.URL(url).host) for url in urls)


def require_private(urls: Iterable[str]) -> None:
    """Raise InvalidURL for a URL to which a token would be sent unencrypted."""
    for url in urls:
        parsed = httpx.URL(url)
        if parsed.scheme != "https" and not is_loopback(parsed.host):
            raise InvalidURL(
                f"{url}: a token is not sent in the clear to another machine: use https"
            )


class RegistryClient(AbstractAsyncContextManager["RegistryClient"]):
    """Sends requests to one of a registry's processes, during the block."""

    def __init__(  # noqa: PLR0913  each is a choice of one of its callers
        self,
        urls: Iterable[str],
        *,
        credentials: Credentials | None = None,
        uses_proxies: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
        bounds: Bounds = BOUNDS,
        check: Callable[[Answer], None] = require_success,
        logs_failures: bool = True,
    ) -> None:
        """Ask the first URL first; ``check`` raises for an answer that is no success.

        Without ``logs_failures`` the caller reports failures; ``transport`` replaces the network.
        Raises InvalidURL for an invalid URL, when there is none, and for one to which
        ``credentials`` would be sent unencrypted.
        """
        self._urls = [checked_url(url) for url in urls]
        if not self._urls:
            raise InvalidURL("the address of a registry is needed")
        if credentials:
            require_private(self._urls)
        self._bounds, self._check = bounds, check
        self._notices = Notices(_log) if logs_failures else None
        self._http = http_client(
            transport=transport,
            credentials=credentials,
            uses_proxies=uses_proxies,
            uses_tls=uses_proxies or any(url.lower().startswith("https") for url in self._urls),
        )

    @property
    def url(self) -> str:
        """The process that gets the next request."""
        return self._urls[0]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def answer(  # noqa: PLR0913  what a request of HTTP may have
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        content_type: str = JSON,
        accept: str = JSON,
        tag: str = "",
        patience_s: float = 0,
    ) -> Answer:
        """Send a request and read the whole answer.

        A ``body`` is sent as JSON, but a text as it is.  With ``tag`` the answer is 304 when the
        entity tag still equals it.  ``patience_s`` is how long the registry has been asked to wait
        before it answers.
        """
        headers, content = {"Accept": accept}, None
        if tag:
            headers["If-None-Match"] = tag
        if body is not None:
            text = body if isinstance(body, str) else json.dumps(body)
            headers["Content-Type"], content = content_type, text.encode()
        url = self.url
        request = self._http.build_request(
            method, f"{url}{path}", params=query, headers=headers, content=content
        )
        with self.failing_over(url):
            answer = await read_answer(self._http, request, self._bounds, patience_s=patience_s)
            self._check(answer)
        return answer

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        query: Parameters | None = None,
        content_type: str = JSON,
    ) -> Mapping[str, Any]:
        """Send a request with a JSON body or none, and return the document of the answer."""
        written = query_of(query or {})
        with self.failing_over():
            answer = await self.answer(
                method, path, query=written, body=body, content_type=content_type
            )
            return parse_document(answer.body) if answer.body else {}

    async def lines(
        self, path: str, *, query: Query | None = None
    ) -> AsyncGenerator[list[bytes], None]:
        """Yield the lines of a stream in batches as they arrive, until the registry ends it."""
        url = self.url
        request = self._http.build_request(
            "GET", f"{url}{path}", params=query, headers={"Accept": "application/x-ndjson"}
        )
        lines = read_lines(self._http, request, self._bounds, check=self._check)
        with self.failing_over(url):
            async with aclosing(lines) as batches:
                async for batch in batches:
                    yield batch

    def leave(self, url: str) -> None:
        """Switch to the next process, unless another task has already left this one."""
        if self.url == url:
            self._urls.append(self._urls.pop(0))

    @contextmanager
    def failing_over(self, url: str = "") -> Generator[None]:
        """Switch to the next process when the block raises for an invalid or missing answer.

        The process is ``url``, or the current one; its URL is added to the error.
        """
        url = url or self.url
        try:
            yield
        except (Unreachable, Misbehaved) as error:
            if error.url:
                raise
            self.leave(url)
            # The problem may quote the server's text.
            problem = shown(error.problem, WORDS_CHARACTERS_MAX)
            if self._notices is not None:
                following = "retrying" if self.url == url else f"switching to {self.url}"
                self._notices.say(url, f"{url}: {problem}; {following}")
            raise error.at(url, problem) from error
