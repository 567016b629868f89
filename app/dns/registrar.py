"""Register a DNS replica at the API that it follows; fulfils ``registry.presence.Registrar``.

    Pod -> PUT /pods/…          key -> POST /pods/…/heartbeat | DELETE /pods/…

Source: contract.md, "Routes".
"""

from collections.abc import Callable
from http import HTTPStatus

import httpx

from app.dns.api_answers import problem_of
from app.domain.errors import DomainError, NotFound, NotSynced
from app.domain.names import NamespacedName
from app.domain.objects.pod import Pod
from app.schemas.codec import encode_bytes

ANSWER_S_MAX = 5.0


class APIRegistrar:
    """Asks whichever API is followed at the moment."""

    def __init__(
        self, url: Callable[[], str], *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Ask the API at ``url()``; ``transport`` replaces the network in tests."""
        self._url = url
        self._transport = transport

    async def register(self, pod: Pod) -> None:
        """Make the Pod known, or known again; raises DomainError."""
        await self._ask("PUT", pod.metadata.key, content=encode_bytes(pod))

    async def renew(self, key: NamespacedName) -> bool:
        """Send a heartbeat; says whether the Pod is known."""
        try:
            await self._ask("POST", key, "/heartbeat")
        except NotFound:
            return False
        return True

    async def remove(self, key: NamespacedName) -> None:
        """Take the Pod off at once; raises DomainError."""
        await self._ask("DELETE", key, "?gracePeriodSeconds=0")

    async def _ask(
        self, method: str, key: NamespacedName, rest: str = "", *, content: bytes | None = None
    ) -> None:
        url = f"{self._url()}/pods/{key.namespace}/{key.name}{rest}"
        headers = {} if content is None else {"Content-Type": "application/json"}
        try:
            async with httpx.AsyncClient(
                timeout=ANSWER_S_MAX, transport=self._transport, trust_env=False
            ) as client:
                answer = await client.request(method, url, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise NotSynced(f"{url}: {str(error) or type(error).__name__}") from error
        if not answer.is_success:
            raise _refusal(answer)


def _refusal(answer: httpx.Response) -> DomainError:
    kind = NotFound if answer.status_code == HTTPStatus.NOT_FOUND else NotSynced
    return kind(f"{answer.url}: {problem_of(answer)}")
