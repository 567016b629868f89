"""Requests of programs: repeated where that does no harm, to another process if there is one.

method, path -> Requests -> RegistryClient, once or several times -> document | text
"""

from typing import Any, Final, cast

from waypost.client.errors import Misbehaved, ServiceUnavailable, TooManyRequests
from waypost.client.http.answer import BOUNDS, Answer
from waypost.client.http.decoding import parse_document
from waypost.client.http.queries import JSON, Parameters, query_of
from waypost.client.http.registry_client import RegistryClient
from waypost.client.http.retries import RETRIES, Retries, retrying
from waypost.client.pace import CLOCK, Clock

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Methods whose repetition has the effect of one request; RFC 9110, section 9.2.2."""


class Requests:
    """Sends requests through a client, within bounds of attempts and time."""

    def __init__(
        self, client: RegistryClient, *, retries: Retries = RETRIES, clock: Clock = CLOCK
    ) -> None:
        self.client, self.retries, self.clock = client, retries, clock

    async def ask(  # noqa: PLR0913  what a request may have
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Parameters | None = None,
        content_type: str = JSON,
        is_repeatable: bool | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the JSON object of its answer; raises WaypostError.

        ``is_repeatable`` says whether doing it twice is doing it once, where its method does not.
        """
        answer = await self._answer(
            method,
            path,
            query=query,
            body=body,
            content_type=content_type,
            is_repeatable=is_repeatable,
        )
        with self.client.failing_over():
            found = parse_document(answer.body, values_max=BOUNDS.answer_values_max)
        return cast("dict[str, Any]", found)

    async def read_text(self, path: str, *, query: Parameters | None = None) -> str:
        """Get a text; raises WaypostError."""
        answer = await self._answer("GET", path, query=query, accept="*/*")
        with self.client.failing_over():
            try:
                return answer.body.decode()
            except UnicodeDecodeError:
                raise Misbehaved("the text it sends is not written in UTF-8") from None

    async def _answer(  # noqa: PLR0913  what a request may have
        self,
        method: str,
        path: str,
        *,
        query: Parameters | None,
        body: object = None,
        content_type: str = JSON,
        accept: str = JSON,
        is_repeatable: bool | None = None,
    ) -> Answer:
        async def send() -> Answer:
            url = self.client.url
            try:
                return await self.client.answer(
                    method,
                    path,
                    query=query_of(query or {}),
                    body=body,
                    content_type=content_type,
                    accept=accept,
                )
            except (TooManyRequests, ServiceUnavailable):
                self.client.leave(url)
                raise

        if is_repeatable is None:
            is_repeatable = method in IDEMPOTENT
        return await retrying(
            send, is_repeatable=is_repeatable, retries=self.retries, clock=self.clock
        )
