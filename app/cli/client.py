"""The registry's API for verbs: requests that return JSON or raise an exception.

    method, path, parameters -> document | text | lines,  or an error of app.client.errors

Verbs see neither httpx nor status codes.  ``app.client`` reads answers within bounds,
in an event loop that runs for one request.
Source: contract.md, "Errors".
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Final

import httpx

from app.cli.fields import Json
from app.cli.output import print_warning
from app.client.access import access_to
from app.client.bounded_reading import BOUNDS, Answer, Bounds
from app.client.credentials import Credentials, is_loopback
from app.client.errors import Refused, RegistryError, RegistryMisbehaved, RegistryUnreachable
from app.client.refusals import status_of
from app.client.registry_client import RegistryClient, parse_document
from app.client.server_text import shown

API_DEFAULT = "http://127.0.0.1:8053"
# Longer than the server may wait for a revision before it answers.
CLI_BOUNDS: Final = replace(BOUNDS, silence_s_max=60.0)
REFUSAL_VALUES_MAX: Final = 1_000_000  # a file with many mistakes leads to as many causes

_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
_QUOTED_PAIR = re.compile(r"\\(.)")
_SHOWN_OCTETS_MAX: Final = 500  # of an answer that is not a Status, or of one warning

Parameters = Mapping[str, str | bool | int | None]


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
        """Raise InvalidURL when ``url`` is malformed, or credentials would go in the clear."""
        access = access_to([url], credentials=credentials)
        (self.url,) = access.urls
        # A proxy cannot reach this machine's loopback address.
        self._access = replace(access, uses_proxies=not is_loopback(httpx.URL(self.url).host))
        self._transport = transport
        self._bounds = bounds

    def ask(
        self, method: str, path: str, *, query: Parameters | None = None, body: object = None
    ) -> Json:
        """Send a request, print its warnings and return the JSON document of its answer."""
        try:
            document, warnings = self.ask_with_warnings(method, path, query=query, body=body)
        except Refused as refusal:
            for warning in refusal.warnings:
                print_warning(warning)
            raise
        for warning in warnings:
            print_warning(warning)
        return document

    def ask_with_warnings(
        self, method: str, path: str, *, query: Parameters | None = None, body: object = None
    ) -> tuple[Json, tuple[str, ...]]:
        """Send a request and return the JSON document of its answer, and its warnings."""
        return asyncio.run(self._document(method, path, query, body))

    def read_text(self, path: str, *, query: Parameters | None = None) -> str:
        """Get a text."""
        return asyncio.run(self._text(path, query))

    def follow(self, path: str, *, query: Parameters | None = None) -> Iterator[Json]:
        """Yield the documents of a stream, one per line, until the server ends it."""
        with asyncio.Runner() as runner:
            opened, client = AsyncExitStack(), self._client()
            try:
                runner.run(opened.enter_async_context(client))
                lines = client.lines(path, query=_written(query))
                runner.run(opened.enter_async_context(aclosing(lines)))
                while some := runner.run(_next(lines)):
                    for line in some:
                        with client.failing_over():
                            document = parse_document(line)
                        yield document
            finally:
                runner.run(opened.aclose())

    def _client(self) -> RegistryClient:
        return RegistryClient(
            self._access,
            transport=self._transport,
            bounds=self._bounds,
            check=_require_success,
            logs_failures=False,
        )

    async def _document(
        self, method: str, path: str, query: Parameters | None, body: object
    ) -> tuple[Json, tuple[str, ...]]:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        async with self._client() as client:
            with client.failing_over():
                answer = await client.answer(
                    method, path, query=_written(query), content=content, headers=headers
                )
                values_max = self._bounds.answer_values_max
                return parse_document(answer.body, values_max=values_max), tuple(_warnings(answer))

    async def _text(self, path: str, query: Parameters | None) -> str:
        async with self._client() as client:
            with client.failing_over():
                answer = await client.answer("GET", path, query=_written(query))
                try:
                    return answer.body.decode()
                except UnicodeDecodeError:
                    problem = "the text it sends is not written in UTF-8"
                    raise RegistryMisbehaved(problem) from None


async def _next(lines: AsyncGenerator[list[bytes], None]) -> list[bytes]:
    return await anext(lines, None) or []


def words_of(error: RegistryError) -> str:
    """Word why there is no answer, and what the user can do."""
    match error:
        case RegistryUnreachable():
            return (
                f"no server answers at {error.url} ({error.problem}): "
                "start one with `waypost serve`, or name another with --api"
            )
        case RegistryMisbehaved():
            return f"what answers at {error.url} does not speak as Waypost does: {error.problem}"
        case _:
            return str(error)


def _require_success(answer: Answer) -> None:
    """Raise Refused for a refusal, RegistryMisbehaved for an answer that Waypost never sends."""
    if answer.is_success:
        return
    code = answer.status_code
    status = status_of(answer, values_max=REFUSAL_VALUES_MAX)
    if status is None or status.get("kind") != "Status":
        said = shown(answer.body[:_SHOWN_OCTETS_MAX].decode(errors="replace"), _SHOWN_OCTETS_MAX)
        raise RegistryMisbehaved(
            f"it answers {code}: {said or httpx.codes.get_reason_phrase(code)}"
        )
    raise Refused(status, code=code, warnings=tuple(_warnings(answer)))


def _written(query: Parameters | None) -> dict[str, str]:
    """Encode parameters without the empty ones."""
    return {
        name: "true" if value is True else str(value)
        for name, value in (query or {}).items()
        if value is not None and value is not False and value != ""
    }


def _warnings(answer: Answer) -> Iterator[str]:
    for header in answer.headers.get_list("warning"):
        for found in _WARNING.findall(header):
            yield shown(_QUOTED_PAIR.sub(r"\1", found), _SHOWN_OCTETS_MAX)
