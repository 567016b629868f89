"""The registry's API for verbs: requests that return JSON or raise an exception.

    method, path, parameters -> document | text | lines,  or an error of waypost.client.errors

Verbs see neither a client of HTTP nor status codes.  Most requests go through ``http.direct``.
Source: contract.md, "Errors".
"""

import json
import os
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from app.cli.fields import Json
from app.cli.http.direct import DirectClient
from app.cli.http.target import target_of
from app.cli.output import print_warning
from waypost.client.errors import WORDS_CHARACTERS_MAX, Misbehaved, Unreachable, shown
from waypost.client.http.answer import BOUNDS, Bounds
from waypost.client.http.answers import Warn, require_answered
from waypost.client.http.credentials import Credentials
from waypost.client.http.decoding import parse_document
from waypost.client.http.queries import JSON, Parameters, query_of

if TYPE_CHECKING:
    import httpx

    from app.cli.http.looped import LoopedClient

# Longer than the server may wait for a revision before it answers.
CLI_BOUNDS: Final = replace(BOUNDS, silence_s_max=60.0)


class Api:
    """One server, by its URL; ``transport`` replaces the network in tests."""

    def __init__(
        self,
        url: str,
        *,
        transport: "httpx.AsyncBaseTransport | None" = None,
        bounds: Bounds = CLI_BOUNDS,
        credentials: Credentials | None = None,
    ) -> None:
        """Raise InvalidURL when ``url`` is malformed."""
        self.url = url.rstrip("/")
        self._bounds = bounds
        self._client = _client(self.url, transport, bounds, credentials)

    def ask(  # noqa: PLR0913  what a request may have
        self,
        method: str,
        path: str,
        *,
        query: Parameters | None = None,
        body: object = None,
        content_type: str = JSON,
        warn: Warn = print_warning,
    ) -> Json:
        """Send a request, ``warn`` of its warnings and return the JSON document of its answer."""
        content = None if body is None else json.dumps(body)
        with self._named():
            answer = self._client.answer(
                method,
                path,
                query=query_of(query or {}),
                content=content,
                content_type=content_type,
                accept=JSON,
            )
            require_answered(answer, warn=warn)
            return parse_document(answer.body, values_max=self._bounds.answer_values_max)

    def read_text(self, path: str, *, query: Parameters | None = None) -> str:
        """Get a text."""
        with self._named():
            answer = self._client.answer("GET", path, query=query_of(query or {}), accept="*/*")
            require_answered(answer, warn=print_warning)
            try:
                return answer.body.decode()
            except UnicodeDecodeError:
                problem = "the text it sends is not written in UTF-8"
                raise Misbehaved(problem) from None

    def follow(self, path: str, *, query: Parameters | None = None) -> Iterator[Json]:
        """Yield the documents of a stream, one per line, until the server ends it."""
        check = partial(require_answered, warn=print_warning)
        batches = self._client.lines(path, query=query_of(query or {}), check=check)
        with closing(batches):
            while some := self._next(batches):
                for line in some:
                    with self._named():
                        document = parse_document(line)
                    yield document

    def _next(self, batches: Generator[list[bytes]]) -> list[bytes]:
        with self._named():
            return next(batches, list[bytes]())

    @contextmanager
    def _named(self) -> Generator[None]:
        """Add the URL to an error of the block that has none."""
        try:
            yield
        except (Unreachable, Misbehaved) as error:
            if error.url:
                raise
            # The problem may quote the server's text.
            problem = shown(error.problem, WORDS_CHARACTERS_MAX)
            raise error.at(self.url, problem) from error


def _client(
    url: str,
    transport: "httpx.AsyncBaseTransport | None",
    bounds: Bounds,
    credentials: Credentials | None,
) -> "DirectClient | LoopedClient":
    target = target_of(url, os.environ)
    if target is None or transport is not None or (credentials and not target.is_private):
        from app.cli.http.looped import LoopedClient  # noqa: PLC0415  httpx is slow to load

        return LoopedClient(url, credentials, bounds, transport=transport)
    return DirectClient(target, credentials, bounds)
