"""Registration of a DNS replica over HTTP; implements ``self_registration.Registrar``.

    Pod -> PUT /pods/…          key -> POST /pods/…/heartbeat | DELETE /pods/…

Source: contract.md, "Routes".
"""

from collections.abc import Mapping

from app.domain.errors import NotFound, NotSynced
from app.domain.names import NamespacedName
from app.domain.objects.pod import Pod
from app.schemas.objects.codec import encode_object
from waypost.client.errors import Refused, WaypostError
from waypost.client.registry_client import RegistryClient


class APIRegistrar:
    """Registers at the first reachable API."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client

    async def register(self, pod: Pod) -> None:
        """Create or replace the Pod; raises DomainError."""
        await self._ask("PUT", pod.metadata.key, body=encode_object(pod))

    async def renew(self, key: NamespacedName) -> bool:
        """Send a heartbeat; return whether the Pod exists."""
        try:
            await self._ask("POST", key, "/heartbeat")
        except NotFound:
            return False
        return True

    async def remove(self, key: NamespacedName) -> None:
        """Delete the Pod without a grace period; raises DomainError."""
        await self._ask("DELETE", key, "?gracePeriodSeconds=0")

    async def _ask(
        self,
        method: str,
        key: NamespacedName,
        rest: str = "",
        *,
        body: Mapping[str, object] | None = None,
    ) -> None:
        path = f"/pods/{key.namespace}/{key.name}{rest}"
        try:
            await self._client.ask(method, path, body)
        except Refused as refused:
            kind = NotFound if refused.reason == NotFound.reason else NotSynced
            raise kind(f"{path}: it answers {refused.code}: {refused}") from refused
        except WaypostError as error:
            raise NotSynced(str(error)) from error
