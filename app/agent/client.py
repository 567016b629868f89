"""The registry over HTTP, as a node's agent sees it.

    method, path, query -> body | document,  or RegistryUnreachable | RegistryMisbehaved | Refused

Several URLs are processes of one registry: when one does not answer, the next
is asked.  Nobody above sees httpx or a status code.

Source: contract.md, "Errors"; style.md 4, "Errors".
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, cast

import httpx

CONNECT_S_MAX = 5.0
ANSWER_S_MAX = 30.0  # beyond what a question itself asks the registry to wait
KEPT_S_MAX = 3.0  # an idle connection; servers close theirs after five seconds or more
SILENCE_S_MAX = 45.0  # a watch says something every 15 s at least
LINE_BYTES_MAX = 16 * 1024 * 1024
BODY_BYTES_MAX = 256 * 1024 * 1024

Query = Mapping[str, str]


class RegistryError(Exception):
    """The root of what can go wrong with a registry; never raised itself."""


class RegistryUnreachable(RegistryError):
    """Nothing answers, or what answers cannot serve now; worth trying again."""


class RegistryMisbehaved(RegistryError):
    """What answers does not speak as a registry does."""


class Refused(RegistryError):
    """The registry says no; ``reason`` is its stable word for why."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """A body, and the entity tag that a later question may name."""

    body: bytes
    tag: str
    headers: Mapping[str, str]


_WORDS_CHARACTERS_MAX = 300  # of what a registry says that cannot answer
_ABLE_ELSEWHERE = frozenset({421, 429, 500, 502, 503})
"""Said by a process that will do better later, or does not know the name that it is called by:
the next of several may do better now."""


class RegistryClient:
    """Asks one of several processes of a registry; ``transport`` replaces the network in tests."""

    def __init__(
        self, urls: Sequence[str], *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Raise ValueError when one of ``urls`` is no address."""
        self._urls = [_checked(url) for url in urls]
        if not self._urls:
            raise ValueError("the address of a registry is needed")
        self._http = httpx.AsyncClient(
            transport=transport,
            timeout=httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX),
            limits=httpx.Limits(keepalive_expiry=KEPT_S_MAX),
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
        headers = {"If-None-Match": tag} if tag else {}
        answer = await self._send("GET", path, query=query, headers=headers, patience_s=patience_s)
        if answer.status_code == HTTPStatus.NOT_MODIFIED:
            return None
        return Answer(answer.content, answer.headers.get("etag", ""), dict(answer.headers))

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
        headers = {} if content is None else {"Content-Type": content_type}
        answer = await self._send(method, path, content=content, headers=headers)
        if not answer.content:
            return {}
        document = decoded(answer.content)
        if not isinstance(document, Mapping):
            raise RegistryMisbehaved(f"{self.url}{path} answers something else than an object")
        return cast("Mapping[str, Any]", document)

    async def lines(self, path: str, *, query: Query | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the lines of a stream until the registry ends it."""
        timeout = httpx.Timeout(SILENCE_S_MAX, connect=CONNECT_S_MAX)
        asked = {"Accept": "application/x-ndjson"}
        url = f"{self.url}{path}"
        try:
            async with self._http.stream(
                "GET", url, params=query, headers=asked, timeout=timeout
            ) as answer:
                if not answer.is_success:
                    await answer.aread()
                    self._require_ability(answer)
                    _require_success(answer)
                async for line in _lines(answer):
                    yield line
        except httpx.HTTPError as error:
            raise self._unreachable(str(error) or type(error).__name__) from None

    async def _send(  # noqa: PLR0913  a request is what it is
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        patience_s: float = 0,
    ) -> httpx.Response:
        asked = {"Accept": "application/json", **(headers or {})}
        timeout = httpx.Timeout(ANSWER_S_MAX + patience_s, connect=CONNECT_S_MAX)
        try:
            answer = await self._http.request(
                method,
                f"{self.url}{path}",
                params=query,
                content=content,
                headers=asked,
                timeout=timeout,
            )
        except httpx.HTTPError as error:
            raise self._unreachable(str(error) or type(error).__name__) from None
        self._require_ability(answer)
        if len(answer.content) > BODY_BYTES_MAX:
            raise RegistryMisbehaved(f"{self.url}{path} answers more than {BODY_BYTES_MAX} bytes")
        _require_success(answer)
        return answer

    def _require_ability(self, answer: httpx.Response) -> None:
        if answer.status_code in _ABLE_ELSEWHERE:
            words = " ".join(_said(answer)[1].split())[:_WORDS_CHARACTERS_MAX]
            why = f": {words}" if words else ""
            raise self._unreachable(f"it answers {answer.status_code}{why}")

    def _unreachable(self, problem: str) -> RegistryUnreachable:
        failed = self._urls.pop(0)
        self._urls.append(failed)
        return RegistryUnreachable(f"{failed}: {problem}")


def decoded(body: bytes) -> object:
    """Read JSON; raises RegistryMisbehaved when it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise RegistryMisbehaved("an answer is not JSON") from None


async def _lines(answer: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Split a stream at line feeds, and nothing else that text may take for a line's end."""
    rest = b""
    async for piece in answer.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line:
                yield line
        if len(rest) > LINE_BYTES_MAX:
            raise RegistryMisbehaved(f"a line has more than {LINE_BYTES_MAX} bytes")


def _require_success(answer: httpx.Response) -> None:
    if answer.is_success or answer.status_code == HTTPStatus.NOT_MODIFIED:
        return
    reason, message = _said(answer)
    if not reason:
        url, code = answer.request.url, answer.status_code
        raise RegistryMisbehaved(f"{url} answers {code} and does not say why")
    raise Refused(reason, message)


def _said(answer: httpx.Response) -> tuple[str, str]:
    """Give the reason and the message of a Status; both are empty when it is none."""
    try:
        status: Any = json.loads(answer.content)
        return str(status["reason"]), str(status["message"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return "", ""


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url} is not a URL: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{url} is not an address such as http://127.0.0.1:8053")
    return url.rstrip("/")
