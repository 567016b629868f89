"""The registry over HTTP, as a node's agent sees it.

    method, path, query -> body | document,  or RegistryUnreachable | RegistryMisbehaved | Refused

Several URLs are processes of one registry: when one does not answer, or not as a
registry does, the next is asked, and the log names it once a minute.  Nobody above
sees httpx or a status code.

Source: contract.md, "Errors"; style.md 4, "Errors".
"""

import json
import logging
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx

from app.client import bounded_reading
from app.client.bounded_reading import (
    BOUNDS,
    Bounds,
    LineStream,
    NotAStream,
    no_cookies,
    read_answer,
)
from app.client.errors import (
    WORDS_CHARACTERS_MAX,
    RegistryMisbehaved,
    RegistryUnreachable,
)
from app.client.foreign_text import shown
from app.client.json_reading import parse_json
from app.client.notices import Notices
from app.client.refusals import require_success

KEPT_S_MAX: Final = 3.0  # an idle connection; servers close theirs after five seconds or more
RULES_VALUES_MAX: Final = 4_000_000  # a node beside 100,000 endpoints is told a fifth of that
DOCUMENT_VALUES_MAX: Final = 1_000_000  # of one object, or of a list of leases
AGENT_BOUNDS: Final = replace(BOUNDS, answer_values_max=RULES_VALUES_MAX)

Query = Mapping[str, str]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A body, and the entity tag that a later question may name."""

    body: bytes
    tag: str
    headers: Mapping[str, str]


class RegistryClient:
    """Asks one of several processes of a registry; ``transport`` replaces the network in tests."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        bounds: Bounds = AGENT_BOUNDS,
        goes_on: bool = True,
    ) -> None:
        """Raise ValueError when one of ``urls`` is no address.

        Without ``goes_on`` nothing is logged of what fails: whoever asks ends with it.
        """
        self._urls = [_checked(url) for url in urls]
        if not self._urls:
            raise ValueError("the address of a registry is needed")
        self._bounds = bounds
        self._goes_on = goes_on
        self._notices = Notices(_log)
        self._http = httpx.AsyncClient(
            transport=transport,
            limits=httpx.Limits(keepalive_expiry=KEPT_S_MAX),
            cookies=no_cookies(),
            trust_env=False,  # a proxy for the outside world does not know the cluster
        )

    @property
    def url(self) -> str:
        """The process that is asked next."""
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

    async def get(
        self, path: str, *, query: Query | None = None, tag: str = "", patience_s: float = 0
    ) -> Answer | None:
        """Read something; None when it still bears ``tag``.

        ``patience_s`` is how long the registry has been asked to wait before it answers.
        """
        headers = {"Accept": "application/json"} | ({"If-None-Match": tag} if tag else {})
        url = self.url
        request = self._http.build_request("GET", f"{url}{path}", params=query, headers=headers)
        answer = await self._send(url, request, patience_s=patience_s)
        if answer.status_code == HTTPStatus.NOT_MODIFIED:
            return None
        return Answer(answer.body, answer.headers.get("etag", ""), dict(answer.headers))

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        content_type: str = "application/json",
    ) -> Mapping[str, Any]:
        """Send a document, or nothing, and read the document of the answer."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = content_type
        url = self.url
        request = self._http.build_request(method, f"{url}{path}", content=content, headers=headers)
        answer = await self._send(url, request)
        if not answer.body:
            return {}
        with self._judging(url):
            document = decoded(answer.body)
            if not isinstance(document, Mapping):
                raise RegistryMisbehaved(f"what it sends for {path} is no JSON object")
        return cast("Mapping[str, Any]", document)

    async def lines(self, path: str, *, query: Query | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the lines of a stream until the registry ends it."""
        url = self.url
        request = self._http.build_request(
            "GET", f"{url}{path}", params=query, headers={"Accept": "application/x-ndjson"}
        )
        with self._judging(url):
            try:
                async with LineStream(self._http, request, self._bounds) as stream:
                    while lines := await stream.next_lines():
                        for line in lines:
                            yield line
            except NotAStream as refusal:
                require_success(refusal.answer)

    @contextmanager
    def judging(self) -> Generator[None]:
        """Ask the next process from now on when what this one says cannot be understood.

        Raises RegistryMisbehaved for the one that comes out of the block, with the URL.
        """
        with self._judging(self.url):
            yield

    async def _send(
        self, url: str, request: httpx.Request, *, patience_s: float = 0
    ) -> bounded_reading.Answer:
        with self._judging(url):
            answer = await read_answer(self._http, request, self._bounds, patience_s=patience_s)
            require_success(answer)
        return answer

    @contextmanager
    def _judging(self, url: str) -> Generator[None]:
        try:
            yield
        except (RegistryUnreachable, RegistryMisbehaved) as error:
            if error.url:
                raise
            raise type(error)(self._leave(url, error), url=url) from error

    def _leave(self, url: str, error: Exception) -> str:
        """Ask another process from now on, unless another task has left this one already.

        Gives what was wrong, which may quote what others sent, as it can be logged.
        """
        problem = shown(str(error), WORDS_CHARACTERS_MAX)
        if self._urls[0] == url:
            self._urls.append(self._urls.pop(0))
        if self._goes_on:
            following = "asking it again" if self.url == url else f"asking {self.url}"
            self._notices.say(url, f"{url}: {problem}; {following}")
        return problem


def decoded(body: bytes) -> object:
    """Read JSON of one object; raises RegistryMisbehaved when it is none."""
    return parse_json(body, values_max=DOCUMENT_VALUES_MAX)


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url} is not a URL: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{url} is not an address such as http://127.0.0.1:8053")
    return url.rstrip("/")
