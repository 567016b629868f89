"""The HTTP client of a registry, for the agent, a DNS replica and the command line.

    method, path, query -> Answer | document | lines,  or an error of app.client.errors

Several URLs are processes of one registry: after a failed or invalid answer the next
one is asked, which is logged once a minute.  Callers never see httpx.

Source: contract.md, "Errors"; style.md 4, "Errors".
"""

import json
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx

from app.client.access import Access, http_client
from app.client.bounded_reading import (
    BOUNDS,
    Answer,
    Bounds,
    LineStream,
    NotAStream,
    read_answer,
)
from app.client.errors import WORDS_CHARACTERS_MAX, RegistryMisbehaved, RegistryUnreachable
from app.client.json_reading import parse_json
from app.client.notices import Notices
from app.client.refusals import require_success
from app.client.server_text import shown

DOCUMENT_VALUES_MAX: Final = 1_000_000  # of one object, or of a list of leases

Query = Mapping[str, str]

_log = logging.getLogger(__name__)


class RegistryClient:
    """Sends requests to one of a registry's processes; ``transport`` replaces the network."""

    def __init__(
        self,
        access: Access,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        bounds: Bounds = BOUNDS,
        check: Callable[[Answer], None] = require_success,
        logs_failures: bool = True,
    ) -> None:
        """Ask the first URL first; ``check`` raises for an answer that is no success.

        Without ``logs_failures`` the caller reports failures.
        """
        self._urls = list(access.urls)
        self._bounds, self._check = bounds, check
        self._notices = Notices(_log) if logs_failures else None
        self._http = http_client(access, transport)

    @property
    def url(self) -> str:
        """The process that gets the next request."""
        return self._urls[0]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def answer(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Send a request and read the whole answer."""
        url = self.url
        request = self._http.build_request(
            method, f"{url}{path}", params=query, headers=headers, content=content
        )
        return await self._send(url, request)

    async def get(
        self, path: str, *, query: Query | None = None, tag: str = "", patience_s: float = 0
    ) -> Answer | None:
        """Send a GET request; return None when the entity tag still equals ``tag``.

        ``patience_s`` is how long the registry has been asked to wait before it answers.
        """
        headers = {"Accept": "application/json"} | ({"If-None-Match": tag} if tag else {})
        url = self.url
        request = self._http.build_request("GET", f"{url}{path}", params=query, headers=headers)
        answer = await self._send(url, request, patience_s=patience_s)
        return None if answer.status_code == HTTPStatus.NOT_MODIFIED else answer

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        content_type: str = "application/json",
    ) -> Mapping[str, Any]:
        """Send a request with a JSON body or none, and return the document of the answer."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = content_type
        with self.failing_over():
            answer = await self.answer(method, path, content=content, headers=headers)
            return parse_document(answer.body) if answer.body else {}

    async def lines(
        self, path: str, *, query: Query | None = None
    ) -> AsyncGenerator[list[bytes], None]:
        """Yield the lines of a stream in batches as they arrive, until the registry ends it."""
        url = self.url
        request = self._http.build_request(
            "GET", f"{url}{path}", params=query, headers={"Accept": "application/x-ndjson"}
        )
        with self.failing_over(url):
            try:
                async with LineStream(self._http, request, self._bounds) as stream:
                    while lines := await stream.next_lines():
                        yield lines
            except NotAStream as refusal:
                self._check(refusal.answer)

    def leave(self, url: str) -> None:
        """Switch to the next process, unless another task has already left this one."""
        if self.url == url:
            self._urls.append(self._urls.pop(0))

    async def _send(self, url: str, request: httpx.Request, *, patience_s: float = 0) -> Answer:
        with self.failing_over(url):
            answer = await read_answer(self._http, request, self._bounds, patience_s=patience_s)
            self._check(answer)
        return answer

    @contextmanager
    def failing_over(self, url: str = "") -> Generator[None]:
        """Switch to the next process when the block raises for an invalid or missing answer.

        The process is ``url``, or the current one; its URL is added to the error.
        """
        url = url or self.url
        try:
            yield
        except (RegistryUnreachable, RegistryMisbehaved) as error:
            if error.url:
                raise
            self.leave(url)
            # The problem may quote the server's text.
            problem = shown(error.problem, WORDS_CHARACTERS_MAX)
            if self._notices is not None:
                following = "retrying" if self.url == url else f"switching to {self.url}"
                self._notices.say(url, f"{url}: {problem}; {following}")
            raise type(error)(problem, url=url) from error


def parse_document(octets: bytes, *, values_max: int = DOCUMENT_VALUES_MAX) -> Mapping[str, Any]:
    """Parse a JSON object; raises RegistryMisbehaved for anything else."""
    document = parse_json(octets, values_max=values_max)
    if not isinstance(document, Mapping):
        raise RegistryMisbehaved("its answer is no JSON object")
    return cast("Mapping[str, Any]", document)
